"""A certificate, looked at as a client would: whether its time is over, and when it will be."""

from __future__ import annotations

import ssl
from typing import NamedTuple

from sketch.serving.options import ServeOptions
from sketch.serving.tls.files import load_certificate

_EXPIRED = 10
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED."""
_FLIGHTS = 4
"""How often each side has to send something until they have shaken hands, at most (RFC 5246 section 7.3)."""


class Certificate(NamedTuple):
    """What a client learns of a certificate."""

    is_expired: bool
    expires_at: float | None
    """Seconds since 1970; None if it is not known, and of an expired one."""


def read_certificate(options: ServeOptions) -> Certificate:
    """Load the certificate of the options, and shake hands with it in memory.

    Raises:
        ServeError: for files that cannot be used.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_certificate(server, options)
    assert options.ssl_certfile is not None
    return _shake_hands(server, _client(options.ssl_certfile))


def _client(certfile: str) -> ssl.SSLContext:
    """Make the context of a client that trusts this certificate, and nothing else."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(certfile)
    return client


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> Certificate:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)
    try:
        for _ in range(_FLIGHTS):
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
