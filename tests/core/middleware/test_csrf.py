"""Requests that pages of other origins make."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sketch import (
    CSRF,
    Application,
    ErrorResponse,
    Limits,
    Request,
    Response,
    SecurityHeaders,
    Sessions,
    StreamResponse,
    WebSocket,
    csrf_token,
)
from sketch.stores import MemoryStore, StoreUnavailable
from sketch.testing import TestClient, WebSocketRefused
from tests.support.requests import Peer, answer, in_loop, make_request

SECRET = "s" * 32
COOKIE = (b"cookie", b"session=1")
HOST = (b"host", b"example.com")


def app_of(*before: Any, **options: Any) -> Application:
    app = Application(outer_middlewares=[*before, CSRF(**options)])
    app.add_route("*", "/", lambda: Response("done"))
    app.add_route("POST", "/hooks/{name}", lambda name: Response("done"))
    app.add_route("POST", "/api/teas/{name}", lambda name: Response("done"))
    app.add_route("POST", "/form", form)
    app.add_route("POST", "/stream", stream)
    app.add_route("POST", "/read", read)
    app.add_route("GET", "/page", page)
    app.add_route("GET", "/late", late)

    @app.websocket("/ws")
    async def ws(ws: WebSocket) -> None:
        await ws.send("hello")

    return app


async def form(request: Request) -> Response:
    assert request.form is not None
    return Response(" ".join(str(value) for value in (await request.form()).values() if isinstance(value, str)))


async def stream(request: Request) -> Response:
    return Response(str(sum([len(chunk) async for chunk in request.stream()])))


async def read(request: Request) -> Response:
    return Response(await request.read())


async def page(request: Request) -> Response:
    return Response(csrf_token(request))


async def late(request: Request) -> StreamResponse:
    async def body() -> AsyncIterator[str]:
        yield csrf_token(request)

    return StreamResponse(body())


async def status(app: Application, *fields: tuple[bytes, bytes], method: str = "POST", target: str = "/") -> int:
    return (await answer(app, target, method=method, headers=[HOST, *fields])).status


def site(value: bytes) -> tuple[bytes, bytes]:
    return (b"sec-fetch-site", value)


def origin(value: bytes) -> tuple[bytes, bytes]:
    return (b"origin", value)


# -- the rule ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([site(b"same-origin")], 200),
        ([site(b"none")], 200),
        ([site(b"same-origin"), origin(b"null")], 200),  # a page with `Referrer-Policy: no-referrer`
        ([site(b"same-site")], 403),
        ([site(b"cross-site")], 403),
        ([site(b"same-site"), origin(b"https://example.com")], 403),  # the first field decides
        ([site(b"")], 403),
        ([site(b"same-origin"), site(b"cross-site")], 403),
        ([origin(b"https://example.com")], 200),
        ([origin(b"http://example.com")], 200),  # TLS may end at a proxy
        ([origin(b"HTTPS://Example.com")], 200),
        ([origin(b"https://example.com:8443")], 403),
        ([origin(b"https://a.example.com")], 403),
        ([origin(b"https://example.com.evil.example")], 403),
        ([origin(b"https://evil.example"), origin(b"https://example.com")], 403),
        ([origin(b"https://example.com@evil.example")], 403),
        ([origin(b"null")], 403),
        ([origin(b"")], 403),
        ([origin(b"example.com")], 403),
        ([origin(b"http://[")], 403),
        ([], 200),  # no browser, no cookie: nothing to forge
        ([COOKIE], 403),
    ],
)
@in_loop
async def test_the_rule(fields: list[tuple[bytes, bytes]], expected: int) -> None:
    app = app_of()
    for method in ("POST", "PUT", "PATCH", "DELETE", "ODD"):
        assert await status(app, *fields, method=method) == expected
    for method in ("GET", "HEAD", "OPTIONS", "TRACE"):
        assert await status(app, *fields, method=method) != 403


@in_loop
async def test_the_default_port_may_be_named() -> None:
    app = app_of()
    for host, sent, expected in (
        (b"example.com:443", b"https://example.com", 200),
        (b"example.com:80", b"https://example.com", 403),
        (b"example.com:8000", b"http://example.com:8000", 200),
        (b"[::1]:8000", b"http://[::1]:8000", 200),
    ):
        wire = await answer(app, method="POST", headers=[(b"host", host), origin(sent)])
        assert wire.status == expected


@in_loop
async def test_other_origins_that_are_trusted() -> None:
    app = app_of(origins=["https://app.example.org", "https://*.example.net"])
    for sent in (b"https://app.example.org", b"https://a.b.example.net"):
        assert await status(app, origin(sent)) == 200
        assert await status(app, origin(sent), site(b"cross-site")) == 200
    for sent in (b"http://app.example.org", b"https://example.net", b"null"):
        assert await status(app, origin(sent), site(b"cross-site")) == 403


@in_loop
async def test_exempt_routes() -> None:
    app = app_of(exempt=["/hooks/*"])
    for fields in ([origin(b"https://evil.example")], [COOKIE], [site(b"cross-site")]):
        assert await status(app, *fields, target="/hooks/payment") == 200
        assert await status(app, *fields, target="/hooks/a/b") == 403  # no route
        assert await status(app, *fields) == 403
    assert await status(app_of(exempt=["/hooks/{name}"]), COOKIE, target="/hooks/payment") == 200
    assert await status(app_of(exempt=["/hooks/payment"]), COOKIE, target="/hooks/payment") == 403


@in_loop
async def test_routes_of_mounted_applications_are_named_by_their_whole_templates() -> None:
    app, hooks = app_of(exempt=["/out/in/*"]), Application()
    hooks.add_post("/in/{name}", lambda name: Response(name))
    app.mount("/out", hooks)
    assert await status(app, COOKIE, target="/out/in/x") == 200


@in_loop
async def test_routes_that_know_clients_by_tokens() -> None:
    app, bearer = app_of(bearer=["/api/*"]), (b"authorization", b"Bearer abc")
    assert await status(app, origin(b"https://evil.example"), COOKIE, bearer, target="/api/teas/1") == 200
    assert await status(app, origin(b"https://evil.example"), COOKIE, target="/api/teas/1") == 403
    assert await status(app, COOKIE, (b"authorization", b"Basic abc"), target="/api/teas/1") == 403
    assert await status(app, origin(b"https://evil.example"), bearer) == 403


@in_loop
async def test_an_error_handler_answers_and_middlewares_outside_see_it() -> None:
    app = app_of(SecurityHeaders())

    @app.error_handler(403)
    async def forbidden(request: Request, exc: Exception) -> Response:
        return ErrorResponse(403, "no")

    wire = await answer(app, method="POST", headers=[HOST, COOKIE])
    assert (wire.payload, dict(wire.fields)[b"x-frame-options"]) == (b"no", b"DENY")


@in_loop
async def test_errors_stay() -> None:
    for target, expected in (("/nowhere", 404), ("/form?", 405), ("/page", 500)):
        method = "GET" if expected != 405 else "DELETE"
        assert await status(app_of(), site(b"same-origin"), method=method, target=target) == expected


@in_loop
async def test_websockets_have_the_policy_of_their_route() -> None:
    async with TestClient(app_of(secret=SECRET), base_url="http://example.com") as client:
        async with client.websocket("/ws", headers={"Origin": "http://example.com", "Cookie": "a=b"}) as ws:
            assert await ws.receive() == "hello"
        with pytest.raises(WebSocketRefused):
            async with client.websocket("/ws", headers={"Origin": "http://evil.example"}):
                pass


@in_loop
async def test_websockets_of_foreign_applications_are_for_the_own_host() -> None:
    async def foreign(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": "hello"})

    app = app_of(origins=["https://app.example.org"])
    app.mount("/foreign", foreign)
    async with TestClient(app, base_url="http://example.com") as client:
        for sent in ("http://example.com", "https://app.example.org", None):
            async with client.websocket("/foreign/ws", headers={"Origin": sent} if sent else {}) as ws:
                assert await ws.receive() == "hello"
        for sent in ("http://evil.example", "null"):
            with pytest.raises(WebSocketRefused) as refused:
                async with client.websocket("/foreign/ws", headers={"Origin": sent}):
                    pass
            assert refused.value.response.status == 403


# -- tokens -----------------------------------------------------------------------------------------------------------


async def visit(app: Application, scheme: str = "http", *fields: tuple[bytes, bytes]) -> tuple[str, bytes, bytes]:
    """A token, the `Set-Cookie` and the cookie that it is bound to."""
    wire = await answer(app, "/page", headers=[HOST, *fields], connection=Peer(scheme=scheme))
    given = dict(wire.fields)
    assert isinstance(wire.payload, bytes)
    assert given[b"vary"] == b"Cookie"
    assert given[b"cache-control"] in (b"private", b"no-store")
    return wire.payload.decode(), given.get(b"set-cookie", b""), given.get(b"set-cookie", b"").partition(b";")[0]


@in_loop
async def test_a_token_in_a_header_field() -> None:
    app = app_of(secret=SECRET)
    token, given, cookie = await visit(app)
    assert re.fullmatch(rb"csrf=[\w-]{43}; Path=/; HttpOnly; SameSite=Lax", given)
    field = (b"x-csrf-token", token.encode())
    assert await status(app, (b"cookie", cookie), field) == 200
    assert await status(app, (b"cookie", cookie), (b"x-csrf-token", token[::-1].encode())) == 403
    assert await status(app, (b"cookie", cookie), field, field) == 403
    assert await status(app, (b"cookie", cookie)) == 403
    assert await status(app, COOKIE, field) == 403  # no cookie that it is bound to
    assert await status(app, (b"cookie", (await visit(app))[2]), field) == 403  # another visitor's
    for refused in (site(b"same-site"), site(b"cross-site"), origin(b"null"), origin(b"https://evil.example")):
        assert await status(app, (b"cookie", cookie), field, refused) == 403


@in_loop
async def test_a_visitor_keeps_the_cookie_and_gets_other_tokens() -> None:
    app = app_of(secret=SECRET)
    first, _, cookie = await visit(app)
    second, given, _ = await visit(app, "http", (b"cookie", cookie))
    assert (given, first != second) == (b"", True)
    assert await status(app, (b"cookie", cookie), (b"x-csrf-token", second.encode())) == 200
    for planted in (b"csrf=short", b"csrf=" + b"!" * 43):
        assert (await visit(app, "http", (b"cookie", planted)))[2] not in (b"", planted)


@in_loop
async def test_on_https_no_subdomain_can_plant_the_cookie() -> None:
    app = app_of(secret=SECRET)
    plain, _, cookie = await visit(app)
    secure, given, own = await visit(app, "https")
    assert re.fullmatch(rb"__Host-csrf=[\w-]{43}; Path=/; Secure; HttpOnly; SameSite=Lax", given)

    async def send(cookie: bytes, token: str) -> int:
        headers = [HOST, (b"cookie", cookie), (b"x-csrf-token", token.encode())]
        return (await answer(app, method="POST", headers=headers, connection=Peer(scheme="https"))).status

    assert await send(own, secure) == 200
    assert await send(cookie, plain) == 403  # the attacker's own pair, set for the whole domain
    assert await send(own + b"; " + cookie, plain) == 403
    assert await send(own + b"; " + own, secure) == 403  # one of two was planted, and nothing tells which


@in_loop
async def test_an_old_secret_and_other_names() -> None:
    token, _, cookie = await visit(app_of(secret=SECRET))
    app = app_of(secret=["n" * 32, SECRET], field="token", header="X-Token")
    assert await status(app, (b"cookie", cookie), (b"x-token", token.encode())) == 200
    assert await status(app_of(secret="n" * 32), (b"cookie", cookie), (b"x-csrf-token", token.encode())) == 403


@in_loop
async def test_a_page_with_a_token_is_for_no_shared_cache() -> None:
    app = app_of(secret=SECRET)

    @app.get("/public")
    async def public(request: Request) -> Response:
        return Response(csrf_token(request), headers={"Cache-Control": "public, max-age=60", "Vary": "Accept"})

    for target, cookie, expected in (
        ("/page", [], b"no-store"), ("/page", [(b"cookie", b"csrf=" + b"a" * 43)], b"private"),
        ("/public", [], b"no-store"),
    ):  # fmt: skip
        fields = dict((await answer(app, target, headers=[HOST, *cookie])).fields)
        assert (fields[b"cache-control"], fields[b"vary"].endswith(b"Cookie")) == (expected, True)
    assert b"vary" not in dict((await answer(app, "/", headers=[HOST])).fields)


# -- with sessions ----------------------------------------------------------------------------------------------------


def app_with_sessions(**options: Any) -> Application:
    app = app_of(Sessions(SECRET, **options), secret=SECRET)

    @app.post("/login")
    async def login(request: Request) -> Response:
        before = csrf_token(request)
        request.session.regenerate()
        assert csrf_token(request) != before
        return Response(csrf_token(request))

    return app


@pytest.mark.parametrize("options", [{}, {"store": MemoryStore()}], ids=["cookie", "store"])
@in_loop
async def test_a_token_is_bound_to_the_session(options: dict[str, Any]) -> None:
    app = app_with_sessions(**options)
    async with TestClient(app, base_url="https://example.com") as visitor:
        token = await (await visitor.get("/page")).text()
        assert [cookie.partition("=")[0] for cookie in visitor.cookies] == ["__Host-session"]
        assert (await visitor.post("/form", data={"csrf_token": token})).status == 200
        own, _, _ = await visit(app, "https")  # the attacker's
        assert (await visitor.post("/form", data={"csrf_token": own})).status == 403
        signed_in = await (await visitor.post("/login", headers={"X-CSRF-Token": token})).text()
        assert (await visitor.post("/", headers={"X-CSRF-Token": token})).status == 403  # of the time before
        assert (await visitor.post("/", headers={"X-CSRF-Token": signed_in})).status == 200


@in_loop
async def test_a_check_begins_no_session() -> None:
    app = app_with_sessions()
    wire = await answer(app, method="POST", headers=[HOST, COOKIE, (b"x-csrf-token", b"a" * 86)])
    assert (wire.status, b"set-cookie" in dict(wire.fields)) == (403, False)


@in_loop
async def test_a_store_that_is_away_is_a_503() -> None:
    class Away(MemoryStore):
        async def get(self, key: str) -> bytes | None:
            raise StoreUnavailable

    store = MemoryStore()
    token, _, cookie = await visit(app_with_sessions(store=store))
    away = app_with_sessions(store=Away())
    assert await status(away, (b"cookie", cookie), (b"x-csrf-token", token.encode())) == 503
    assert await status(away, (b"cookie", cookie), site(b"same-origin")) == 200  # it needs no session


URLENCODED = (b"content-type", b"application/x-www-form-urlencoded")
MULTIPART = (b"content-type", b"multipart/form-data; boundary=b")


def part(name: str, content: str, more: str = "") -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{content}\r\n'.encode()


@in_loop
async def test_a_token_in_a_form_which_stays_readable() -> None:
    app = app_of(secret=SECRET)
    token, _, cookie = await visit(app)
    urlencoded = f"csrf_token={token}&text=tea".encode()
    file = part("file", "x" * 200_000, '; filename="a.txt"')
    multipart = part("csrf_token", token) + part("text", "tea") + file + b"--b--\r\n"
    for kind, body in ((URLENCODED, urlencoded), (MULTIPART, multipart)):
        chunks = [body[:70], body[70:3000], body[3000:]]
        headers = [HOST, (b"cookie", cookie), kind]

        async def post(target: str, headers: Any = headers, chunks: Any = chunks) -> Any:
            return (await answer(app, target, method="POST", headers=headers, body=filter(None, chunks))).payload

        assert await post("/form") == f"{token} tea".encode()
        assert await post("/stream") == str(len(body)).encode()
        assert await post("/read") == body


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (URLENCODED, b"text=tea", 403),
        (URLENCODED, b"csrf_token=", 403),
        (URLENCODED, b"csrf_token=" + b"A" * 86, 403),
        (URLENCODED, b"a=" + b"x" * 2000, 413),
        ((b"content-type", URLENCODED[1] + b"; charset=none"), b"a=b", 400),
        (MULTIPART, b"no form", 403),
        (MULTIPART, part("text", "tea") + b"--b--\r\n", 403),
        (MULTIPART, part("csrf_token", "TOKEN", '; filename="a"') + b"--b--\r\n", 403),
        (MULTIPART, part("text", "x" * 70_000) + part("csrf_token", "TOKEN") + b"--b--\r\n", 403),
        (MULTIPART, part("csrf_token", "TOKEN")[:-2], 403),  # not complete
        ((b"content-type", b"multipart/form-data"), b"", 403),
        ((b"content-type", b"application/json"), b'{"csrf_token": "TOKEN"}', 403),
        ((b"content-type", b"text/plain"), b"csrf_token=TOKEN", 403),
    ],
)
@in_loop
async def test_forms_without_a_valid_token(kind: tuple[bytes, bytes], body: bytes, expected: int) -> None:
    app = app_of(secret=SECRET)
    app.add_post("/small", form, limits=Limits(form_memory=1000))
    token, _, cookie = await visit(app)
    chunks = [part for part in (body.replace(b"TOKEN", token.encode())[:100_000],) if part]
    wire = await answer(app, "/small", method="POST", headers=[HOST, (b"cookie", cookie), kind], body=chunks)
    assert wire.status == expected


@in_loop
async def test_a_token_that_cannot_be_made(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError, match=r"expected CSRF.* among the outer_middlewares"):
        csrf_token(make_request())
    app = app_of()
    assert await status(app, method="GET", target="/page") == 500
    async with TestClient(app_of(secret=SECRET), raise_errors=False) as client:
        response = await client.get("/late")
        with pytest.raises(ConnectionError):
            await response.read()
    assert "expected csrf_token() before the head of the answer" in caplog.text


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"secret": "short"}, ValueError, "expected a secret of at least 32 bytes"),
        ({"origins": "https://a.example"}, TypeError, "expected origins as a list"),
        ({"origins": ["*"]}, ValueError, "expected named origins, got one that any page can have"),
        ({"origins": ["null"]}, ValueError, "expected named origins, got one that any page can have"),
        ({"exempt": "/hooks"}, TypeError, "expected exempt as a list of routes, got '/hooks'"),
        ({"bearer": ["api"]}, ValueError, "expected bearer routes with a leading slash, got 'api'"),
        ({"field": ""}, ValueError, "expected field as the name of a form's field, got ''"),
        ({"header": "a b"}, ValueError, "expected header as the name of a field, got 'a b'"),
    ],
)
def test_arguments(options: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        CSRF(**options)
