"""The checks of a readiness probe: each runs at most once at a time, and is waited for only so long."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from sketch.concurrency.containment import contained
from sketch.concurrency.threads import Threads

if TYPE_CHECKING:
    from sketch.application import Application

logger = logging.getLogger("sketch")

CheckFunction = Callable[..., Any]
"""`f()` or `f(app)`, `def` or `async def`. It fails by an exception, or by returning False."""


class Result(NamedTuple):
    """What a check has found."""

    error: str | None
    """Why it fails, None if it does not."""
    seconds: float
    """How long it has taken so far."""


class Check:
    """A check, which runs at most once at a time: probes that come meanwhile wait for the same run.

    So a check that hangs costs one task, or one thread, however many probes come.

    Args:
        name: for the log and the details.
        function: see `CheckFunction`.
        threads: where a `def` function runs.

    Raises:
        TypeError: for what cannot be called with the application alone, or with nothing.
    """

    def __init__(self, name: str, function: CheckFunction, threads: Threads) -> None:
        if not isinstance(name, str) or not callable(function):
            raise TypeError(f"expected checks as names and functions, got {name!r:.200}: {function!r:.200}")
        self.name = name
        self._function = function
        self._wants_app = bool(_required(function))
        self._threads = None if _is_async(function) else threads
        self._task: asyncio.Task[Any] | None = None
        self._began_at = 0.0
        self._failing = False

    async def run(self, app: Application, timeout: float) -> Result:
        """Run it, or wait for the run that is under way, until it has taken `timeout` seconds."""
        if self._task is None or self._task.done():
            self._began_at = monotonic()
            self._task = asyncio.get_running_loop().create_task(contained(self._call(app)))
        task, began_at = self._task, self._began_at
        left = began_at + timeout - monotonic()
        if left > 0:
            await asyncio.wait([task], timeout=left)
        if not task.done() and self._threads is None:  # a thread goes on: a further call would be one more
            task.cancel()
        result = Result(self._describe(task, timeout), monotonic() - began_at)
        self._log(result.error)
        return result

    async def _call(self, app: Application) -> Any:
        arguments = (app,) if self._wants_app else ()
        if self._threads is None:
            return await self._function(*arguments)
        result = await self._threads.run(self._function, *arguments)
        return await result if inspect.isawaitable(result) else result  # `lambda: pool.ping()`

    def _describe(self, task: asyncio.Task[Any], timeout: float) -> str | None:
        """Say why the run fails, None if it does not."""
        if not task.done() or task.cancelled():
            return f"no result within {timeout:g} s"
        error = task.exception()
        if error is not None:
            return f"{type(error).__name__}: {error}"
        return "it returned False" if task.result() is False else None

    def _log(self, error: str | None) -> None:
        """Log once that it begins to fail, and once that it does no more."""
        if error is not None and not self._failing:
            logger.warning("the readiness check %s fails: %.500s", self.name, error)
        elif error is None and self._failing:
            logger.info("the readiness check %s does not fail any more", self.name)
        self._failing = error is not None

    def cancel(self) -> None:
        """Cancel the run that is under way."""
        if self._task is not None:
            self._task.cancel()


async def run_all(checks: Iterable[Check], app: Application, timeout: float) -> dict[str, Result]:
    """Run checks at once, each for at most `timeout` seconds. Returns the result of each by its name."""
    checks = list(checks)
    results = await asyncio.gather(*(check.run(app, timeout) for check in checks))
    return {check.name: result for check, result in zip(checks, results, strict=True)}


def _is_async(function: CheckFunction) -> bool:
    call = getattr(type(function), "__call__", None)  # noqa: B004 - of an instance that is called
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _required(function: CheckFunction) -> list[str]:
    """Return the names of the parameters that a check needs: none, or one for the application."""
    names = [
        each.name
        for each in inspect.signature(function).parameters.values()
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    if len(names) > 1:
        raise TypeError(f"expected a check with no parameter or one for the application, got {', '.join(names)}")
    return names
