"""What hosted applications can ask of the server beyond the protocol: files by path, early hints, facts about TLS."""

from __future__ import annotations

import os
import re
import ssl
import stat
from functools import cache
from typing import Any

from sketch.concurrency.threads import file_threads
from sketch.http.fields import RawFields, RawHeaders
from sketch.transport import FileBody

PATHSEND = "http.response.pathsend"
EARLY_HINT = "http.response.early_hint"
DENIAL = "websocket.http.response"

# -- files ------------------------------------------------------------------------------------------------------------


async def open_path(path: object, small: int) -> bytes | FileBody:
    """Open the file that an application names, in a thread; return its content if it has at most `small` bytes.

    Raises:
        RuntimeError: for what is no path of a regular file. No OSError, which would say that the client has left.
    """
    try:
        return await file_threads.acquire(lambda: _opened(path, small), undo=_close)
    except (OSError, TypeError, ValueError) as exc:
        raise RuntimeError(
            f"expected {PATHSEND} with the path of a regular file from the ASGI application, got {path!r:.200}: {exc}"
        ) from None


def _opened(path: Any, small: int) -> bytes | FileBody:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would wait for its writer
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is not regular")
        file = os.fdopen(descriptor, "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise
    if found.st_size > small:
        return FileBody(file, os.fsdecode(path), 0, found.st_size)
    with file:
        return file.read()


def _close(opened: bytes | FileBody) -> None:
    if not isinstance(opened, bytes):
        opened.close()


# -- early hints (RFC 8297) -------------------------------------------------------------------------------------------


def hint_fields(links: Any) -> RawHeaders:
    """Return the fields of an early hint. Raises TypeError and ValueError for links that cannot be sent."""
    return RawFields([(b"link", link) for link in links]).encoded()[0]


# -- TLS --------------------------------------------------------------------------------------------------------------

_VERSIONS = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
_KEYWORDS = {  # RFC 4514 section 3
    "commonName": "CN", "localityName": "L", "stateOrProvinceName": "ST", "organizationName": "O",
    "organizationalUnitName": "OU", "countryName": "C", "streetAddress": "STREET", "domainComponent": "DC",
    "userId": "UID",
}  # fmt: skip
_SPECIAL = re.compile(r'["+,;<>\\]|^[ #]| $')


def tls_extension(tls: dict[str, Any]) -> dict[str, Any]:
    """Return the `tls` extension of a scope.

    Args:
        tls: what is known of the session, natively; or the extension of the server around, which is returned.
    """
    if "version" not in tls:
        return tls
    certificate, named = tls.get("peer_certificate_der"), tls.get("peer_certificate")
    return {
        "server_cert": None,
        "client_cert_chain": [] if certificate is None else [ssl.DER_cert_to_PEM_cert(certificate)],
        "client_cert_name": _subject(named) if named else None,
        "client_cert_error": None,
        "tls_version": _VERSIONS.get(tls["version"]),
        "cipher_suite": _suites().get(tls["cipher"][0]) if tls["cipher"] else None,
    }


def _subject(certificate: dict[str, Any]) -> str:
    """Return the name of a certificate's subject, in the form of RFC 4514."""
    parts = [
        "+".join(f"{_KEYWORDS.get(name, name)}={_SPECIAL.sub(_escaped, value)}" for name, value in part)
        for part in certificate.get("subject", ())
    ]
    return ",".join(reversed(parts))


def _escaped(match: re.Match[str]) -> str:
    return f"\\{match[0]}"


@cache
def _suites() -> dict[str, int]:
    """The numbers of the cipher suites (RFC 8446 appendix B.4, and those before), by OpenSSL's names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL")
    return {cipher["name"]: cipher["id"] & 0xFFFF for cipher in context.get_ciphers()}
