"""The interface of stores, and the error of one that cannot be reached."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from sketch.exceptions import HTTPServiceUnavailable


class StoreUnavailable(HTTPServiceUnavailable):
    """Raised by a store that cannot be reached. What nothing catches is answered with 503.

    A store that cannot be reached is never an empty one: that would sign its users out.
    """

    def __init__(self, reason: str = "the store cannot be reached") -> None:
        super().__init__(reason)


@runtime_checkable
class Store(Protocol):
    """Keeps values under keys, each for a time: within one process (`MemoryStore`), or for several processes.

    Keys are text of at most 512 characters, values are bytes that mean nothing to the store, times are in seconds and
    greater than 0. Each call is one atomic step.

    Each method raises `StoreUnavailable` if the store cannot be reached, and within a bound of time: a store that does
    not answer cannot be reached.

    `sketch.testing.StoreSuite` has the tests that every store has to pass.
    """

    async def get(self, key: str) -> bytes | None:
        """Return the value of a key; None if there is none, or its time is over."""
        ...

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        """Set the value of a key for `ttl` seconds from now, in place of the one before and of its time."""

    async def delete(self, key: str) -> None:
        """Remove a key and its value. Does nothing if there is none."""

    async def touch(self, key: str, ttl: float) -> bool:
        """Keep the value of a key for `ttl` seconds from now. Returns whether there is one."""
        ...


def check_entry(key: object, ttl: object, value: object = b"") -> None:
    """Check what is given to a store.

    Raises:
        TypeError: for a key that is no text, a value that is no bytes, and a time that is no number.
        ValueError: for a key of more than 512 characters, and a time that is not greater than 0, or not finite.
    """
    if not isinstance(key, str):
        raise TypeError(f"expected a key of str, got {key!r:.200}")
    if len(key) > _LONGEST_KEY:
        raise ValueError(f"expected a key of at most {_LONGEST_KEY} characters, got {len(key)}")
    if not isinstance(value, bytes):
        raise TypeError(f"expected a value of bytes, got one of {type(value).__name__}")
    if not isinstance(ttl, int | float) or isinstance(ttl, bool):
        raise TypeError(f"expected a number of seconds, got {ttl!r:.200}")
    if not 0 < ttl < float("inf"):
        raise ValueError(f"expected a number of seconds greater than 0, got {ttl!r:.200}")


_LONGEST_KEY = 512
