"""The parameters of a callable, with their annotations as types where these can be had."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from functools import partial
from inspect import Parameter, Signature
from types import FunctionType, MethodType, NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints


class Unresolved:
    """The annotation of a parameter that names what does not exist at run time: imported under TYPE_CHECKING, say.

    Args:
        text: the annotation as it is written.
        reason: what it raises.
    """

    __slots__ = ("reason", "text")

    def __init__(self, text: str, reason: Exception | None = None) -> None:
        self.text = text
        self.reason = reason

    def __repr__(self) -> str:
        return self.text

    @property
    def advice(self) -> str:
        """What to do about it; of anything but a missing name, what it raises."""
        if self.reason is None or isinstance(self.reason, NameError):
            return "define or import it at the top of its module, not in a function and not under TYPE_CHECKING"
        return f"it raises {type(self.reason).__name__}: {str(self.reason).partition(chr(10))[0]:.200}"


def own_parameters(function: Callable[..., Any]) -> list[Parameter]:
    """The parameters of a callable itself, whatever it wraps, each with its type or `Unresolved` as annotation.

    `Any` and `object` say nothing, and are no annotation.

    Raises:
        ValueError: for a callable without a signature.
    """
    parameters = _parameters(function)
    hints = _all_hints(function)  # resolved together in a fifth of the time, if all of them can be
    return [_resolved(parameter, function, hints.get(parameter.name)) for parameter in parameters]


def partial_parameters(function: partial[Any], inner: list[Parameter]) -> list[Parameter]:
    """The parameters of a partial; those that it sets by keyword have that as default, and no annotation.

    Args:
        function: the partial.
        inner: the parameters of the function inside.

    Raises:
        ValueError: for arguments that the function inside does not take.
    """

    def stand_in() -> None: ...

    stand_in.__signature__ = Signature(inner)  # type: ignore[attr-defined]
    parameters = _parameters(partial(stand_in, *function.args, **function.keywords))
    return [p.replace(annotation=Parameter.empty) if p.name in function.keywords else p for p in parameters]


def find_wrapped(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """The function that a decorator's function wraps, None if it wraps none; of a method, bound to the same object."""
    wrapped: Callable[..., Any] | None = getattr(function, "__wrapped__", None)
    if wrapped is not None and isinstance(function, MethodType):
        return MethodType(wrapped, function.__self__)
    return wrapped


def returned_type(function: Callable[..., Any]) -> object:
    """The type that a callable declares to return; `Parameter.empty` if it declares none, or one that says nothing.

    A response may be imported for type checkers only.

    Raises:
        ValueError: for any other type that does not exist at run time.
    """
    while isinstance(function, partial):
        function = function.func
    try:
        annotation = inspect.signature(function, follow_wrapped=False).return_annotation
    except (ValueError, TypeError):
        return Parameter.empty
    if annotation is Parameter.empty:
        return annotation
    found = _without_names(_resolve(annotation, function))
    if isinstance(found, Unresolved):
        if "Response" in found.text:
            return Parameter.empty
        raise ValueError(f"expected the type of a result that exists at run time, got {found!r:.200}: {found.advice}")
    return Parameter.empty if found in (Any, object) else found


def base_of(annotation: object) -> object:
    """The type inside `Annotated`; any other annotation by itself."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def types_in(annotation: object) -> tuple[object, ...]:
    """The types of a union without None; any other annotation by itself. What they are annotated with is left out."""
    annotation = base_of(annotation)
    if get_origin(annotation) in (Union, UnionType):
        return tuple(base_of(member) for member in get_args(annotation) if member is not NoneType)
    return (annotation,)


def show(parameter: Parameter) -> str:
    """A parameter with its annotation, as its author has written it."""
    annotation = parameter.annotation
    text = repr(annotation) if isinstance(annotation, Unresolved) else inspect.formatannotation(annotation)
    return f"{parameter.name}: {text}"[:200]


def _parameters(function: Callable[..., Any]) -> list[Parameter]:
    try:
        return list(inspect.signature(function, follow_wrapped=False).parameters.values())
    except (ValueError, TypeError) as exc:
        raise ValueError(f"expected a handler with a signature: {exc}") from None


def _all_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The resolved annotations of a plain function; none for one that wraps another, or if one does not resolve."""
    if not isinstance(function, FunctionType) or hasattr(function, "__wrapped__"):
        return {}
    try:
        return get_type_hints(function, include_extras=True)
    except Exception:  # whatever the text of an annotation raises: each is resolved by itself
        return {}


def _resolved(parameter: Parameter, function: Callable[..., Any], hint: Any) -> Parameter:
    if parameter.annotation is Parameter.empty:
        return parameter
    annotation = _without_names(_resolve(parameter.annotation, function) if hint is None else hint)
    return parameter.replace(annotation=Parameter.empty if annotation in (Any, object) else annotation)


def _without_names(annotation: object) -> object:
    """What an alias stands for, with the source in it: `type User = Annotated[str, Depends(signed_in)]`."""
    if isinstance(annotation, type | Unresolved):
        return annotation
    from sketch.binding.kinds import unwrap  # not every application has such types

    try:
        return unwrap(annotation).annotation
    except Exception as exc:  # whatever the value of an alias raises, which is evaluated only here
        return Unresolved(repr(annotation), exc)


def _resolve(annotation: object, function: Callable[..., Any]) -> object:
    def holder() -> None: ...

    holder.__annotations__ = {"it": annotation}
    reason: Exception | None = None
    for names in _namespaces(function):
        try:
            return get_type_hints(holder, names, include_extras=True)["it"]
        except Exception as exc:  # whatever the text of an annotation raises: it names no type there
            reason = exc if reason is None or isinstance(reason, NameError) else reason
    return Unresolved(annotation if isinstance(annotation, str) else repr(annotation), reason)


def _namespaces(function: object) -> Iterator[dict[str, Any]]:
    """The globals in which annotations are looked up, those of the innermost function first: `wraps` copies its."""
    inner = getattr(function, "__wrapped__", None)
    if inner is not None:
        yield from _namespaces(inner)
    if isinstance(function, partial):
        yield from _namespaces(function.func)
    elif isinstance(function, type):
        yield from _namespaces(vars(function).get("__init__"))
        yield vars(sys.modules[function.__module__])
    elif isinstance(names := getattr(function, "__globals__", None), dict):
        yield names
    elif isinstance(call := getattr(function, "__call__", None), MethodType):  # noqa: B004 - for its globals
        yield from _namespaces(call)
