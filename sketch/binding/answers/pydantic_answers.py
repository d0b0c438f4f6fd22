"""Writes values of types that pydantic knows as JSON, with the fields of the declared type alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sketch.binding.answers.pydantic_guard import find_guard
from sketch.binding.answers.shapes import Code, Misfit, Shape, Steps, make_test, passes
from sketch.binding.kinds import show
from sketch.jsoncodec.libraries import library

if TYPE_CHECKING:
    from sketch.binding.answers.options import AnswerOptions

T = TypeVar("T")


class PydanticWriter:
    """Writes values of a type.

    pydantic leaves out what the declared type does not have, and refuses most of what is something else. What it
    refuses, or would not check, is made into an object of the declared type by validation.

    Args:
        kind: the type.
        options: of the models in it.

    Raises:
        TypeError: for a type that pydantic does not know.
        RuntimeError: if pydantic is not installed.
    """

    def __init__(self, kind: Any, options: AnswerOptions) -> None:
        self._adapter = adapter = _adapter(kind)
        self._settings = {"by_alias": True, **options.of_models, "warnings": "error"}
        self._dump: Callable[[Any], bytes] = partial(adapter.serializer.to_json, **self._settings)
        self._guard = find_guard(kind)
        self._test = make_test(self._guard)
        self._validate = _find_validate(adapter)
        self._noun = show(kind)
        core = library("pydantic_core")
        self._refused = (core.PydanticSerializationError, core.ValidationError)

    def find_write(self) -> Callable[[Any], bytes]:
        """Make the function that writes a value. It raises TypeError for one that is not of the type."""
        dump, test, refused, write_converted = self._dump, self._test, self._refused, self._convert

        def write(value: Any) -> bytes:
            if passes(test, value):
                try:
                    return dump(value)
                except refused:
                    pass
            return write_converted(value, dump)

        return write

    def _convert(self, value: Any, dump: Callable[[Any], T]) -> T:
        """Write a value of the type that is made of another one. Raises TypeError for one that does not validate."""
        fitted = self._guard.fit(value, ())
        try:
            return dump(self._validate(fitted))
        except self._refused as exc:
            raise TypeError(f"expected {self._noun}: {exc}") from None

    def to_plain(self, value: Any) -> Any:
        """Return a value as plain data, in place of its JSON. Raises as `find_write` says."""
        dump = partial(self._adapter.dump_python, mode="json", **self._settings)
        if passes(self._test, value):
            try:
                return dump(value)
            except self._refused:
                pass
        return self._convert(value, dump)


def _adapter(kind: Any) -> Any:
    try:
        return library("pydantic").TypeAdapter(kind)
    except Exception as exc:  # of several classes, none of them common
        reason = str(exc).partition("\n")[0]
        raise TypeError(f"expected a type that pydantic knows, got {show(kind)}: {reason:.200}") from exc


def _find_validate(adapter: Any) -> Callable[[Any], Any]:
    """Validation of objects, too, and of dicts with the names of fields as well as their aliases."""
    named = "by_name" in inspect.signature(adapter.validate_python).parameters  # from pydantic 2.11 on
    return partial(adapter.validate_python, from_attributes=True, **({"by_name": True} if named else {}))


class Foreign(Shape):
    """A class of pydantic inside of a Struct, which its library does not write.

    Args:
        kind: the class.
        options: of the models.
    """

    def __init__(self, kind: Any, options: AnswerOptions) -> None:
        self.kind = kind
        self.noun = show(kind)
        self._writer = PydanticWriter(kind, options)

    def test(self, value: str, code: Code) -> str:  # noqa: ARG002 - as of every shape
        """Write the test: it is always sent as plain data."""
        return "False"

    def fit(self, value: Any, at: Steps) -> Any:
        """Return what may be sent: see `Shape`."""
        try:
            return self._writer.to_plain(value)
        except TypeError:
            raise Misfit(self.noun, value, at) from None
