"""To whom a token is bound: the session of a request, or a cookie of its own where there are no sessions."""

from __future__ import annotations

from typing import Any, Protocol

from sketch.http.cookies import find_cookies
from sketch.http.grammar import list_members
from sketch.http.negotiation import add_vary
from sketch.middleware.csrf_tokens import Tokens, is_visitor, new_visitor
from sketch.request import BaseRequest
from sketch.request.base import SESSION
from sketch.request.session import Session
from sketch.response import Response

_UNSHARED = ("private", "no-store")


class Visitor(Protocol):
    """The visitor of a request."""

    def known(self) -> str | None:
        """Return the id that the request brings, None if it brings none. May raise an `HTTPException`."""
        ...

    def current(self) -> str:
        """Return the id for the answer; a new visitor gets one.

        Raises:
            RuntimeError: for a new visitor, once the head of the answer is made.
        """
        ...

    def complete(self, response: Response) -> None:
        """Make the head of an answer ready; called once."""


class SessionVisitor:
    """A visitor by the id of the session, which `Sessions` keeps."""

    __slots__ = ("_session",)

    def __init__(self, session: Session[Any]) -> None:
        self._session = session

    def known(self) -> str | None:
        """Return the id of the session that came. A new one is not begun for this."""
        return None if self._session.is_new else f"session {self._session.id}"

    def current(self) -> str:
        """Return the id that the session has now: `regenerate()` may have changed it."""
        return f"session {self._session.id}"

    def complete(self, response: Response) -> None:
        """Do nothing: `Sessions` sets its cookie, and says what caches may keep."""


class CookieVisitor:
    """A visitor by a random id in a cookie: `__Host-csrf` by https, where no other is read, and `csrf` by http.

    Browsers take the first from the host itself alone: no other host of the domain can plant one.
    """

    __slots__ = ("_id", "_is_complete", "_is_new", "_name")

    def __init__(self, request: BaseRequest) -> None:
        self._name = "__Host-csrf" if request.scheme == "https" else "csrf"
        fields = [value.decode("latin-1") for name, value in request.raw_headers if name == b"cookie"]
        sent = find_cookies("; ".join(fields), self._name) if fields else []
        # Of two cookies one was planted, and nothing tells which.
        self._id = sent[0] if len(sent) == 1 and is_visitor(sent[0]) else None
        self._is_new = self._is_complete = False

    def known(self) -> str | None:
        """Return the id in the cookie."""
        return None if self._id is None else f"cookie {self._id}"

    def current(self) -> str:
        """Return the id in the cookie, a new one if there is none."""
        if self._id is None:
            if self._is_complete:
                raise RuntimeError(
                    "expected csrf_token() before the head of the answer: call it in the handler, not in a stream"
                )
            self._id, self._is_new = new_visitor(), True
        return f"cookie {self._id}"

    def complete(self, response: Response) -> None:
        """Set the cookie of a new visitor, and keep shared caches from handing it to another."""
        self._is_complete = True
        if self._is_new:
            secure = self._name.startswith("__Host-")
            response.set_cookie(self._name, self._id or "", secure=secure, httponly=True)
            given = list_members(", ".join(response.headers.getall("Cache-Control", ())).lower())
            if not any(directive in given for directive in _UNSHARED):
                response.headers["Cache-Control"] = "no-store"


class Visit:
    """What the middleware and the handlers of a request know of its visitor.

    Args:
        request: the request.
        tokens: makes and checks tokens.
    """

    __slots__ = ("_made", "_tokens", "_visitor")

    def __init__(self, request: BaseRequest, tokens: Tokens) -> None:
        session = request.get(SESSION)
        self._visitor: Visitor = CookieVisitor(request) if session is None else SessionVisitor(session)
        self._tokens = tokens
        self._made: tuple[str, str] | None = None

    def accepts(self, token: str) -> bool:
        """Whether the request is of the visitor that the token was made for. May raise an `HTTPException`."""
        visitor = self._visitor.known()
        return visitor is not None and self._tokens.accepts(visitor, token)

    def token(self) -> str:
        """Return the token for the answer; raises as `Visitor.current`."""
        visitor = self._visitor.current()
        if self._made is None or self._made[0] != visitor:
            self._made = visitor, self._tokens.make(visitor)
        return self._made[1]

    def complete(self, response: Response) -> None:
        """Make the head of the answer ready. A page with a token is one visitor's."""
        self._visitor.complete(response)
        if self._made is not None and not response.switches:
            add_vary(response.headers, "Cookie")
            response.headers.setdefault("Cache-Control", "private")
