"""What a request knows of the TLS session that it came by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSInfo:
    """What the server knows of the TLS session of a connection. Each value is None where it does not tell.

    Behind a proxy that ends TLS there is none; behind one that speaks TLS with this server, it is the proxy's.
    """

    version: str | None = None
    """The version of the protocol: `"TLSv1.2"` or `"TLSv1.3"`."""
    cipher: str | None = None
    """The cipher suite by the name that OpenSSL has for it: `"TLS_AES_256_GCM_SHA384"`."""
    client_subject: str | None = None
    """The subject of the client's certificate in the form of RFC 4514, `"CN=Ann,O=Example"`; None without one. The
    certificate was verified against `ssl_ca_certs`."""
    client_certificate: bytes | None = None
    """The client's certificate in DER, None without one. `ssl.DER_cert_to_PEM_cert` makes PEM of it."""
