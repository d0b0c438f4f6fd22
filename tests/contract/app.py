"""The application that every transport of the contract suite serves. `make_app()` makes a new one.

What a client cannot see in an answer, handlers write into a journal, by a key that each test chooses; `/journal/...`
hands it out, and waits for an entry where it is asked to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sketch import Application, HTTPException, ProxyHeaders, Request, Response
from tests.contract.journal import Journal
from tests.contract.routes_answers import Teapot, add_errors, add_headers, add_plain, add_streams
from tests.contract.routes_background import add_background
from tests.contract.routes_codings import add_codings
from tests.contract.routes_composition import add_composition
from tests.contract.routes_errors import add_problems
from tests.contract.routes_events import add_events
from tests.contract.routes_faults import add_faults
from tests.contract.routes_files import add_files
from tests.contract.routes_finished import add_finished
from tests.contract.routes_foreign import add_foreign
from tests.contract.routes_forms import add_forms
from tests.contract.routes_leaving import add_leaving
from tests.contract.routes_observed import add_observed
from tests.contract.routes_outer import chosen_outer, page_outer
from tests.contract.routes_requests import add_bodies, add_context, add_echo, add_routing
from tests.contract.routes_sessions import add_sessions
from tests.contract.routes_variables import add_variables
from tests.contract.routes_websockets import add_websockets


def make_app() -> Application:
    """A new application with every route of the suite."""

    async def outer(request: Request, handler: Any) -> Response:
        return await tag(request, handler, "outer")

    async def inner(request: Request, handler: Any) -> Response:
        return await tag(request, handler, "inner")

    async def context(app: Application) -> AsyncIterator[None]:
        app.started = ["context"]
        yield

    app = Application(
        "contract", middlewares=[outer, inner], outer_middlewares=[behind_proxies, chosen_outer], lifespan=lifespan
    )
    app.cleanup_ctx.append(context)
    app.journal = Journal()
    for add in (add_plain, add_echo, add_bodies, add_errors, add_headers, add_routing, add_context, add_streams):
        add(app)
    add_background(app)
    add_problems(app)
    add_codings(app)
    add_leaving(app)
    add_composition(app)
    add_files(app)
    add_forms(app)
    add_finished(app)
    add_foreign(app)
    add_events(app)
    add_faults(app)
    add_sessions(app)
    add_variables(app)
    add_websockets(app)
    add_observed(app)
    add_hooks(app)
    app.add_get("/protected/page", page_outer)
    return app


async def lifespan(app: Application) -> AsyncIterator[dict[str, Any]]:
    yield {"pool": "from the lifespan"}


PROXIES = {
    "0": ProxyHeaders(["10.0.0.0/8"], hops=2),
    "1": ProxyHeaders(["127.0.0.0/8"], hops=1),
    "2": ProxyHeaders(["127.0.0.0/8", "10.0.0.0/8"], hops=2),
    "unix": ProxyHeaders(["unix"]),
    "2 forwarded": ProxyHeaders(["127.0.0.0/8", "10.0.0.0/8"], hops=2, family="forwarded"),
}
"""By how many proxies are trusted; the client of the suite is the nearest."""


async def behind_proxies(request: Request, handler: Any) -> Response:
    """Apply `ProxyHeaders` if a test asks for it."""
    trusting = PROXIES.get(request.headers.get("x-proxies", ""))
    return await (handler(request) if trusting is None else trusting(request, handler))


async def tag(request: Request, handler: Any, name: str) -> Response:
    """Note the way in and the way out if a test asks for it."""
    if "x-trace" not in request.headers:
        return await handler(request)
    if not hasattr(request, "trace"):
        request.trace = []
    request.trace.append(name)
    try:
        response = await handler(request)
    except HTTPException as exc:
        request.trace.append(f"{name} saw {exc.status}")
        raise
    response.headers.add("X-Trace", f"{name} after {','.join(request.trace)}")
    return response


def add_hooks(app: Application) -> None:
    @app.on_startup
    async def first(app: Application) -> None:
        app.started.append("first")
        app.db = {"john_doe"}

    @app.on_startup
    def second() -> None:
        app.started.append("second")

    @app.before_request
    async def short_circuit(request: Request) -> Response | None:
        if "x-short-circuit" in request.headers:
            return Response("short", status=202)
        return None

    @app.after_request
    async def stamp(response: Response) -> None:
        response.headers.add("X-After", "once")

    @app.after_request
    async def replace(request: Request, response: Response) -> Response | None:
        return Response("replaced") if "x-replace" in request.headers else None

    @app.exception
    async def teapot(exc: Exception) -> Response | None:
        if isinstance(exc, Teapot):
            if exc.args:
                raise ValueError("the hook fails, too")
            return Response("short and stout", status=418)
        return None


app = make_app()
