"""The state of a session: read at its first use, compared deep inside, refused after it was written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from sketch.request.session_state import KeptSession, SessionState, read_body, write_body


def state_of(data: dict[str, Any] | None = None, flashes: Any = ()) -> SessionState:
    """The state of a session that has come with this content; a new one without."""
    kept = None if data is None else KeptSession("its-id", 5, 6, write_body(data, list(flashes)))
    return SessionState(lambda: kept)


def test_nothing_is_read_before_the_first_use() -> None:
    asked = []
    state = SessionState(lambda: asked.append(1))
    assert (state.accessed, state.is_modified, asked) == (False, False, [])
    assert state.opened().opened().data == {}
    assert (state.accessed, state.is_modified, state.is_blank, asked) == (True, False, True, [1])


def test_what_cannot_be_read_yet_is_asked_for_again() -> None:
    answers: list[Any] = [ValueError("away"), None]

    def find() -> KeptSession | None:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    state = SessionState(find)
    with pytest.raises(ValueError, match="away"):
        state.opened()
    assert not state.accessed
    assert state.opened().data == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(new=1),
        lambda data: data.pop("a"),
        lambda data: data.update(a=1.0),
        lambda data: data["deep"]["list"].append(1),
        lambda data: data["deep"]["list"][0].update(x=2),
        lambda data: data["deep"].clear(),
    ],
)
def test_changes_anywhere_are_seen(change: Any) -> None:
    state = state_of({"a": 1, "deep": {"list": [{"x": 1}]}}, [["message", "x"]]).opened()
    assert not state.is_modified
    change(state.data)
    assert state.is_modified
    assert read_body(state.body()) == (state.data, [["message", "x"]])


def test_the_same_again_is_no_change() -> None:
    state = state_of({"a": [1], "b": "ü\ud800"}).opened()
    state.data["a"] = [1]
    state.data["b"] = state.data.pop("b")
    assert not state.is_modified


def test_an_emptied_session_is_kept_and_a_cleared_one_is_not() -> None:
    emptied = state_of({"a": 1}).to_change()
    del emptied.data["a"]
    assert (emptied.is_blank, emptied.is_modified, emptied.id) == (False, True, "its-id")
    cleared = state_of({"a": 1})
    cleared.clear()
    assert (cleared.is_blank, cleared.is_modified, cleared.ended) == (True, True, True)
    cleared.data["a"] = 1
    assert (cleared.is_blank, cleared.is_modified) == (False, True)
    assert cleared.id != "its-id"


def test_ids() -> None:
    new = state_of()
    first = new.id
    assert (new.id, len(first), new.is_modified) == (first, 43, True)
    new.regenerate()
    assert new.id != first
    kept = state_of({})
    assert (kept.id, kept.is_modified) == ("its-id", False)
    kept.regenerate()
    assert kept.is_modified


def test_a_session_that_was_written_refuses_changes() -> None:
    state = state_of({"a": 1})
    state.closed = True
    assert (state.opened().data, state.id) == ({"a": 1}, "its-id")
    new = state_of()
    new.closed = True
    for call in (state.to_change, state.clear, state.regenerate, lambda: new.id):
        with pytest.raises(RuntimeError, match="it was written with the head of the response"):
            call()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "got one in 'b': Object of type object is not JSON serializable"),
        (float("inf"), "got one in 'b': Out of range float values"),
        (b"bytes", "got one in 'b': Object of type bytes"),
    ],
)
def test_what_json_cannot_hold(value: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        write_body({"a": 1, "b": value}, [])


def test_a_number_that_could_not_be_read_again() -> None:
    with pytest.raises(TypeError, match="got one in 'b': Exceeds the limit"):
        write_body({"b": 10**5000}, [])


def test_what_contains_itself() -> None:
    data: dict[str, Any] = {}
    data["a"] = data
    with pytest.raises(TypeError, match="got one in 'a': "):
        write_body(data, [])


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"null", b"\xff", b"[" * 9])
def test_bodies_of_others_count_as_none(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    state = SessionState(lambda: KeptSession("its-id", 1, 1, body))
    assert (state.opened().data, state.kept) == ({}, None)
    assert state.id != "its-id"
    assert "a session cannot be read" in caplog.text


# -- models -----------------------------------------------------------------------------------------------------------


@dataclass
class Cart:
    items: list[str] = field(default_factory=list)
    coupon: str | None = None


@dataclass
class Visitor:
    user: str | None = None


def test_a_model_that_was_read_alone_changes_nothing() -> None:
    state = state_of({"other": 1}).opened()
    assert state.model(Cart) == Cart()
    assert not state.is_modified


def test_changes_of_models_are_taken_beside_other_values() -> None:
    state = state_of({"other": 1, "items": ["tea"], "user": "ann"}).opened()
    cart, visitor = state.model(Cart), state.model(Visitor)
    assert state.model(Cart) is cart
    cart.items.append("milk")
    assert state.is_modified
    assert read_body(state.body())[0] == {"other": 1, "items": ["tea", "milk"], "user": "ann", "coupon": None}
    visitor.user = "bob"
    assert read_body(state.body())[0]["user"] == "bob"
    assert state.data["items"] == ["tea", "milk"]


def test_content_of_an_older_version_counts_as_none() -> None:
    state = state_of({"items": "tea,milk", "user": "ann"}).opened()
    assert state.model(Cart) == Cart()
    assert state.model(Visitor) == Visitor("ann")
    assert not state.is_modified


def test_a_model_is_forgotten_by_clear() -> None:
    state = state_of({"items": ["tea"]}).opened()
    state.model(Cart).items.append("milk")
    state.clear()
    assert (state.is_blank, state.model(Cart)) == (True, Cart())
