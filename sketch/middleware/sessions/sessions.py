"""The middleware that gives each request its visitor's session."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from sketch.checks import check_flags
from sketch.http.grammar import list_members
from sketch.http.negotiation import add_vary
from sketch.middleware.sessions.cookie import SessionCookie, SessionSameSite
from sketch.middleware.sessions.keepers import CookieKeeper, Keeper, StoreKeeper, Written
from sketch.middleware.sessions.lifetime import Lifetime, check_lifetime
from sketch.middleware.sessions.signing import Secret, Signing, check_secrets
from sketch.request import BaseRequest
from sketch.request.base import SESSION
from sketch.request.session import Session
from sketch.request.session_state import KeptSession, SessionState
from sketch.response import Response
from sketch.results import Endpoint, as_response
from sketch.stores import Store, StoreUnavailable
from sketch.transport import FileBody

logger = logging.getLogger("sketch")

DAY = 86_400
_UNSHARED = ("private", "no-store")


class Sessions:
    """Outer middleware that gives each request `request.session`: what the visitor's earlier requests have left.

        app = Application(outer_middlewares=[Sessions(os.environ["SECRET"])])

    The session is kept in a cookie that is signed by HMAC-SHA256, in JSON: the visitor can read it, but not change it.
    With `store=` the cookie has nothing but an id of 256 random bits. Signing out by `session.clear()` deletes the
    cookie; a copy of it stays valid until its end without a store, and is worthless at once with one.

    An answer for which the session was read has `Vary: Cookie`, and `Cache-Control: private` unless it has its own; a
    stream counts as one. Only a changed session sets the cookie: `no-store` then replaces a `Cache-Control` that lets
    caches share the answer. If two requests change one session at the same time, the last one wins.

    The cookie is `__Host-session` with `Secure` on https, where no other is read, and `session` on http; always
    `HttpOnly`, for all paths of this host alone. Behind a proxy put `ProxyHeaders` before this: it says what is https.

    Args:
        secret: a random text of at least 32 bytes, or several to change them: the first signs, the others still read.
            Users whose sessions were signed by one that is removed are signed out.
        store: keeps the content; None for the cookie. If it cannot be reached, requests that use their session are
            answered with 503.
        name: of the cookie. Two applications on one host need two names.
        idle: seconds after which a session ends that was not read; None for no such end. Its use is noted by a new
            cookie once a tenth of that time has passed.
        lifetime: seconds after which a session ends anyway, counted from its begin or `regenerate()`; None for no end.
        samesite: `"lax"`: other sites can link here, but not post; `"strict"`: a link on another site opens the page
            without the session.
        persistent: whether browsers keep the cookie when they are closed.
        clock: returns the seconds since the epoch; for tests.

    Raises:
        ValueError: for a secret of fewer than 32 bytes, a name that is none, sessions without an end, and another
            samesite.
        TypeError: for a secret that is neither text nor bytes, and a store that is none.
        RuntimeError: if itsdangerous is not installed: `sketch-web[sessions]`.
    """

    outer = True
    reads_origin = True

    def __init__(
        self,
        secret: Secret | Iterable[Secret],
        *,
        store: Store | None = None,
        name: str = "session",
        idle: float | None = 14 * DAY,
        lifetime: float | None = 90 * DAY,
        samesite: SessionSameSite = "lax",
        persistent: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_flags(persistent=persistent)
        secrets = check_secrets(secret)
        lasting = check_lifetime(idle, lifetime)
        # Not called `cookie`: a debug page would take the cookie's name, "session", for a secret, and mask the word.
        self.carrier = SessionCookie(name, samesite, persistent)
        self._lifetime = lasting
        self._clock = clock
        if store is not None and (isinstance(store, type) or not isinstance(store, Store)):
            raise TypeError(f"expected a store of get, set, delete and touch, got {store!r:.200}")
        # One for each scheme: what was overheard on http is worthless on https.
        self._keepers = {name: _make_keeper(secrets, lasting, store, name) for name in self.carrier.names}

    async def __call__(self, request: BaseRequest, handler: Endpoint) -> Response:
        """Answer the request with its session at hand, and keep the session."""
        outer = request.get(SESSION)
        if outer is not None:
            if outer.state.owner is self:  # it stands around a mounted application, too
                return await handler(request)
            self._check_names(outer.state.owner)
        state = await self.begin(request)
        request[SESSION] = Session(state)
        try:
            response = await handler(request)
        finally:
            if outer is not None:  # of an application around this one, by another cookie
                request[SESSION] = outer
        return await self.end(request, state, response)

    def _keeper(self, request: BaseRequest) -> Keeper:
        return self._keepers[self.carrier.name_for(request)]

    def _check_names(self, outer: object) -> None:
        if isinstance(outer, Sessions) and outer.carrier.name == self.carrier.name:
            raise RuntimeError(
                f"expected another name for the sessions of a mounted application, got {self.carrier.name!r:.200} of"
                " the one around it: write Sessions(secret, name=...), or leave them out and use those around it"
            )

    async def begin(self, request: BaseRequest) -> SessionState:
        """Return the state of the session that a request brings, or of a new one."""
        value = self.carrier.find(request)
        find = _find_none if value is None else await self._keeper(request).find(value, int(self._clock()))
        return SessionState(find, self)

    async def end(self, request: BaseRequest, state: SessionState, response: Response) -> Response:
        """Keep a session; return the response with its cookie, or the 503 in its place if the store cannot be reached.

        Raises:
            TypeError: for a value that JSON cannot hold.
            ValueError: for a session that is too large for a cookie.
        """
        kept = False
        try:
            if state.accessed:
                await self._keep(request, state, response)
            elif not isinstance(response.body, bytes | FileBody):
                _note_read(response)  # it may be read while the stream is sent
            kept = True
        except (StoreUnavailable, OSError) as exc:
            logger.error("the store of the sessions cannot be reached: %r", exc)  # noqa: TRY400 - not a fault here
            return as_response(StoreUnavailable("the store of the sessions cannot be reached"), request, self)
        finally:
            state.closed = True
            if not kept and not isinstance(response.body, bytes):
                request.at_end.resources.append(response.body)
        return response

    async def _keep(self, request: BaseRequest, state: SessionState, response: Response) -> None:
        """Write a session that was used, and its cookie, as far as that is needed."""
        _note_read(response)
        kept, now = state.kept, int(self._clock())
        failed = response.status >= 500
        if state.ended and (failed or state.is_blank):
            await self._drop(request, kept, response)
        elif not failed and state.is_modified:
            began = kept.began if kept is not None and kept.id == state.id else now
            await self._write(request, KeptSession(state.id, began, now, state.body()), kept, response)
        elif not failed and kept is not None and self._lifetime.is_due(kept.used, now):
            self._set(request, response, await self._keeper(request).renew(kept._replace(used=now)))

    async def _write(
        self, request: BaseRequest, session: KeptSession, kept: KeptSession | None, response: Response
    ) -> None:
        if self._lifetime.left(session.began, session.used, session.used) < 1:  # its lifetime has ended meanwhile
            await self._drop(request, kept, response)
        else:
            self._set(request, response, await self._keeper(request).write(session, kept))

    def _set(self, request: BaseRequest, response: Response, written: Written | None) -> None:
        if written is None:
            logger.info("a session was changed after another request had ended it: the changes are dropped")
            return
        self.carrier.set(request, response, written.value, written.seconds)
        _forbid_sharing(response)

    async def _drop(self, request: BaseRequest, kept: KeptSession | None, response: Response) -> None:
        if kept is not None:
            await self._keeper(request).end(kept)
        if self.carrier.was_sent(request):
            self.carrier.delete(request, response)
            _forbid_sharing(response)


def _make_keeper(secrets: Iterable[bytes], lifetime: Lifetime, store: Store | None, name: str) -> Keeper:
    if store is None:
        return CookieKeeper(Signing(secrets, f"sketch.sessions.{name}"), lifetime)
    return StoreKeeper(Signing(secrets, f"sketch.sessions.id.{name}"), lifetime, store, f"{name}:")


def _find_none() -> None:
    return None


def _note_read(response: Response) -> None:
    """Tell caches that the response depends on the cookie; those that ignore `Vary`, not to share it."""
    if not response.switches:
        add_vary(response.headers, "Cookie")
        response.headers.setdefault("Cache-Control", "private")


def _forbid_sharing(response: Response) -> None:
    """Keep shared caches from handing one visitor's cookie to another (RFC 9111 section 7.3)."""
    given = list_members(", ".join(response.headers.getall("Cache-Control", ())).lower())
    if not response.switches and not any(directive in given for directive in _UNSHARED):
        response.headers["Cache-Control"] = "no-store"
