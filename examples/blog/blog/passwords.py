"""Passwords are kept as scrypt hashes, with the parameters of OWASP's Password Storage Cheat Sheet."""

import asyncio
import hmac
import secrets
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import scrypt
from unicodedata import normalize

SHORTEST, LONGEST = 8, 200


@dataclass(frozen=True)
class Cost:
    """What it costs to try one password. It is kept beside each hash, so it can be raised for new ones."""

    n: int = 2**14
    r: int = 8
    p: int = 5


COST = Cost()

# A hash takes 16 MiB and about a fifth of a second: two at a time, so that many sign-ins at once fill no memory.
_pool = ThreadPoolExecutor(2, "passwords")


async def hashed(password: str) -> str:
    """Return what to keep of a password."""
    salt = secrets.token_bytes(16)
    return pack(COST, salt, await compute(password, COST, salt))


async def matches(password: str, kept: str | None) -> bool:
    """Whether this is the password of which `kept` was kept.

    None stands for a user that does not exist: it takes as long, so that the time tells nobody which names there are.
    """
    cost, salt, expected = unpack(kept) if kept else (COST, b"", b"")
    return hmac.compare_digest(await compute(password, cost, salt), expected)


async def compute(password: str, cost: Cost, salt: bytes) -> bytes:
    text = normalize("NFKC", password).encode()  # the same letters from any keyboard

    def call() -> bytes:
        return scrypt(text, salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=256 * cost.n * cost.r)

    return await asyncio.get_running_loop().run_in_executor(_pool, call)


def pack(cost: Cost, salt: bytes, digest: bytes) -> str:
    return f"scrypt${cost.n}${cost.r}${cost.p}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def unpack(kept: str) -> tuple[Cost, bytes, bytes]:
    _, n, r, p, salt, digest = kept.split("$")
    return Cost(int(n), int(r), int(p)), b64decode(salt), b64decode(digest)
