"""What the log says of TLS handshakes that fail."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING

from sketch.concurrency.seldom import Seldom
from sketch.serving.endings import prefix

if TYPE_CHECKING:
    from sketch.http.grammar import Address

logger = logging.getLogger("sketch.server")

INTERVAL = 10.0
"""Seconds between two lines about failed handshakes: every scanner of a network causes some."""

_WORDS = {
    "HTTP_REQUEST": "the client speaks HTTP without TLS",
    "HTTPS_PROXY_REQUEST": "the client takes the server for a proxy, and speaks without TLS",
    "WRONG_VERSION_NUMBER": "the client does not speak TLS",
    "UNSUPPORTED_PROTOCOL": "the client offers no version of TLS that is allowed",
    "NO_SHARED_CIPHER": "the client offers no cipher that is allowed",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the client has no certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "the client does not trust the certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the client does not trust the certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the client does not accept the certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the client finds the certificate expired",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the client finds no version or cipher to agree on",
}
"""The reasons of OpenSSL that are seen most, in words."""


class FailedHandshakes:
    """Logs failed handshakes at level INFO, at most one in a while."""

    def __init__(self) -> None:
        self._lines = Seldom(logger, logging.INFO, INTERVAL)

    def log(self, why: str, client: Address | None = None) -> None:
        """Log that a handshake has failed.

        Args:
            why: the reason.
            client: the peer's address, None if it is unknown.
        """
        self._lines.log("%sa TLS handshake has failed: %s", prefix(client), why)


def reason_of(exc: OSError) -> str:
    """Say in words why a handshake has failed."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"the client's certificate is not accepted: {exc.verify_message}"
    reason: str | None = getattr(exc, "reason", None)  # of OpenSSL; event loops raise errors without one
    if reason:
        return _WORDS.get(reason, reason.replace("_", " ").lower())
    if isinstance(exc, ConnectionError) or not str(exc):
        return "the client has left"
    return str(exc)


def logged_session(failed: FailedHandshakes) -> type[ssl.SSLObject]:
    """Return a class of sessions that log failed handshakes, for servers that do not tell of them."""

    class LoggedSession(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as exc:
                failed.log(reason_of(exc))
                raise

    return LoggedSession
