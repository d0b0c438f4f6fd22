"""TLS: what a request knows of it, certificates that are replaced, clients that do not speak it."""

from __future__ import annotations

import os
import signal
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tests.contract.pool import Pool
from tests.contract.test_stopping import printed
from tests.contract.transports import Served
from tests.support.once import locked
from tests.support.wire import Broken, Wire

REQUEST = b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n"
ON_EACH = pytest.mark.transports("native-uvloop", "uvicorn-httptools", "hypercorn", "granian")
"""One server of each kind, of those that `run_app` starts: the rules of TLS are of no event loop."""


def prepare(folder: Path) -> list[str]:
    """Write the files of a server and its clients into a folder. Returns the options of the server."""
    authority = trustme.CA()
    folder.mkdir()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name in ("new", "server"):
        leaf = authority.issue_cert("localhost", "127.0.0.1")
        leaf.cert_chain_pems[0].write_to_path(str(folder / f"{name}.pem"))
        leaf.private_key_pem.write_to_path(str(folder / f"{name}.key"))
        key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
        encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2"))
        (folder / f"encrypted-{name}.key").write_bytes(encrypted)
    for name, signer in (("ann", authority), ("mallory", trustme.CA())):
        own = signer.issue_cert(f"{name}@example.org", common_name=name)
        own.private_key_and_cert_chain_pem.write_to_path(str(folder / f"{name}.pem"))
    return ["--tls", str(folder)]


class Secure:
    """A server with TLS, and its clients."""

    def __init__(self, served: Served, folder: Path) -> None:
        self.served = served
        self.folder = folder

    def client(self, certificate: str | None = None, **options: Any) -> ssl.SSLContext:
        """The context of a client, with a certificate or none."""
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        if certificate is not None:
            context.load_cert_chain(self.folder / f"{certificate}.pem")
        for name, value in options.items():
            setattr(context, name, value)
        return context

    @asynccontextmanager
    async def connect(self, context: ssl.SSLContext | None) -> AsyncIterator[Wire]:
        """A connection."""
        wire = await Wire.connect(self.served.port, context)
        try:
            yield wire
        finally:
            wire.abort()
            await wire.close()

    async def ask(self, target: bytes, context: ssl.SSLContext) -> tuple[Any, str]:
        """What a request over a new connection is answered, and the cipher of the connection."""
        async with self.connect(context) as wire:
            await wire.send(REQUEST % target)
            return (await wire.receive()).json(), wire.writer.get_extra_info("cipher")[0]

    async def shown(self) -> bytes:
        """The certificate that it shows to a new client."""
        async with self.connect(self.client()) as wire:
            found: bytes = wire.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            return found

    async def reread(self) -> str:
        """Order it to read its certificate anew; what it has printed since."""
        before = len(self.served.program.output)
        count = self.served.program.output.count("SIGUSR1: ")
        os.kill(self.served.pid, signal.SIGUSR1)
        await printed(self.served, "SIGUSR1: ", count + 1)
        return self.served.program.output[before:]


@pytest.fixture
def secure(request: pytest.FixtureRequest, server_name: str, pool: Pool) -> Iterator[Secure]:
    """The server of a transport."""
    folder, alone = pool.folder / f"tls-{server_name}", request.node.get_closest_marker("alone") is not None
    with locked(pool.folder / f"tls-{server_name}.lock", alone=alone):
        yield Secure(pool.shared(f"server-tls-{server_name}", server_name, lambda: prepare(folder)), folder)


@ON_EACH
async def test_a_request_knows_its_session(secure: Secure) -> None:
    old = secure.client("ann", maximum_version=ssl.TLSVersion.TLSv1_2)
    found, cipher = await secure.ask(b"/tls", old)
    assert found is not None
    version, name, subject, certificate = found
    assert (version, name, certificate) == ("TLSv1.2", cipher, True)
    assert subject.startswith("CN=ann,")
    found, cipher = await secure.ask(b"/tls", secure.client())
    assert found == ["TLSv1.3", cipher, None, False]


@pytest.mark.transports("native-uvloop", "uvicorn-httptools", "hypercorn")
async def test_ciphers_passwords_and_optional_certificates(secure: Secure) -> None:
    """The key of the server is encrypted, too. granian has none of the three."""
    _, cipher = await secure.ask(b"/echo", secure.client(maximum_version=ssl.TLSVersion.TLSv1_2))
    assert cipher == "ECDHE-ECDSA-CHACHA20-POLY1305"
    for certificate in (None, "ann"):
        assert (await secure.ask(b"/echo", secure.client(certificate)))[0]["scheme"] == "https"
    with pytest.raises((Broken, OSError)):  # the server has hung up
        await secure.ask(b"/echo", secure.client("mallory"))


@ON_EACH
@pytest.mark.alone
async def test_a_new_certificate_is_taken_without_losing_a_connection(secure: Secure) -> None:
    """One that cannot be used is not, and the log says why."""
    files, certificate = secure.folder, secure.folder / "server.pem"
    async with secure.connect(secure.client()) as wire:
        await wire.send(REQUEST % b"/echo")
        await wire.receive()
        old, new = await secure.shown(), ssl.PEM_cert_to_DER_cert((files / "new.pem").read_text())
        certificate.unlink()
        assert f"ERROR sketch: SIGUSR1: the certificate {certificate} stays as it was: cannot" in await secure.reread()
        assert await secure.shown() == old
        for name in ("server.pem", "server.key", "encrypted-server.key"):
            (files / name.replace("server", "new")).rename(files / name)
        assert f"INFO sketch: SIGUSR1: reread the certificate {certificate}" in await secure.reread()
        assert await secure.shown() == new != old
        await wire.send(REQUEST % b"/echo")
        assert (await wire.receive()).status == 200


@ON_EACH
async def test_http_without_tls_is_a_400(secure: Secure) -> None:
    async with secure.connect(None) as wire:
        await wire.send(REQUEST % b"/")
        reply = await wire.receive()
        assert (reply.status, reply.header("connection")) == (400, "close")
        assert "this port speaks HTTPS" in reply.text


@ON_EACH
@pytest.mark.alone
async def test_a_failed_handshake_is_a_line(secure: Secure) -> None:
    """Perhaps that of another test: there are few of them."""
    with pytest.raises(ssl.SSLError):
        await Wire.connect(secure.served.port, ssl.create_default_context())
    await secure.reread()
    assert "a TLS handshake has failed: " in secure.served.program.output
