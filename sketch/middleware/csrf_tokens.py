"""Tokens that show that a form comes from a page of this application: bound to a visitor, and masked in each answer."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from hashlib import sha256
from secrets import token_bytes, token_urlsafe

_SIZE = 32
_SHORTEST = 32
_PURPOSE = b"sketch csrf token"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{86}")
_VISITOR = re.compile(r"[A-Za-z0-9_-]{43}")


class Tokens:
    """Makes and checks the tokens of visitors.

    A token is the HMAC-SHA256 of the visitor's id, by a key that is derived for this, and behind a random mask: so it
    differs in each answer, and the length of compressed pages tells nothing of it (BREACH).

    Args:
        secret: of at least 32 bytes; or several, the newest first: the others are still accepted.

    Raises:
        TypeError: for a secret that is neither text nor bytes.
        ValueError: for no secret, and for a short one.
    """

    __slots__ = ("_keys",)

    def __init__(self, secret: str | bytes | Iterable[str | bytes]) -> None:
        given = list(secret) if isinstance(secret, Iterable) and not isinstance(secret, str | bytes) else [secret]
        if not given:
            raise ValueError("expected at least one secret, got []")
        self._keys = [_derived(one) for one in given]

    def make(self, visitor: str) -> str:
        """Return a token for a visitor, another one each time."""
        mask = token_bytes(_SIZE)
        return urlsafe_b64encode(mask + _xor(mask, _signature(self._keys[0], visitor))).decode().rstrip("=")

    def accepts(self, visitor: str, token: str) -> bool:
        """Whether a token was made for this visitor. Takes the same time for every wrong one."""
        if not _TOKEN.fullmatch(token):
            return False
        data = urlsafe_b64decode(token + "==")
        signature = _xor(data[:_SIZE], data[_SIZE:])
        found = [hmac.compare_digest(signature, _signature(key, visitor)) for key in self._keys]
        return any(found)


def new_visitor() -> str:
    """Return an id for a visitor without a session: 256 random bits."""
    return token_urlsafe(_SIZE)


def is_visitor(text: str) -> bool:
    """Whether a text has the form of such an id."""
    return _VISITOR.fullmatch(text) is not None


def _derived(secret: object) -> bytes:
    if not isinstance(secret, str | bytes):
        raise TypeError(f"expected a secret of str or bytes, got one of {type(secret).__name__}")
    data = secret.encode() if isinstance(secret, str) else secret
    if len(data) < _SHORTEST:
        raise ValueError(
            f"expected a secret of at least {_SHORTEST} bytes, got one of {len(data)}: "
            'python -c "import secrets; print(secrets.token_urlsafe(32))" makes one'
        )
    return hmac.digest(data, _PURPOSE, sha256)


def _signature(key: bytes, visitor: str) -> bytes:
    return hmac.digest(key, visitor.encode(), sha256)


def _xor(mask: bytes, data: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(mask, data, strict=True))
