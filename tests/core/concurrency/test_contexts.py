"""Context variables that are carried from one context to another."""

from __future__ import annotations

from contextvars import Context, ContextVar, copy_context

from sketch.concurrency.contexts import changed_since, set_variables

FIRST: ContextVar[object] = ContextVar("first")
SECOND: ContextVar[object] = ContextVar("second", default="default")


class Incomparable:
    """As an array: `==` gives no truth value."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("ambiguous")

    __hash__ = None  # type: ignore[assignment]


def test_only_what_has_changed() -> None:
    def change() -> None:
        FIRST.set(same := Incomparable())
        before = copy_context()
        assert changed_since(before) == ()
        FIRST.set(same)
        assert changed_since(before) == ()
        SECOND.set(2)
        assert changed_since(before) == ((SECOND, 2),)
        FIRST.set(other := Incomparable())
        assert dict(changed_since(before))[FIRST] is other

    Context().run(change)


def test_they_are_set_in_the_current_context_alone() -> None:
    def check() -> None:
        set_variables(((FIRST, 1), (SECOND, 2)))
        assert (FIRST.get(), SECOND.get()) == (1, 2)
        assert Context().run(lambda: FIRST.get("unset")) == "unset"

    Context().run(check)
    assert SECOND.get() == "default"
