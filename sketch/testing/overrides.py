"""Overrides of dependencies: another function in place of one that is not for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sketch.binding.arguments import Dependency
from sketch.binding.dependencies import plan_arguments
from sketch.binding.surroundings import Surroundings
from sketch.callables import describe

if TYPE_CHECKING:
    from sketch.application import Application


@contextmanager
def override(app: Application, function: Callable[..., Any], replacement: Callable[..., Any]) -> Iterator[None]:
    """Call another function in place of a dependency for the duration of a block: `with override(app, connect, fake):`.

    It applies to every route that depends on the function, directly or not, those of mounted applications included,
    also to guards. The replacement declares its own parameters, and may depend on other functions, but not on the one
    that it replaces. What that depends on is not called.

    Args:
        app: the application, started or not.
        function: as it is given to `Depends`.
        replacement: a function of any kind that `Depends` takes.

    Raises:
        TypeError: for a replacement that cannot be called.
        ValueError: if no route depends on the function, and for a replacement whose parameters get no value, or that
            depends on the function.
    """
    if not callable(replacement):
        raise TypeError(f"expected a function in place of {describe(function)}, got {replacement!r:.200}")
    found = [
        (each, arguments)
        for around, roots in _roots(app)
        if (matching := [each for each in _walk(roots) if each.function is function])
        for arguments in [plan_arguments(replacement, around)]
        for each in matching
    ]
    if not found:
        raise ValueError(f"expected a function that a route depends on, got {describe(function)}")
    if any(each.function is function for _, arguments in found for each in _walk(arguments.dependencies)):
        raise ValueError(
            f"expected a replacement that does not depend on {describe(function)}, got {describe(replacement)}"
        )
    before = [(each, each.enter, each.arguments) for each, _ in found]
    for each, arguments in found:
        each.set_call(replacement, arguments)
    try:
        yield
    finally:
        for each, enter, arguments in reversed(before):
            each.enter, each.arguments = enter, arguments


def _roots(app: Application) -> Iterator[tuple[Surroundings, list[Dependency]]]:
    """Yield the dependencies of the application, of each route and of mounted applications, as they were planned."""
    yield Surroundings(()), [*app.guards]
    for route in app.router.routes():
        around = Surroundings(route.parameters, methods=route.methods, is_websocket=route.is_websocket)
        own = [each for arguments in route.bound.arguments for each in arguments.dependencies]
        yield around, [*route.guards, *own]
    for mount in app.router.mounts():
        if isinstance(mount.app, type(app)):
            yield from _roots(mount.app)


def _walk(roots: list[Dependency]) -> Iterable[Dependency]:
    """Return dependencies with all that they depend on, each once."""
    found: dict[int, Dependency] = {}
    waiting = [*roots]
    while waiting:
        each = waiting.pop()
        if id(each) not in found:
            found[id(each)] = each
            waiting += each.arguments.dependencies
    return found.values()
