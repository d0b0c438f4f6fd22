"""What the arguments of one request have in common: values of dependencies, faults, exits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from sketch.binding.faults import Fault, Faults
from sketch.binding.response_parts import ResponseParts

if TYPE_CHECKING:
    from sketch.binding.inputs import Input
    from sketch.binding.invalid_input import InputError
    from sketch.binding.sources import Scope
    from sketch.request import BaseRequest
    from sketch.response import Response

Exit = Callable[[BaseException | None], Awaitable[Any]]
"""`async (error)`: awaited with what was raised since it was entered, None if nothing."""

R = TypeVar("R", bound="Response")


class Resolution:
    """The values that are found for the handler of one request.

    Args:
        request: the request.
    """

    __slots__ = ("_error", "_exits", "_late_exits", "_parts", "faults", "request", "values")

    def __init__(self, request: BaseRequest) -> None:
        self.request = request
        self.values: dict[Any, Any] = {}
        """What dependencies have returned, by function and scope."""
        self.faults: list[InputError] = []
        """What is wrong with the inputs so far."""
        self._exits: list[Exit] = []  # in the scope of the handler
        self._late_exits: list[Exit] = []
        self._parts: ResponseParts | None = None
        self._error: BaseException | None = None

    @property
    def parts(self) -> ResponseParts:
        """What is added to the response; made at the first use."""
        if self._parts is None:
            self._parts = ResponseParts()
        return self._parts

    def note(self, source: Input, fault: Fault | Faults) -> None:
        """Note what is wrong with an input. (The exception itself would refer to this object, by its traceback.)"""
        self.faults += [_describe(source, each) for each in (fault.faults if isinstance(fault, Faults) else (fault,))]

    def checked(self, values: list[Any] | None, find_inputs: Callable[[], Iterable[Input]]) -> list[Any]:
        """Return the values of a function's arguments.

        Args:
            values: None if one is faulty.
            find_inputs: returns all that the handler declares.

        Raises:
            InvalidInput: if an input was faulty.
        """
        if values is None or self.faults:
            self.check(find_inputs())
        assert values is not None, "a fault is noted for each input that has no value"
        return values

    def check(self, inputs: Iterable[Input] = ()) -> None:
        """Raise InvalidInput if an input was faulty.

        Args:
            inputs: all that the handler declares.
        """
        if self.faults:
            from sketch.binding.invalid_input import InvalidInput

            raise InvalidInput(self.faults, inputs=inputs)

    def complete(self, response: R) -> R:
        """Add what the handler and its dependencies have asked for to a response."""
        parts, self._parts = self._parts, None
        return response if parts is None else parts.applied(response)

    def keep(self, leave: Exit, scope: Scope) -> None:
        """Keep an exit for the end of its scope. For a websocket, both end with the session."""
        if scope == "handler" and not self.request.is_websocket:
            self._exits.append(leave)
            return
        if not self._late_exits:
            self.request.at_end.exits.append(self._finish)
        self._late_exits.append(leave)

    async def leave(self, error: BaseException | None) -> None:
        """Await the exits in the scope of the handler, in reverse.

        Args:
            error: what the handler, or what it depends on, has raised.

        Raises:
            BaseException: what an exit raises, unless it is `error`.
        """
        try:
            await _leave(self._exits, error)
        except BaseException as exc:
            error = exc
            raise
        finally:
            if self._late_exits:  # else nothing would drop it, and its traceback refers to this object
                self._error = error

    async def _finish(self, error: Exception | None) -> None:
        """Await the other exits. What the handler has raised is known better here than by the exchange's outcome."""
        first, self._error = self._error, None
        await _leave(self._late_exits, error if first is None else first)


async def _leave(exits: list[Exit], error: BaseException | None) -> None:
    """Await exits in reverse; each sees what the one before has raised."""
    seen = error
    while exits:
        leave = exits.pop()
        try:
            await leave(seen)
        except BaseException as exc:
            seen = exc  # the others are awaited also where it ends the task
    if seen is not None and seen is not error:
        raise seen


def _describe(source: Input, fault: Fault) -> InputError:
    """Describe a fault for the client. That of a model's field, or of a member, has the name by which it is sent."""
    name, pointer = source.name, fault.pointer
    if (source.fields is not None and pointer) or source.embed:
        name, slash, rest = pointer[1:].partition("/")  # "" for a body that is no object
        name, pointer = name.replace("~1", "/").replace("~0", "~"), slash + rest
    return {"in": source.place, "name": name, "pointer": pointer, "message": str(fault)}


def resolution_of(request: BaseRequest) -> Resolution:
    """Return the resolution that guards have begun for a request, or a new one."""
    return getattr(request, "_resolution", None) or Resolution(request)
