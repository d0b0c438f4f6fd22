"""What is known of a route, and what may be given to its handler, while the plan of the handler is made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_origin

from sketch.request import BaseRequest, Request, WebSocketRequest

if TYPE_CHECKING:
    from sketch.binding.converters import Converter


class Given(Enum):
    """What a handler can be given beside the values of its request and defaults."""

    REQUEST = "request"
    WEBSOCKET = "websocket"
    APPLICATION = "application"
    PARTS = "response parts"


TYPES: dict[type, Given] = {
    Request: Given.REQUEST,
    WebSocketRequest: Given.REQUEST,
    BaseRequest: Given.REQUEST,
}
"""The types that are a source of their own. (`Application` and `ResponseParts` add themselves.)"""


class Offer(NamedTuple):
    """What callables of one kind may ask for.

    Args:
        subject: what the one parameter gets that nothing else supplies.
        types: what is given by annotation.
        names: what is given by name, to parameters without an annotation.
    """

    subject: Given
    types: Mapping[type, Given]
    names: Mapping[str, Given]


FOR_HANDLERS = Offer(Given.REQUEST, TYPES, {"request": Given.REQUEST})


class Surroundings:
    """What is known of a route while the plans of its handler, and of what that depends on, are made.

    Args:
        names: the names of the path parameters.
        written: the converters that the path names, by parameter. None if parameters are never converted, as in a
            regular expression.
        methods: the methods of the route; empty if they are not known.
        is_websocket: whether it takes the handshakes of websockets.
    """

    __slots__ = ("_choices", "is_websocket", "methods", "names", "offer", "planned", "stack", "written")

    def __init__(
        self,
        names: Collection[str],
        written: Mapping[str, Converter] | None = None,
        methods: Collection[str] = (),
        *,
        is_websocket: bool = False,
    ) -> None:
        self.names = names
        self.written = written
        self.methods = methods
        self.is_websocket = is_websocket
        self.offer = FOR_HANDLERS
        """What is given by annotation and by name; its `subject` is the request of the last rule of `plan`."""
        self._choices: dict[str, Converter | None] = {}
        self.planned: dict[Any, Any] = {}
        """The dependencies that are planned so far: each function is planned once."""
        self.stack: list[Callable[..., Any]] = []
        """The functions whose plans are being made, the outermost first."""

    @property
    def chosen(self) -> dict[str, Converter]:
        """The converters that annotations have chosen for path parameters."""
        return {name: converter for name, converter in self._choices.items() if converter is not None}

    def choose(self, name: str, converter: Converter | None) -> None:
        """Choose the converter of a path parameter for which the path names none; None for text as it is.

        Raises:
            ValueError: if another function of the route has chosen otherwise.
        """
        other = self._choices.setdefault(name, converter)
        if other is not converter and (other is None or converter is None or other.pattern != converter.pattern):
            raise ValueError(
                f"expected one type for the path parameter {name!r:.200}, got two that take different text"
            )

    def of(self, offer: Offer) -> Surroundings:
        """Return the same surroundings for callables of another kind."""
        return self._varied("offer", offer)

    def with_methods(self, *methods: str) -> Surroundings:
        """Return the same surroundings for a handler of some of the methods."""
        return self._varied("methods", methods)

    def _varied(self, name: str, value: object) -> Surroundings:
        other = Surroundings.__new__(Surroundings)
        for slot in self.__slots__:
            setattr(other, slot, getattr(self, slot))
        setattr(other, name, value)
        return other


def find_request_reader(kind: object) -> Callable[[BaseRequest], Any] | None:
    """Return the function that takes a value of a type from a request, None for a type that is no source of its own.

    Such a type has the class method `__request_reader__(*arguments)`, which returns it; the arguments are those of a
    generic type, as `Cart` of `Session[Cart]`. It raises ValueError for what it does not take.
    """
    make = getattr(get_origin(kind) or kind, "__request_reader__", None)
    return None if make is None else make(*get_args(kind))


def is_mark(item: object) -> bool:
    """Whether an item of `Annotated` says where a value comes from: a source, a dependency, or a key."""
    return getattr(item, "is_source", False) is True
