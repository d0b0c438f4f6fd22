"""Signs the text of cookies: HMAC-SHA256 by itsdangerous, with keys that rotate."""

from __future__ import annotations

import re
from collections.abc import Iterable

Secret = str | bytes

_SHORTEST = 32
_ADVICE = "make one by `python -c 'import secrets; print(secrets.token_urlsafe(32))'`"
_LONGEST = 4096
_SIGNED = re.compile(rf"[A-Za-z0-9_.-]{{1,{_LONGEST}}}\.[A-Za-z0-9_-]{{43}}")


class Signing:
    """Signs text, and reads what was signed by one of several keys.

    Args:
        secrets: the keys; the first one signs, the others only read.
        salt: what makes these signatures worthless elsewhere.

    Raises:
        RuntimeError: if itsdangerous is not installed.
    """

    __slots__ = ("_signer",)

    def __init__(self, secrets: Iterable[bytes], salt: str) -> None:
        try:
            from sketch.middleware.sessions.signer import make_signer
        except ModuleNotFoundError:
            raise RuntimeError("sessions need the package itsdangerous: pip install 'sketch-web[sessions]'") from None
        self._signer = make_signer(secrets, salt)

    def sign(self, text: str) -> str:
        """Return the text with its signature. The text is of letters, digits, `.`, `_` and `-`."""
        return self._signer.sign(text).decode("ascii")

    def unsign(self, signed: str) -> str | None:
        """Return the text that was signed, None for anything else. Signatures are compared in constant time."""
        if not _SIGNED.fullmatch(signed):
            return None
        text, _, signature = signed.rpartition(".")
        if not _is_canonical(signature) or not self._signer.verify_signature(text, signature):
            return None
        return text


def _is_canonical(signature: str) -> bool:
    """Whether base64 has no other text for the same bytes: the last two bits of 43 characters are unused."""
    return signature[-1] in "AEIMQUYcgkosw048"


def check_secrets(given: Secret | Iterable[Secret]) -> list[bytes]:
    """Return secrets as bytes.

    Raises:
        ValueError: for none, and for one of fewer than 32 bytes.
        TypeError: for one that is neither text nor bytes.
    """
    # Anything that is not several is checked as one: None, of a variable that is not set, for example.
    secrets = list(given) if isinstance(given, Iterable) and not isinstance(given, str | bytes) else [given]
    if not secrets:
        raise ValueError(f"expected at least one secret, got none: {_ADVICE}")
    return [_checked(secret) for secret in secrets]


def _checked(secret: object) -> bytes:
    # The messages never hold the secret.
    if not isinstance(secret, str | bytes):
        raise TypeError(f"expected a secret as str or bytes, got {type(secret).__name__}")
    encoded = secret.encode() if isinstance(secret, str) else secret
    if len(encoded) < _SHORTEST:
        raise ValueError(f"expected a secret of at least {_SHORTEST} bytes, got one of {len(encoded)}: {_ADVICE}")
    return encoded
