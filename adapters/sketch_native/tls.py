"""What a TLS session of the native server tells a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sketch.tls import TLSInfo

if TYPE_CHECKING:
    import ssl

_KEYWORDS = {  # RFC 4514 section 3
    "commonName": "CN", "localityName": "L", "stateOrProvinceName": "ST", "organizationName": "O",
    "organizationalUnitName": "OU", "countryName": "C", "streetAddress": "STREET", "domainComponent": "DC",
    "userId": "UID",
}  # fmt: skip
_SPECIAL = re.compile(r'["+,;<>\\]|^[ #]| $')


def tls_info(session: ssl.SSLObject) -> TLSInfo:
    """Return what a session tells. A certificate of the client counts only if it was verified."""
    cipher = session.cipher()
    certificate: dict[str, Any] | None = session.getpeercert()  # empty for one that was not verified
    return TLSInfo(
        version=session.version(),
        cipher=None if cipher is None else cipher[0],
        client_subject=subject_of(certificate) if certificate else None,
        client_certificate=session.getpeercert(binary_form=True) if certificate else None,
    )


def subject_of(certificate: dict[str, Any]) -> str:
    """Return the name of a certificate's subject, in the form of RFC 4514."""
    parts = [
        "+".join(f"{_KEYWORDS.get(name, name)}={_SPECIAL.sub(_escaped, value)}" for name, value in part)
        for part in certificate.get("subject", ())
    ]
    return ",".join(reversed(parts))


def _escaped(match: re.Match[str]) -> str:
    return f"\\{match[0]}"
