"""Where sessions are kept between requests: whole in their cookie, or in a store with only an id in the cookie."""

from __future__ import annotations

import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import NamedTuple, NoReturn, Protocol

from sketch.middleware.sessions.lifetime import Lifetime
from sketch.middleware.sessions.signing import Signing
from sketch.request.session_state import KeptSession
from sketch.stores import Store, StoreUnavailable

logger = logging.getLogger("sketch")

Find = Callable[[], KeptSession | None]
"""Returns what was kept of a session, None if there is none; raises `StoreUnavailable`."""


class Written(NamedTuple):
    """What has to stand in the cookie of a session."""

    value: str
    seconds: float
    """How long the session lasts."""


class Keeper(Protocol):
    """Keeps sessions between requests. Times are in seconds since the epoch."""

    async def find(self, value: str, now: int) -> Find:
        """Prepare to read the session of a cookie's value, which may be anything."""
        ...

    async def write(self, session: KeptSession, before: KeptSession | None) -> Written | None:
        """Keep a session.

        Args:
            session: as it is now.
            before: as it has come, None for a new one.

        Returns:
            What has to stand in its cookie; None if the session was ended meanwhile, by another request.
        """
        ...

    async def renew(self, session: KeptSession) -> Written | None:
        """Note the use of a session that has not changed; see `write`."""
        ...

    async def end(self, session: KeptSession) -> None:
        """Drop a session."""


class CookieKeeper:
    """Keeps sessions in their cookies, signed. They can be read by the visitor, and a copy cannot be revoked."""

    __slots__ = ("_lifetime", "_signing")

    def __init__(self, signing: Signing, lifetime: Lifetime) -> None:
        self._signing = signing
        self._lifetime = lifetime

    async def find(self, value: str, now: int) -> Find:
        """Prepare to read a cookie: its signature is checked when the session is used."""
        return lambda: self._read(value, now)

    def _read(self, value: str, now: int) -> KeptSession | None:
        text = self._signing.unsign(value)
        if text is None:
            return None
        name, began, used, encoded = text.split(".")
        body = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        return self._lifetime.alive(KeptSession(name, int(began), int(used), body), now)

    async def write(self, session: KeptSession, before: KeptSession | None) -> Written:
        """Write a session into the value of a cookie."""
        del before  # the new cookie takes its place
        encoded = urlsafe_b64encode(session.body).decode("ascii").rstrip("=")
        value = self._signing.sign(f"{session.id}.{session.began}.{session.used}.{encoded}")
        return Written(value, self._lifetime.left(session.began, session.used, session.used))

    async def renew(self, session: KeptSession) -> Written:
        """Write a session with another time."""
        return await self.write(session, session)

    async def end(self, session: KeptSession) -> None:
        """Do nothing: the cookie is deleted, and a copy of it cannot be revoked."""


class StoreKeeper:
    """Keeps sessions in a store. The cookie has the id alone, signed: ids that were not issued here reach no store.

    Args:
        signing: signs the ids.
        lifetime: of the sessions.
        store: keeps the content, and when a session began.
        prefix: begins the keys.
    """

    __slots__ = ("_lifetime", "_prefix", "_signing", "_store")

    def __init__(self, signing: Signing, lifetime: Lifetime, store: Store, prefix: str) -> None:
        self._signing = signing
        self._lifetime = lifetime
        self._store = store
        self._prefix = prefix

    async def find(self, value: str, now: int) -> Find:
        """Read a session from the store. If that cannot be reached, its use raises, and not this."""
        text = self._signing.unsign(value)
        if text is None:
            return _find_none
        name, used = text.split(".")
        try:
            found = await self._store.get(self._key(name))
        except (StoreUnavailable, OSError) as exc:
            logger.error("the store of the sessions cannot be reached: %r", exc)  # noqa: TRY400 - not a fault here
            return _refuse
        if found is None:
            return _find_none
        began, _, body = found.partition(b" ")
        if not began.isdigit():
            logger.error("the store has a session that something else has written: it counts as none")
            return _find_none
        kept = self._lifetime.alive(KeptSession(name, int(began), int(used), body), now)
        return lambda: kept

    async def write(self, session: KeptSession, before: KeptSession | None) -> Written | None:
        """Put a session into the store. One that has come is written only if it is still there."""
        key, seconds = self._key(session.id), self._lifetime.left(session.began, session.used, session.used)
        replaced = before is not None and before.id != session.id
        if before is not None and not replaced and not await self._store.touch(key, seconds):
            return None
        await self._store.set(key, b"%d " % session.began + session.body, seconds)
        if before is not None and replaced:
            await self._store.delete(self._key(before.id))
        return self._written(session, seconds)

    async def renew(self, session: KeptSession) -> Written | None:
        """Keep a session for longer, if it is still there."""
        seconds = self._lifetime.left(session.began, session.used, session.used)
        there = await self._store.touch(self._key(session.id), seconds)
        return self._written(session, seconds) if there else None

    async def end(self, session: KeptSession) -> None:
        """Remove a session: every copy of its cookie is worthless."""
        await self._store.delete(self._key(session.id))

    def _key(self, id: str) -> str:
        return f"{self._prefix}{id}"

    def _written(self, session: KeptSession, seconds: float) -> Written:
        return Written(self._signing.sign(f"{session.id}.{session.used}"), seconds)


def _find_none() -> None:
    return None


def _refuse() -> NoReturn:
    raise StoreUnavailable("the store of the sessions cannot be reached")
