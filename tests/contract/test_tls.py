"""TLS: what a request knows of it, certificates that are replaced, clients that do not speak it."""

from __future__ import annotations

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

from tests.contract.test_stopping import printed
from tests.contract.transports import Served
from tests.support.wire import Broken, Wire

REQUEST = b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n"
ON_EACH = pytest.mark.transports("native-uvloop", "uvicorn-httptools", "hypercorn", "granian")
"""One server of each kind, of those that `run_app` starts: the rules of TLS are of no event loop."""


def put(authority: trustme.CA, folder: Path) -> bytes:
    """Put a new certificate into a server's folder, with its key as it is and encrypted; its bytes."""
    leaf = authority.issue_cert("localhost", "127.0.0.1")
    leaf.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    leaf.private_key_pem.write_to_path(str(folder / "server.key"))
    key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2"))
    (folder / "encrypted.key").write_bytes(encrypted)
    return ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())


class Secure:
    """A server with TLS, and its clients."""

    def __init__(self, served: Served, authority: trustme.CA, folder: Path) -> None:
        self.served = served
        self.folder = folder
        self._authority = authority

    def client(self, *, certificate: bool = False, **options: Any) -> ssl.SSLContext:
        """The context of a client, with a certificate of its own or none."""
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        if certificate:
            self._authority.issue_cert("ann@example.org", common_name="Ann").configure_cert(context)
        for name, value in options.items():
            setattr(context, name, value)
        return context

    def renew(self) -> bytes:
        """Replace its certificate by another one; its bytes."""
        return put(self._authority, self.folder)

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

    async def reload(self) -> str:
        """Order it to reload; what it has printed since."""
        before = len(self.served.program.output)
        count = self.served.program.output.count("SIGUSR1: ")
        self.served.program.process.send_signal(signal.SIGUSR1)
        await printed(self.served, "SIGUSR1: ", count + 1)
        return self.served.program.output[before:]


@pytest.fixture(scope="session")
def servers(authority: trustme.CA, pool: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Secure]]:
    """The servers that were started up to now, by transport; they live as long as the run."""
    started: dict[str, Secure] = {}
    yield started
    for secure in started.values():
        secure.served.terminate()
    for secure in started.values():
        secure.served.program.wait_for_its_end()


@pytest.fixture
def secure(
    server_name: str,
    servers: dict[str, Secure],
    authority: trustme.CA,
    pool: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Secure:
    """The server of a transport."""
    if server_name not in servers:
        folder = tmp_path_factory.mktemp("tls")
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        put(authority, folder)
        served = pool.start(server_name, "tests.contract.typed_app:app", "--tls", str(folder))
        servers[server_name] = Secure(served, authority, folder)
    return servers[server_name]


@ON_EACH
async def test_a_request_knows_its_session(secure: Secure) -> None:
    old = secure.client(certificate=True, maximum_version=ssl.TLSVersion.TLSv1_2)
    found, cipher = await secure.ask(b"/tls", old)
    assert found is not None
    version, name, subject, certificate = found
    assert (version, name, certificate) == ("TLSv1.2", cipher, True)
    assert subject.startswith("CN=Ann,")
    found, cipher = await secure.ask(b"/tls", secure.client())
    assert found == ["TLSv1.3", cipher, None, False]


@pytest.mark.transports("native-uvloop", "uvicorn-httptools", "hypercorn")
async def test_ciphers_passwords_and_optional_certificates(secure: Secure) -> None:
    """The key of the server is encrypted, too. granian has none of the three."""
    _, cipher = await secure.ask(b"/echo", secure.client(maximum_version=ssl.TLSVersion.TLSv1_2))
    assert cipher == "ECDHE-ECDSA-CHACHA20-POLY1305"
    for certificate in (False, True):
        assert (await secure.ask(b"/echo", secure.client(certificate=certificate)))[0]["scheme"] == "https"
    stranger = secure.client()
    trustme.CA().issue_cert("mallory@example.org").configure_cert(stranger)
    with pytest.raises((Broken, OSError)):  # the server has hung up
        await secure.ask(b"/echo", stranger)


@ON_EACH
async def test_a_new_certificate_is_taken_without_losing_a_connection(secure: Secure) -> None:
    """One that cannot be used is not, and the log says why."""
    certificate, kept = secure.folder / "server.pem", secure.folder / "kept.pem"
    async with secure.connect(secure.client()) as wire:
        await wire.send(REQUEST % b"/echo")
        await wire.receive()
        old, new = await secure.shown(), secure.renew()
        certificate.rename(kept)
        assert f"ERROR sketch: SIGUSR1: the certificate {certificate} stays as it was: cannot" in await secure.reload()
        assert await secure.shown() == old
        kept.rename(certificate)
        assert f"INFO sketch: SIGUSR1: reloaded the certificate {certificate}" in await secure.reload()
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
async def test_a_failed_handshake_is_a_line(secure: Secure) -> None:
    """Perhaps that of another test: there are few of them."""
    with pytest.raises(ssl.SSLError):
        await Wire.connect(secure.served.port, ssl.create_default_context())
    await secure.reload()
    assert "a TLS handshake has failed: " in secure.served.program.output
