"""The `tls` extension of ASGI: read from a server's scope, and made for the scope of a hosted application."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any

from sketch.tls import TLSInfo

_VERSIONS = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
_NAMES: dict[int | None, str] = {number: name for name, number in _VERSIONS.items()}


def read_tls(extension: Mapping[str, Any]) -> TLSInfo:
    """Return what an extension tells; None stands for what the server leaves out, or what has no known name."""
    chain = extension.get("client_cert_chain") or ()
    if extension.get("client_cert_error"):  # not verified: it proves nothing
        chain = ()
    return TLSInfo(
        version=_NAMES.get(extension.get("tls_version")),
        cipher=_ciphers().get(extension.get("cipher_suite")),
        client_subject=(extension.get("client_cert_name") or None) if chain else None,
        client_certificate=ssl.PEM_cert_to_DER_cert(chain[0]) if chain else None,
    )


def tls_extension(info: TLSInfo) -> dict[str, Any]:
    """Return the extension for the scope of a hosted application."""
    certificate = info.client_certificate
    return {
        "server_cert": None,
        "client_cert_chain": [] if certificate is None else [ssl.DER_cert_to_PEM_cert(certificate)],
        "client_cert_name": info.client_subject,
        "client_cert_error": None,
        "tls_version": _VERSIONS.get(info.version or ""),
        "cipher_suite": _suites().get(info.cipher or ""),
    }


@cache
def _suites() -> dict[str, int]:
    """The numbers of the cipher suites (RFC 8446 appendix B.4, and those before), by OpenSSL's names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL")
    return {cipher["name"]: cipher["id"] & 0xFFFF for cipher in context.get_ciphers()}


@cache
def _ciphers() -> dict[int | None, str]:
    return {number: name for name, number in _suites().items()}
