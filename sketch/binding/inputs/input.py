"""An input: a parameter that the client supplies."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from sketch.binding.defaults import MISSING
from sketch.binding.inputs.file_kinds import is_file
from sketch.binding.sources import PlaceName
from sketch.keys import Key

if TYPE_CHECKING:
    from sketch.binding.fields import FieldsReader


Read = Callable[[Any], Any]
"""Reads a value from a request, or from its form; raises Fault or Faults."""


class Stored(NamedTuple):
    """A value that middleware has stored by a key of the request, or that the application holds by one of its own."""

    key: Key[Any]
    default: Any


class Input:
    """A parameter that the client supplies.

    Args:
        parameter: the name in the handler's signature.
        place: where the value stands.
        name: the name under which clients send it; "" for the whole body.
        kind: the declared type, with its constraints.
        default: what a request without the value gives, MISSING if it is required.
        fields: the fields of a model, each of which is sent by its own name; None for a single value.
    """

    __slots__ = ("default", "embed", "fields", "kind", "name", "parameter", "place", "read", "sure")

    read: Read
    """Reads the value from the request; from the form, for an input of one. Unset for those of a body in JSON."""

    def __init__(
        self, parameter: str, place: PlaceName, name: str, kind: Any, default: Any, fields: FieldsReader | None = None
    ) -> None:
        self.parameter = parameter
        self.place: PlaceName = place
        self.name = name
        self.kind = kind
        self.default = default
        self.fields = fields
        self.embed = False
        self.sure = False
        """Whether `read` raises nothing: the route that matched has seen to the value."""

    @property
    def is_file(self) -> bool:
        """Whether the value is a file of a form, or several."""
        return self.place == "form" and is_file(self.kind)

    @property
    def required(self) -> bool:
        """Whether a request without the value is faulty."""
        return self.default is MISSING and self.fields is None

    def __repr__(self) -> str:
        return f"<Input {self.parameter} from {self.place} {self.name!r}>"
