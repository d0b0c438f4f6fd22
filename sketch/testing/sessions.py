"""The session of a test client: what its cookies say, to be read and changed by a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from yarl import URL

from sketch.middleware.sessions import Sessions
from sketch.request.session import Session
from sketch.response import Response
from sketch.testing.cookies import CookieJar
from sketch.testing.requests import make_request

if TYPE_CHECKING:
    from sketch.application import Application


@asynccontextmanager
async def open_session(app: Application, cookies: CookieJar, base_url: URL) -> AsyncIterator[Session[Any]]:
    """Read the session of these cookies, and keep it there as the application would: see `TestClient.session`."""
    sessions = next((each for each in app.outer_middlewares if isinstance(each, Sessions)), None)
    if sessions is None:
        raise RuntimeError(f"expected Sessions among the outer middlewares of {app!r:.200}, got none")
    sent = cookies.header("/", secure=base_url.scheme == "https")
    request = make_request(headers={"Cookie": sent} if sent else None, base_url=str(base_url), app=app)
    state = await sessions.begin(request)
    yield Session(state)
    response = await sessions.end(request, state, Response())
    if response.status == 503:
        raise RuntimeError("expected a store that can be reached for the session, got one that is away")
    for field in response.headers.getall("Set-Cookie", []):
        cookies.update_from(field, "/")
