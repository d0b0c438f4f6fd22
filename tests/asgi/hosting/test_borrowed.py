"""Packages made for Starlette, around a sketch application: its sessions, and authlib's client for OAuth.

On the native server, and as an ASGI callable under the transport of httpx.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request as StarletteRequest

from sketch import Application, HTTPBadRequest, JSONResponse, Request, Response, redirect
from tests.support.native import Served, serving
from tests.support.scripts import Script, in_loop, until

with warnings.catch_warnings(record=True):  # authlib says that it prefers the successor of httpx
    from authlib.integrations.base_client import OAuthError
    from authlib.integrations.starlette_client import OAuth

MODES = ("native", "asgi")  # without certificates, which take a third of a second to read
SECRET = "of a test, with 32 characters at least"


@asynccontextmanager
async def browser(app: Application, mode: str) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client that keeps cookies, of an application in a mode."""
    if mode == "native":
        async with serving(app) as served, httpx.AsyncClient(base_url=address(served), verify=False) as client:
            yield client
        return
    life = Script({"type": "lifespan.startup"})
    living = asyncio.ensure_future(app({"type": "lifespan"}, life.receive, life.send))
    await until(lambda: life.sent)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sketch.test", verify=False) as client:
        yield client
    life.put({"type": "lifespan.shutdown"})
    await living


def address(served: Served) -> str:
    return f"http://127.0.0.1:{served.server.port}"


@pytest.mark.parametrize("mode", MODES)
@in_loop
async def test_starlettes_sessions(mode: str) -> None:
    app = Application()
    app.wrap_asgi(SessionMiddleware, secret_key=SECRET)

    @app.get("/")
    async def count(request: Request) -> Response:
        assert request.scope is not None
        session = request.scope["session"]
        session["count"] = session.get("count", 0) + 1
        return Response(str(session["count"]))

    @app.get("/clear")
    async def clear(request: Request) -> Response:
        assert request.scope is not None
        request.scope["session"].clear()
        raise HTTPBadRequest("an error keeps the session, too")

    async with browser(app, mode) as client:
        assert [(await client.get("/")).text for _ in range(3)] == ["1", "2", "3"]
        assert (await client.get("/clear")).status_code == 400
        assert not client.cookies
        signed = (await client.get("/")).cookies["session"]
        client.cookies.clear()
        changed = {"Cookie": f"session={signed[:-2]}xx"}
        assert (await client.get("/", headers=changed)).text == "1", "a cookie that was changed is no session"


class Provider:
    """A provider of accounts: gives a token for its code, and the user for its token."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.app = Application()
        self.app.add_post("/token", self.token)
        self.app.add_get("/user", self.user)

    async def token(self, request: Request) -> Response:
        form = dict(parse_qsl(await request.text()))
        self.asked.append(form)
        if form["code"] != "right":
            return JSONResponse({"error": "invalid_grant"}, status=400)
        return JSONResponse({"access_token": "of ann", "token_type": "Bearer"})

    async def user(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer of ann"
        return JSONResponse({"name": "ann"})


def signing_in(provider: str) -> Application:
    """The application of the how-to, with the address of a provider."""
    app, oauth = Application(), OAuth()
    app.wrap_asgi(SessionMiddleware, secret_key=SECRET)
    oauth.register(
        "accounts",
        client_id="sketch",
        client_secret="secret",
        access_token_url=f"{provider}/token",
        authorize_url=f"{provider}/authorize",
        api_base_url=f"{provider}/",
        client_kwargs={"scope": "profile", "code_challenge_method": "S256", "verify": False},
    )

    @app.get("/sign-in")
    async def sign_in(request: Request) -> Response:
        callback = str(request.url_for("signed-in"))
        answer = await oauth.accounts.authorize_redirect(StarletteRequest(request.scope), callback)
        return redirect(answer.headers["location"])

    @app.get("/signed-in", name="signed-in")
    async def signed_in(request: Request) -> Response:
        assert request.scope is not None
        try:
            token = await oauth.accounts.authorize_access_token(StarletteRequest(request.scope))
        except OAuthError as exc:
            raise HTTPBadRequest(f"signing in has failed: {exc.error}") from None
        user: Any = (await oauth.accounts.get("user", token=token)).json()
        request.scope["session"]["user"] = user["name"]
        return redirect("/")

    @app.get("/")
    async def home(request: Request) -> Response:
        assert request.scope is not None
        return Response(request.scope["session"].get("user", "nobody"))

    return app


@pytest.mark.parametrize("mode", MODES)
@in_loop
async def test_authlib(mode: str) -> None:
    provider = Provider()
    async with serving(provider.app) as served, browser(signing_in(address(served)), mode) as client:
        assert (await client.get("/")).text == "nobody"
        sent = await client.get("/sign-in")
        assert sent.status_code == 303
        asked = parse_qs(urlsplit(sent.headers["location"]).query)
        callback, state = asked["redirect_uri"][0], asked["state"][0]
        assert callback == f"{client.base_url}/signed-in".replace("//signed", "/signed")

        for wrong in ({"code": "right", "state": "of another"}, {"code": "right"}, {"error": "access_denied"}):
            assert (await client.get("/signed-in", params=wrong)).status_code == 400
        assert not provider.asked, "a state that this browser was not given never reaches the provider"

        back = await client.get("/signed-in", params={"code": "right", "state": state})
        assert (back.status_code, back.headers["location"]) == (303, "/")
        assert (await client.get("/")).text == "ann"
        assert (provider.asked[0]["redirect_uri"], "code_verifier" in provider.asked[0]) == (callback, True)
        again = await client.get("/signed-in", params={"code": "right", "state": state})
        assert again.status_code == 400, "a state is used once"
