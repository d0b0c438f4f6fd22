"""The TLS context: the options that it honours, and how its certificate is replaced."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path
from typing import Any

import pytest

from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.rereading import has_any, reread_all
from sketch.serving.tls.context import RereadableContext, certificates_reread, check_files, server_context


def shaken(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject:
    """The client's end of a handshake in memory; raises SSLError if either end refuses the other."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ends[0]


def client_of(folder: Path, **options: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    for name, value in options.items():
        setattr(context, name, value)
    return context


def server_of(folder: Path, **options: Any) -> ssl.SSLContext:
    context = server_context(ServeOptions(ssl_certfile=str(folder / "one-both.pem"), **options))
    assert context is not None
    return context


def name_of(session: ssl.SSLObject) -> str:
    """The common name of the server's certificate."""
    subject: Any = session.getpeercert()
    return {key: value for ((key, value), *_) in subject["subject"]}["commonName"]


def test_without_files_it_is_the_one_that_was_given(folder: Path) -> None:
    given = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert server_context(ServeOptions(ssl=given)) is given
    assert server_context(ServeOptions()) is None
    check_files(ServeOptions())
    for options in (ServeOptions(ssl=given), ServeOptions()):
        with certificates_reread(server_context(options), options):
            assert not has_any()


def test_versions(folder: Path) -> None:
    old = client_of(folder, maximum_version=ssl.TLSVersion.TLSv1_2)
    assert shaken(server_of(folder), old).version() == "TLSv1.2"
    with pytest.raises(ssl.SSLError):
        shaken(server_of(folder, ssl_minimum_version="1.3"), old)
    assert shaken(server_of(folder, ssl_minimum_version="1.3"), client_of(folder)).version() == "TLSv1.3"


def test_ciphers(folder: Path) -> None:
    server = server_of(folder, ssl_ciphers="ECDHE-ECDSA-CHACHA20-POLY1305")
    old = client_of(folder, maximum_version=ssl.TLSVersion.TLSv1_2)
    cipher = shaken(server, old).cipher()
    assert cipher is not None
    assert cipher[0] == "ECDHE-ECDSA-CHACHA20-POLY1305"
    with pytest.raises(ServeError, match=r"expected ssl_ciphers as a list of OpenSSL, like .*, got 'NONSENSE'"):
        server_of(folder, ssl_ciphers="NONSENSE")


def test_clients_may_or_must_have_a_certificate(folder: Path) -> None:
    with_one = client_of(folder)
    with_one.load_cert_chain(folder / "two-both.pem")
    for requirement in ("optional", "required"):
        server = server_of(folder, ssl_ca_certs=str(folder / "ca.pem"), ssl_cert_reqs=requirement)
        assert shaken(server, with_one)
    assert shaken(server_of(folder, ssl_ca_certs=str(folder / "ca.pem"), ssl_cert_reqs="optional"), client_of(folder))
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        shaken(server_of(folder, ssl_ca_certs=str(folder / "ca.pem")), client_of(folder))


def test_a_certificate_is_replaced_and_open_sessions_stay(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "sketch")
    path = tmp_path / "live.pem"
    shutil.copy(folder / "one-both.pem", path)
    options = ServeOptions(ssl_certfile=path)
    context = server_context(options)
    assert isinstance(context, RereadableContext)
    with certificates_reread(context, options):
        before = shaken(context, client_of(folder))
        path.write_text("nonsense")
        reread_all("SIGUSR1")
        assert name_of(shaken(context, client_of(folder))) == "one"
        shutil.copy(folder / "two-both.pem", path)
        reread_all("SIGUSR1")
        assert name_of(shaken(context, client_of(folder))) == "two"
        assert name_of(before) == "one"
    assert not has_any()
    assert caplog.messages == [
        (
            f"SIGUSR1: the certificate {path} stays as it was: "
            f"expected a certificate in PEM in {path}, got a file without one"
        ),
        f"SIGUSR1: reread the certificate {path}",
    ]


def test_no_session_is_resumed_by_what_a_replaced_certificate_has_vouched_for(folder: Path) -> None:
    context = server_of(folder)
    assert isinstance(context, RereadableContext)
    client = client_of(folder, maximum_version=ssl.TLSVersion.TLSv1_2)
    session = shaken(context, client).session

    def resumed() -> bool | None:
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        ours = client.wrap_bio(to_client, to_server, server_hostname="localhost", session=session)
        theirs = context.wrap_bio(to_server, to_client, server_side=True)
        for _ in range(4):
            for end in (ours, theirs):
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
        return ours.session_reused

    assert resumed()
    context.reread()
    assert not resumed()
