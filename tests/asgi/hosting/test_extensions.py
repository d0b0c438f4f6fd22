"""What foreign applications ask of the server by ASGI extensions: files by path, early hints, facts about TLS."""

from __future__ import annotations

import gc
import gzip
import os
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse
from starlette.routing import Route

from sketch import Application, Compression, serve
from tests.asgi.hosting.serving import MODES, Message, Receive, Send, answer, app_of, hosting, start
from tests.support.native import Certificates, serving, until
from tests.support.scripts import Script, http_scope, in_loop, started
from tests.support.wire import Wire

PATHSEND, EARLY_HINT = "http.response.pathsend", "http.response.early_hint"
LARGE = 400_000

both = pytest.mark.parametrize("mode", MODES)


class Asked:
    """An application around another one that keeps the types of its messages, and its scopes."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.kinds: list[str] = []
        self.scopes: list[Message] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        async def noting(message: Message) -> None:
            self.kinds.append(message["type"])
            await send(message)

        if scope["type"] == "http":
            self.scopes.append(scope)
        await self.app(scope, receive, noting if scope["type"] == "http" else send)


def open_files(folder: Path) -> list[str]:
    """The open files of this process in a folder."""
    found = []
    for one in Path("/proc/self/fd").iterdir():
        try:
            name = str(one.readlink())
        except OSError:  # the one that lists them
            continue
        if name.startswith(str(folder)):
            found.append(name)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a small file and a large one, none of which stays open."""
    (tmp_path / "small").write_bytes(b"content of a file")
    (tmp_path / "large").write_bytes(bytes(range(250)) * (LARGE // 250))
    yield tmp_path
    gc.collect()
    if sys.platform == "linux":
        assert open_files(tmp_path) == []


def sender(path: object, *fields: Any) -> Any:
    async def send_path(scope: Message, receive: Receive, send: Send) -> None:
        await send(start(200, *fields))
        await send({"type": PATHSEND, "path": path})

    return app_of(send_path)


# -- files ------------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("name", ["small", "large"])
@in_loop
async def test_a_file_by_its_path(folder: Path, name: str, mode: str) -> None:
    content = (folder / name).read_bytes()
    async with hosting(sender(str(folder / name), (b"content-type", b"a/b")), mode) as client:
        async with client.connect() as wire:
            for _ in range(2):  # the connection goes on behind the file
                await wire.send(client.head())
                reply = await wire.receive()
                assert (reply.status, reply.body) == (200, content)
                assert (reply.header("content-type"), reply.header("content-length")) == ("a/b", str(len(content)))
        reply = await client.request("HEAD")
        assert (reply.status, reply.body, reply.header("content-length")) == (200, b"", str(len(content)))


@both
@in_loop
async def test_a_path_without_a_file_is_an_error_of_the_application(folder: Path, mode: str, caplog: Any) -> None:
    os.mkfifo(folder / "pipe")
    for path in (folder / "none", folder, folder / "pipe", 5.0):
        async with hosting(sender(path if isinstance(path, float) else str(path)), mode) as client:
            assert (await client.get()).status == 500
        assert "expected http.response.pathsend with the path of a regular file" in caplog.text
        caplog.clear()


@both
@in_loop
async def test_a_file_of_another_size_than_announced_is_an_error(folder: Path, mode: str, caplog: Any) -> None:
    async with hosting(sender(str(folder / "large"), (b"content-length", b"5")), mode) as client:
        assert (await client.get()).status == 500
    assert "expected Content-Length" in caplog.text


@both
@in_loop
async def test_a_client_that_leaves_ends_the_file(folder: Path, mode: str) -> None:
    (folder / "large").write_bytes(b"x" * 30_000_000)
    ended: list[BaseException | None] = []

    async def send_path(scope: Message, receive: Receive, send: Send) -> None:
        await send(start(200))
        try:
            await send({"type": PATHSEND, "path": str(folder / "large")})
        except OSError as exc:
            ended.append(exc)
            raise
        ended.append(None)

    async with hosting(app_of(send_path), mode) as client:
        async with client.connect(receive_buffer=4096) as wire:
            wire.pause()
            await wire.send(client.head())
            await until(lambda: open_files(folder), "the file")
            wire.reset()
        await until(lambda: ended, "the end")
        await client.served.alone()
        await until(lambda: not open_files(folder), "the file to be closed")
    assert len(ended) == 1
    assert mode == "mounted" or isinstance(ended[0], OSError)  # mounted, the file is sent behind the application


@both
@in_loop
async def test_starlette_sends_files_by_path(folder: Path, mode: str) -> None:
    async def file(request: Request) -> FileResponse:
        return FileResponse(folder / request.path_params["name"])

    app = Asked(Starlette(routes=[Route("/{name}", file)]))
    async with hosting(app, mode) as client:
        for name in ("small", "large"):
            app.kinds.clear()
            reply = await client.get(f"/{name}")
            assert (reply.status, reply.body) == (200, (folder / name).read_bytes())
            assert app.kinds == ["http.response.start", PATHSEND]
        reply = await client.get("/large", [("Range", "bytes=2-5")])
        assert (reply.status, reply.body) == (206, bytes(range(2, 6)))


@in_loop
async def test_middleware_compresses_a_file_by_path(folder: Path) -> None:
    app = Application(middlewares=[Compression()])
    app.mount("/", sender(str(folder / "large"), (b"content-type", b"text/plain")))
    async with serving(app) as served, served.connect() as wire:
        await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
        reply = await wire.receive()
    assert reply.header("content-encoding") == "gzip"
    assert gzip.decompress(reply.body) == (folder / "large").read_bytes()


# -- early hints ------------------------------------------------------------------------------------------------------


def hinting(*links: Any) -> Any:
    async def hint(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": EARLY_HINT, "links": links})
        await answer(send)

    return app_of(hint)


@in_loop
async def test_early_hints_come_before_the_answer() -> None:
    async def page(request: Request) -> PlainTextResponse:
        await request.send_early_hints("</a.css>; rel=preload", "</b.js>; rel=preload")
        return PlainTextResponse("page")

    async with serving(Starlette(routes=[Route("/", page)])) as served, served.connect() as wire:  # type: ignore[arg-type]
        for _ in range(2):
            await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            hint = await wire.head(last=103)
            assert (hint.status, hint.all("link")) == (103, ["</a.css>; rel=preload", "</b.js>; rel=preload"])
            assert [name.lower() for name, _ in hint.headers] == ["link", "link"]
            assert (await wire.receive()).body == b"page"
        await wire.send(b"GET / HTTP/1.0\r\n\r\n")  # RFC 9110 section 15.2: never to such a client
        assert (await wire.ended()).startswith(b"HTTP/1.1 200 OK\r\n")


@both
@in_loop
async def test_extensions_are_offered_where_they_work(mode: str) -> None:
    app = Asked(hinting())
    hints = {} if mode == "mounted" else {EARLY_HINT: {}}
    async with hosting(app, mode) as client, client.connect() as wire:
        await client.get()
        await wire.send(f"GET {client.prefix}/ HTTP/1.0\r\n\r\n".encode())
        await wire.ended()
    assert [scope["extensions"] for scope in app.scopes] == [{PATHSEND: {}, **hints}, {PATHSEND: {}}]
    assert app.scopes[0]["extensions"][PATHSEND] is not app.scopes[1]["extensions"][PATHSEND]


@pytest.mark.parametrize("link", [b"</a>\r\nSet-Cookie: a=b", b"</a>\x00", "</a>"])
@in_loop
async def test_hints_that_cannot_be_sent(link: Any, caplog: Any) -> None:
    async with hosting(hinting(b"</ok>", link), "native") as client:
        reply = await client.get()
    assert (reply.status, reply.header("set-cookie")) == (500, None)
    assert "header" in caplog.text


@in_loop
async def test_a_hint_behind_the_start_is_out_of_order(caplog: Any) -> None:
    async def late(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        await send({"type": EARLY_HINT, "links": [b"</a>"]})

    async with hosting(app_of(late), "native") as client:
        assert (await client.get()).status == 500
    assert "expected http.response.body, got 'http.response.early_hint'" in caplog.text


# -- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    authority = trustme.CA()
    path = tmp_path / "server.pem"
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(path))
    return Certificates(authority, path)


@pytest.mark.parametrize("mounted", [False, True])
@in_loop
async def test_facts_about_tls(certificates: Certificates, mounted: bool) -> None:
    async def nothing(scope: Message, receive: Receive, send: Send) -> None:
        await answer(send)

    asked = Asked(app_of(nothing))
    app: Any = asked
    if mounted:
        app = Application()
        app.mount("/", asked)
    context = certificates.of_server()
    certificates.authority.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    own = certificates.of_client()
    certificates.authority.issue_cert("client@example.org", common_name='Ann, of "Ex"').configure_cert(own)
    async with serve(app, port=0, ssl=context, access_log=False) as server:
        for tls in (certificates.of_client(), own):
            wire = await Wire.connect(server.port, tls)
            await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await wire.receive()).body == b"ok"
            wire.abort()
            await wire.close()
    unknown, known = (scope["extensions"]["tls"] for scope in asked.scopes)
    assert unknown["tls_version"] == known["tls_version"] == 0x0304
    assert unknown["cipher_suite"] in range(0x1301, 0x1306)  # RFC 8446 appendix B.4
    assert (unknown["client_cert_chain"], unknown["client_cert_name"]) == ([], None)
    assert known["client_cert_name"].startswith('CN=Ann\\, of \\"Ex\\"')
    (certificate,) = known["client_cert_chain"]
    assert ssl.PEM_cert_to_DER_cert(certificate)
    assert {unknown["server_cert"], unknown["client_cert_error"]} == {None}


@in_loop
async def test_the_facts_of_a_server_around_are_passed_on() -> None:
    async def nothing(scope: Message, receive: Receive, send: Send) -> None:
        await answer(send)

    asked = Asked(app_of(nothing))
    app = Application()
    app.mount("/", asked)
    given = {"tls_version": 5, "cipher_suite": None}
    await started(app)(http_scope(scheme="https", extensions={"tls": given}), Script().receive, Script().send)
    assert asked.scopes[0]["extensions"]["tls"] is given


@in_loop
async def test_nothing_is_offered_without_tls() -> None:
    app = Asked(hinting())
    async with hosting(app, "native") as client:
        await client.get()
    assert "tls" not in app.scopes[0]["extensions"]
