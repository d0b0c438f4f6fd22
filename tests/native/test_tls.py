"""The same server behind TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sketch import Application, Request, Response, StreamResponse, serve
from sketch.serving.options import ServeError
from sketch.serving.tls.context import RereadableContext
from sketch_native import ServerLimits
from tests.support.native import GET, HOST, Certificates, make_app, serving, turns, until
from tests.support.wire import Wire


async def test_a_request_knows_of_its_session(certificates: Certificates) -> None:
    app = Application()

    @app.get("/")
    async def show(request: Request) -> Response:
        assert request.tls is not None
        return Response(f"{request.scheme} {request.url.scheme} {request.tls.version}")

    async with serving(app, certificates) as served:
        assert (await served.exchange(GET)).text == "https https TLSv1.3"


@pytest.mark.parametrize("size", [10, 100_000, 5_000_000])
async def test_bodies_in_both_directions(size: int, certificates: Certificates) -> None:
    body = bytes(n % 251 for n in range(size))
    async with serving(make_app(), certificates) as served, served.connect() as wire:
        for _ in range(2):
            sending = asyncio.create_task(
                wire.send(b"POST /echo HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (HOST, size, body))
            )
            assert (await wire.receive()).body == body
            await sending


async def test_files_given_by_name(certificates: Certificates) -> None:
    path = str(certificates.path)
    async with serve(make_app(), port=0, ssl_certfile=path, access_log=False) as server:
        wire = await Wire.connect(server.port, certificates.of_client())
        await wire.send(GET)
        assert (await wire.receive()).body == b"ok"
        assert wire.writer.get_extra_info("ssl_object").selected_alpn_protocol() is None
        wire.abort()
        await wire.close()


async def test_http_2_is_not_offered(certificates: Certificates) -> None:
    async with serve(make_app(), port=0, ssl_certfile=str(certificates.path), access_log=False) as server:
        context = certificates.of_client()
        context.set_alpn_protocols(["h2", "http/1.1"])
        wire = await Wire.connect(server.port, context)
        assert wire.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        wire.abort()
        await wire.close()


async def test_certificates_that_cannot_be_used(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    for path in (bad, tmp_path / "missing.pem"):
        with pytest.raises(ServeError, match=f"{path}"):
            await _begin(ssl_certfile=str(path))


async def _begin(**options: object) -> None:
    async with serve(make_app(), port=0, **options):
        pass


async def test_plain_http_on_a_tls_port_is_refused_in_the_clear(certificates: Certificates) -> None:
    async with serving(make_app(), certificates) as served:
        assert served.server.port is not None
        plain = await Wire.connect(served.server.port)
        await plain.send(GET + b"x" * 100_000)
        reply = await plain.receive()
        assert (reply.status, reply.header("connection")) == (400, "close")
        assert "this port speaks HTTPS" in reply.text
        assert await plain.ended() == b""
        await plain.close()
        assert (await served.exchange(GET)).body == b"ok"


async def test_a_handshake_that_does_not_come_is_left(certificates: Certificates) -> None:
    limits = ServerLimits(header_timeout=0.2)
    async with serving(make_app(), certificates, server_limits=limits) as served:
        assert served.server.port is not None
        silent = await Wire.connect(served.server.port)
        assert await silent.ended() == b""
        await silent.close()


async def test_a_refusal_arrives(certificates: Certificates) -> None:
    async with serving(make_app(), certificates) as served:
        assert (await served.refusal(b"GET / HTTP/1.1\r\n\r\n")).status == 400


async def test_the_last_answer_arrives_although_more_was_sent(certificates: Certificates) -> None:
    """TLS has no half-close: input that still arrives must not discard the answer."""
    async with serving(make_app(), certificates) as served, served.connect() as wire:
        sending = asyncio.create_task(_try_to_send(wire, b"POST /noread HTTP/1.1\r\n%b" % HOST + LARGE))
        assert (await wire.receive()).body == b"noread"
        await sending


LARGE = b"Content-Length: 10000000\r\n\r\n" + b"x" * 10_000_000


async def _try_to_send(wire: Wire, data: bytes) -> None:
    try:
        await wire.send(data)
    except ConnectionError:
        return


async def test_a_client_that_leaves_ends_its_stream(certificates: Certificates) -> None:
    app, ended = Application(), asyncio.Event()

    @app.get("/")
    async def stream(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 10_000
                    await asyncio.sleep(0)
            finally:
                ended.set()

        return StreamResponse(parts())

    async with serving(app, certificates) as served, served.connect() as wire:
        await wire.send(GET)
        await wire.head()
        wire.abort()
        await ended.wait()
        await served.alone()


async def test_a_stalled_reader_stops_the_producer(certificates: Certificates) -> None:
    app, produced = Application(), 0

    @app.get("/")
    async def stream(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            nonlocal produced
            while True:
                produced += 1
                yield b"x" * 10_000

        return StreamResponse(parts())

    async with serving(app, certificates) as served, served.connect(receive_buffer=4096) as wire:
        wire.pause()
        await wire.send(GET)
        await until(lambda: produced, "the stream")
        seen = -1
        async with asyncio.timeout(10):
            while seen != produced:
                seen = produced
                await turns(200)
        assert produced < 3000
        wire.abort()
        await served.alone()


async def test_a_client_certificate_is_shown(certificates: Certificates) -> None:
    app = Application()

    @app.get("/")
    async def show(request: Request) -> Response:
        assert request.tls is not None
        return Response(str(bool(request.tls.client_certificate)))

    context = certificates.of_server()
    certificates.authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    own = certificates.of_client()
    certificates.authority.issue_cert("client@example.org").configure_cert(own)
    async with serve(app, port=0, ssl=context, access_log=False) as server:
        wire = await Wire.connect(server.port, own)
        await wire.send(GET)
        assert (await wire.receive()).text == "True"
        wire.abort()
        await wire.close()


async def test_a_new_certificate_is_for_new_connections(certificates: Certificates, tmp_path: Path) -> None:
    path = tmp_path / "live.pem"
    path.write_bytes(certificates.path.read_bytes())
    async with serve(make_app(), port=0, ssl_certfile=path, access_log=False) as server:
        shown: list[bytes | None] = []
        for _ in range(2):
            wire = await Wire.connect(server.port, certificates.of_client())
            shown.append(wire.writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
            await wire.send(GET)
            assert (await wire.receive()).body == b"ok"
            wire.abort()
            await wire.close()
            certificates.authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(path))
            assert isinstance(server.tls, RereadableContext)
            server.tls.reread()
    assert shown[0] != shown[1]
