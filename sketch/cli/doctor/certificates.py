"""A certificate and its key, looked at as a client would: whether they can be used, and until when."""

from __future__ import annotations

import ssl
from typing import NamedTuple

_EXPIRED = 10
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED."""


class Certificate(NamedTuple):
    """What a client learns of a certificate."""

    is_expired: bool
    expires_at: float | None
    """Seconds since 1970; None if it is not known, and of an expired one."""


class UnusableCertificate(Exception):
    """Raised for files that a server cannot use; the message says why."""


def read_certificate(certfile: str, keyfile: str | None, password: str | None = None) -> Certificate:
    """Read a certificate chain and its key, and shake hands with them in memory.

    Args:
        certfile, keyfile: the files in PEM; without `keyfile` the key is in the other one.
        password: of the key. Without one, an encrypted key is unusable: nothing is asked on the terminal.

    Raises:
        UnusableCertificate: if a server could not use them.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        server.load_cert_chain(certfile, keyfile, password=lambda: password or _no_password())
        return shake_hands(server, _client(certfile))
    except (OSError, ValueError) as exc:  # SSLError is an OSError
        raise UnusableCertificate(getattr(exc, "strerror", None) or str(exc)) from None


def _no_password() -> str:
    raise ValueError("the key is encrypted, and no password is given")


def _client(certfile: str) -> ssl.SSLContext:
    """Make the context of a client that trusts this certificate, and nothing else."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(certfile)
    return client


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> Certificate:
    """Let a client and a server shake hands in memory. Returns what the client learns of the certificate."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)
    try:
        for _ in range(10):  # TLS 1.3 takes two flights, TLS 1.2 four
            for end in ends:
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
    except ssl.SSLCertVerificationError as exc:
        return Certificate(exc.verify_code == _EXPIRED, None)
    seen = ends[0].getpeercert() or {}
    expires = seen.get("notAfter")
    return Certificate(False, ssl.cert_time_to_seconds(expires) if isinstance(expires, str) else None)
