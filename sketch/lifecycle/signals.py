"""Signals: lists of functions, called in order at a fixed point of an application's life or of a request."""

from __future__ import annotations

import inspect
from collections.abc import Callable, MutableSequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, overload

from sketch.callables import is_async_generator_function, is_coroutine_function, is_generator_function

if TYPE_CHECKING:
    from sketch.concurrency.threads import Threads

F = TypeVar("F", bound=Callable[..., Any])


class Receiver:
    """A coroutine function in a signal: called with all arguments, passes it the last ones, as many as it takes."""

    __slots__ = ("function", "takes")

    def __init__(self, function: Callable[..., Any], takes: int) -> None:
        self.function = function
        self.takes = takes

    async def __call__(self, *arguments: Any) -> Any:
        """Call the function with as many of the last arguments as it takes."""
        return await self.function(*arguments[len(arguments) - self.takes :])

    def __repr__(self) -> str:
        return repr(self.function)


class _ThreadReceiver(Receiver):
    """A plain function in a signal: it may block, so a thread calls it. An awaitable that it returns is awaited."""

    __slots__ = ("_find_threads",)

    def __init__(self, function: Callable[..., Any], takes: int, find_threads: Callable[[Any], Threads]) -> None:
        super().__init__(function, takes)
        self._find_threads = find_threads

    async def __call__(self, *arguments: Any) -> Any:
        threads = self._find_threads(arguments[0])
        result = await threads.run(self.function, *arguments[len(arguments) - self.takes :])
        return await result if inspect.isawaitable(result) else result


class Signal(MutableSequence[Callable[..., Any]]):
    """A list of functions that is also a decorator: `app.on_startup.append(f)` and `@app.on_startup` are the same.

    A function gets as many arguments as it has parameters, counted from the last: of `(request, response)`, a function
    with one parameter gets the response. The parameters are counted once, when the function is added. It may be a
    coroutine function, or a plain one, which is called in a thread.

    Args:
        name: the signal's name, for messages.
        parameters: the names of the arguments.
        threads: returns the pool for plain functions, given the first argument; by default that of `request.app`.
        generators: whether the functions are async generators, or make async context managers, which the signal's owner
            runs. Elsewhere generators are refused: nothing of them would run.

    Raises:
        TypeError: when a function is added that cannot be called with the last of these arguments, or is a generator
            function, of which no line would run.
        RuntimeError: when the list is changed after the application has started.
    """

    __slots__ = ("_frozen", "_generators", "_name", "_parameters", "_threads", "receivers")

    receivers: list[Receiver]
    """The functions, each callable with all arguments; for callers that stop at a result or go on after an error."""

    def __init__(
        self,
        name: str,
        *parameters: str,
        threads: Callable[[Any], Threads] = attrgetter("app.threads"),
        generators: bool = False,
    ) -> None:
        self._threads = threads
        self._name = name
        self._generators = generators
        self._parameters = parameters
        self.receivers = []
        self._frozen = False

    def __call__(self, function: F) -> F:
        """Add a function and return it, as a decorator."""
        self.append(function)
        return function

    def insert(self, index: int, value: Callable[..., Any]) -> None:
        """Add a function before that position."""
        self.receivers.insert(index, self._receiver(value))

    @overload
    def __getitem__(self, index: int) -> Callable[..., Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[Callable[..., Any]]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [receiver.function for receiver in self.receivers[index]]
        return self.receivers[index].function

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            self.receivers[index] = [self._receiver(function) for function in value]
        else:
            self.receivers[index] = self._receiver(value)

    def __delitem__(self, index: int | slice) -> None:
        self._refuse_frozen()
        del self.receivers[index]

    def __len__(self) -> int:
        return len(self.receivers)

    def __repr__(self) -> str:
        return f"<Signal {self._name}({', '.join(self._parameters)}) {self.receivers!r}>"

    def freeze(self) -> None:
        """Refuse changes from now on."""
        self._frozen = True

    async def send(self, *arguments: Any) -> None:
        """Await the functions one after the other. The first exception is raised at once; the rest are not called."""
        for receiver in self.receivers:
            await receiver(*arguments)

    def _refuse_frozen(self) -> None:
        if self._frozen:
            raise RuntimeError(
                f"{self._name} cannot be changed any more: expected changes before the application's first start"
            )

    def _receiver(self, function: Callable[..., Any]) -> Receiver:
        self._refuse_frozen()
        wanted = f"expected a function of ({', '.join(self._parameters)}) for {self._name}, got {function!r:.200}"
        if not callable(function):
            raise TypeError(wanted)
        if fault := _find_context_fault(function) if self._generators else _find_fault(function):
            raise TypeError(f"{wanted}: {fault}")
        try:
            required, most = _positional(function)
        except ValueError as exc:  # built-in functions may have no signature
            raise TypeError(f"{wanted}: {exc}") from None
        if required > len(self._parameters):
            raise TypeError(wanted)
        # An optional parameter beside required ones keeps its default.
        takes = most if not required or most == float("inf") else required
        takes = int(min(takes, len(self._parameters)))
        if is_coroutine_function(function):
            return Receiver(function, takes)
        return _ThreadReceiver(function, takes, self._threads)


def _find_fault(function: Callable[..., Any]) -> str | None:
    if isinstance(function, type):
        return "it is a class, which would make an object, and nothing else"
    if is_generator_function(function):
        return "it is a generator, of which nothing would run: a `yield` belongs into cleanup_ctx, or into a middleware"
    return None


def _find_context_fault(function: Callable[..., Any]) -> str | None:
    if is_coroutine_function(function):
        return "it has no `yield` between the start and the end"
    if is_generator_function(function) and not is_async_generator_function(function):
        return "it is no `async def`"
    return None


def _positional(function: Callable[..., Any]) -> tuple[float, float]:
    """Return how many positional arguments a function needs, and how many it takes."""
    required = most = 0.0
    for parameter in inspect.signature(function).parameters.values():
        needed = parameter.default is parameter.empty
        if parameter.kind is parameter.VAR_POSITIONAL:
            most = float("inf")
        elif parameter.kind is parameter.KEYWORD_ONLY and needed:
            required = float("inf")  # no argument is sent by keyword, so no number will do
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            required += needed
            most += 1
    return required, most
