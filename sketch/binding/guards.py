"""Guards: dependencies of a route, a group or an application whose values nothing takes; they may refuse requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sketch.binding.arguments import Dependency
from sketch.binding.dependencies import plan_dependency
from sketch.binding.resolution import Resolution
from sketch.binding.sources import Depends
from sketch.binding.surroundings import Surroundings
from sketch.response import Response

if TYPE_CHECKING:
    from sketch.binding.bound import Call


def plan_guards(marks: Iterable[Any], around: Surroundings) -> list[Dependency]:
    """Plan the guards of a route.

    Raises:
        TypeError: for anything but `Depends(function)`.
        ValueError: as `plan_dependency` does.
    """
    guards = []
    for mark in marks:
        if not isinstance(mark, Depends) or mark.function is None:
            raise TypeError(f"expected dependencies as Depends(function), got {mark!r:.200}")
        guards.append(plan_dependency(mark, around))
    return guards


def guarded(call: Call, guards: Sequence[Dependency]) -> Call:
    """Wrap a handler's call so that guards are called first, one after the other.

    What they share with the handler is called once. Their exits in the scope of the handler are awaited with its own.
    """

    async def guarded_call(request: Any) -> Any:
        request._resolution = resolution = Resolution(request)
        try:
            for guard in guards:
                await guard.value(resolution)
            resolution.check()
            result = await call(request)
        except BaseException as exc:
            await resolution.leave(exc)
            raise
        finally:
            del request._resolution  # the two would form a cycle
        await resolution.leave(None)
        return resolution.complete(result) if isinstance(result, Response) else result

    return guarded_call
