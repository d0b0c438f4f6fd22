"""The parameters of callables: their annotations as types, what partials leave open, what decorators wrap."""

from __future__ import annotations

from functools import partial, wraps
from typing import Annotated, Any, Optional, Union

import pytest

from sketch.binding.signatures import (
    Unresolved,
    find_wrapped,
    own_parameters,
    partial_parameters,
    show,
    types_in,
)
from sketch.request import Request


def sample(  # type: ignore[no-untyped-def]
    a: Request,
    b: Annotated[int, "b"],
    c: Any,
    d,
    e: Missing,  # type: ignore[name-defined] # noqa: F821
    f: "Optional[Request]" = None,  # noqa: UP037, UP045
) -> None: ...


class Callee:
    def __call__(self, a: Request) -> None: ...

    def method(self, a: Request) -> None: ...


def annotations(function: Any) -> list[Any]:
    return [parameter.annotation for parameter in own_parameters(function)]


def test_annotations_are_types_where_they_can_be_resolved() -> None:
    a, b, c, d, e, f = own_parameters(sample)
    assert (a.annotation, b.annotation, f.annotation) == (Request, Annotated[int, "b"], Optional[Request])  # noqa: UP045
    assert c.annotation is d.annotation is d.empty
    assert isinstance(e.annotation, Unresolved)
    assert [show(each).replace("typing.", "") for each in (b, e)] == ["b: Annotated[int, 'b']", "e: Missing"]


@pytest.mark.parametrize("function", [Callee(), Callee().method, partial(Callee()), partial(Callee().method)])
def test_annotations_of_objects_methods_and_partials(function: Any) -> None:
    assert annotations(function) == [Request]


@pytest.mark.parametrize("text", ["1 +", "'a b'", "Missing.name", "len(", "sample.missing", "Request[0]"])
def test_an_annotation_may_be_any_text(text: str) -> None:
    def function(a: Any) -> None: ...

    function.__annotations__ = {"a": text}
    assert isinstance(annotations(function)[0], Unresolved)


def test_what_is_shown_is_bounded() -> None:
    def function(a: Any) -> None: ...

    function.__annotations__ = {"a": "x" * 1000}
    assert len(show(own_parameters(function)[0])) == 200


def test_a_partial_leaves_parameters_open_and_sets_others() -> None:
    a, b = partial_parameters(partial(lambda x, a, b: None, 1, b=2), own_parameters(lambda x, a, b: None))
    assert (a.name, a.default, b.name, b.default) == ("a", a.empty, "b", 2)


def test_a_partial_that_cannot_be_called() -> None:
    with pytest.raises(ValueError, match="expected a handler with a signature"):
        partial_parameters(partial(lambda: None, 1), [])


def test_the_wrapped_function_of_a_method_is_bound_too() -> None:
    def decorated(method: Any) -> Any:
        @wraps(method)
        def wrapper(*args: Any) -> Any:
            return method(*args)

        return wrapper

    class Holder:
        @decorated
        def method(self) -> Any:
            return self

    holder = Holder()
    wrapped = find_wrapped(holder.method)
    assert wrapped is not None
    assert wrapped() is holder
    assert find_wrapped(wrapped) is None


@pytest.mark.parametrize(
    ("annotation", "types"),
    [
        (int, (int,)),
        (int | None, (int,)),
        (Optional[int], (int,)),  # noqa: UP045
        (Union[int, str, None], (int, str)),  # noqa: UP007
        (list[int], (list[int],)),
        (None, (None,)),
    ],
)
def test_the_types_of_a_union(annotation: Any, types: tuple[Any, ...]) -> None:
    assert types_in(annotation) == types
