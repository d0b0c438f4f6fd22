"""`Health`: probes that tell an orchestrator whether a process lives, and whether it is ready for requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sketch.application import Application
from sketch.concurrency.threads import Threads
from sketch.keys import AppKey
from sketch.observability.checks import Check, CheckFunction, Result, run_all
from sketch.observability.permission import Allow, Permission
from sketch.request import Request
from sketch.request.local import is_local
from sketch.response import JSONResponse

__all__ = ["HEALTH", "Health"]

_HEADERS = {"Cache-Control": "no-store"}


class Health:
    """Probes of an application: `/livez` says that the process answers, `/readyz` whether to send it requests.

        Health(checks={"database": ping}).attach(app)

    `/livez` is 200 as long as the event loop runs, whatever the checks say: a restart mends no database. `/readyz` is
    503 from the first moment of a stop, and while a check fails. Its checks run at once, each time that it is asked;
    nothing is kept. A check that has not ended after `timeout` seconds fails; it is not begun again before it has
    ended, so that one that hangs does not pile up. The first failure of a check is logged, and its end.

    Both answer `{"status": "ok"}` or `{"status": "unavailable"}`; `/readyz` names the checks, their errors and seconds
    only to local requests (made on this machine, to localhost, through no proxy), or to those that `allow` allows.

    Args:
        checks: functions by name, `f()` or `f(app)`: `async def`, or `def`, which runs in a thread. One fails by an
            exception, or by returning False.
        live, ready: the paths; None leaves one out.
        timeout: seconds that a check may take.
        allow: which requests see the details, in place of the local ones: networks, or a function; see `Permission`.

    Raises:
        TypeError, ValueError: for an argument of another form.
    """

    def __init__(
        self,
        checks: Mapping[str, CheckFunction] | None = None,
        *,
        live: str | None = "/livez",
        ready: str | None = "/readyz",
        timeout: float = 2.0,
        allow: Allow | None = None,
    ) -> None:
        if checks is not None and not isinstance(checks, Mapping):
            raise TypeError(f"expected checks as a mapping of names to functions, got {checks!r:.200}")
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= 60:
            raise ValueError(f"expected timeout as seconds above 0 and up to 60, got {timeout!r:.200}")
        self._live, self._ready = live, ready
        self._timeout = timeout
        self._permission = None if allow is None else Permission(allow)
        checks = checks or {}
        self._threads = Threads(max(1, len(checks)), "health")
        self._checks = [Check(name, function, self._threads) for name, function in checks.items()]

    def attach(self, app: Application) -> None:
        """Add the probes to an application, which has not started.

        They are routes like any other: middlewares and guards of the application are around them, the access log and
        metrics count them. OpenAPI does not list them.

        Raises:
            RuntimeError: if the application has probes already.
            ValueError: if it has a route with one of their paths.
        """
        if HEALTH in app:
            raise RuntimeError(f"expected one Health for one application, got another for {app!r:.200}")
        for path, probe in ((self._live, _answer_live), (self._ready, self._answer_ready)):
            if path is not None:
                app.add_get(path, probe, include_in_schema=False)
        app.on_cleanup.append(self._end)
        app[HEALTH] = self

    async def check(self, app: Application) -> dict[str, Result]:
        """Run the checks at once. Returns what each has found, within `timeout` seconds."""
        return await run_all(self._checks, app, self._timeout)

    async def _answer_ready(self, request: Request) -> JSONResponse:
        app = request.app
        results = {} if app.stopping.announced else await self.check(app)
        stopping = app.stopping.announced  # now: the checks have taken their time
        ready = not stopping and all(result.error is None for result in results.values())
        content: dict[str, Any] = {"status": "ok" if ready else "unavailable"}
        if await self._shows_details(request):
            content |= {"stopping": stopping, "checks": {name: _show(result) for name, result in results.items()}}
        return JSONResponse(content, status=200 if ready else 503, headers=_HEADERS)

    async def _shows_details(self, request: Request) -> bool:
        return is_local(request) if self._permission is None else await self._permission.allows(request)

    async def _end(self, _: Application) -> None:
        for check in self._checks:
            check.cancel()
        self._threads.close()


async def _answer_live() -> JSONResponse:
    return JSONResponse({"status": "ok"}, headers=_HEADERS)


def _show(result: Result) -> dict[str, Any]:
    shown: dict[str, Any] = {"status": "ok" if result.error is None else "failing", "seconds": round(result.seconds, 6)}
    return shown if result.error is None else {**shown, "error": result.error}


HEALTH = AppKey[Health]("sketch.health")
"""The `Health` of an application: `await app[HEALTH].check(app)` runs its checks."""
