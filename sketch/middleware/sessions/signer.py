"""The signer of itsdangerous with HMAC-SHA256; imported only where sessions are used."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from itsdangerous import Signer
from itsdangerous.signer import SigningAlgorithm


class HMACSHA256(SigningAlgorithm):
    """HMAC-SHA256 in one call of OpenSSL, which takes a fraction of the time of an object of `hmac`."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        """Return the signature of a value."""
        return hmac.digest(key, value, "sha256")


def make_signer(secrets: Iterable[bytes], salt: str) -> Signer:
    """Make a signer with keys that are derived from secrets, once. The first of the secrets signs."""
    keys = [hmac.digest(secret, salt.encode(), "sha256") for secret in secrets]
    return Signer(keys[::-1], key_derivation="none", algorithm=HMACSHA256())  # it takes the newest last
