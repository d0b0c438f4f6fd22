"""What the log says of failed handshakes."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import pytest

from sketch.serving.options import ServeOptions
from sketch.serving.tls.context import server_context
from sketch.serving.tls.handshakes import FailedHandshakes, reason_of


def test_they_are_one_line_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sketch.server")
    failed = FailedHandshakes()
    failed.log("the client has left", ("127.0.0.1", 5))
    failed.log("the client has left")
    assert caplog.messages == ["127.0.0.1:5: a TLS handshake has failed: the client has left"]


def test_reasons() -> None:
    assert reason_of(ConnectionResetError("it")) == "the client has left"
    assert reason_of(OSError("it")) == "it"
    assert reason_of(OSError()) == "the client has left"


def test_a_context_logs_for_servers_that_do_not(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sketch.server")
    options = ServeOptions(ssl_certfile=str(folder / "one-both.pem"), ssl_ca_certs=str(folder / "ca.pem"))
    context = server_context(options, logs=True)
    assert context is not None
    incoming = ssl.MemoryBIO()
    session = context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    assert caplog.messages == []
    incoming.write(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(ssl.SSLError):
        session.do_handshake()
    assert caplog.messages == ["a TLS handshake has failed: the client speaks HTTP without TLS"]
