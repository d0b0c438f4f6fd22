"""The state of a session during one request: what has come, what is in it now, and what was done with it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from secrets import token_urlsafe
from typing import Any, NamedTuple

from sketch.jsoncodec import STDLIB, ValidationError, loads_as

_ID_BYTES = 32

logger = logging.getLogger("sketch")

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode


class KeptSession(NamedTuple):
    """A session as an earlier request has left it. Times are in seconds since the epoch."""

    id: str
    """Its name: 256 random bits."""
    began: int
    """When it began, or was regenerated."""
    used: int
    """When its cookie was set."""
    body: bytes
    """Its content, as `write_body` writes it."""


class SessionState:
    """What the handlers and the middleware of one request know of its session. Nothing is read before its first use.

    Args:
        find: returns what was kept of the session, None if there is none. It may raise what then answers the request.
        owner: the middleware that keeps it.
    """

    __slots__ = ("_find", "_id", "_models", "accessed", "closed", "data", "ended", "flashes", "kept", "owner", "shown")

    def __init__(self, find: Callable[[], KeptSession | None], owner: object = None) -> None:
        self.owner = owner
        self._find = find
        self._id: str | None = None
        self._models: dict[Any, tuple[Any, bytes]] = {}
        self.accessed = False
        """Whether anything was read or changed."""
        self.closed = False
        """Whether it was written: changes would be lost."""
        self.ended = False
        """Whether what had come was cleared."""
        self.kept: KeptSession | None = None
        """What had come, once it was read; None for a new session."""
        self.data: dict[str, Any] = {}
        self.flashes: list[list[str]] = []
        """The messages for the next page, each its category and its text."""
        self.shown: list[list[str]] = []
        """The messages that were taken in this request."""

    def opened(self) -> SessionState:
        """Return this state with the content in it."""
        if not self.accessed:
            kept = self._find()
            self.accessed = True
            if kept is not None:
                self._take(kept)
        return self

    def _take(self, kept: KeptSession) -> None:
        try:
            self.data, self.flashes = read_body(kept.body)
        except (ValueError, TypeError, RecursionError):  # of the last, content as deep as a client's JSON may be
            logger.exception("a session cannot be read and counts as none: something else has written it, or too deep")
        else:
            self.kept, self._id = kept, kept.id

    def to_change(self) -> SessionState:
        """Return this state for a change.

        Raises:
            RuntimeError: once it was written.
        """
        if self.closed:
            raise RuntimeError(
                "expected no change of the session any more: it was written with the head of the response. Change it"
                " in the handler or a middleware: not in a stream, in background work or in a websocket's session"
            )
        return self.opened()

    @property
    def id(self) -> str:
        """The id. A new session gets one at the first use, and is kept from then on."""
        if self.opened()._id is None:
            self.regenerate()
        assert self._id is not None
        return self._id

    def regenerate(self) -> None:
        """Give the session a new id."""
        self.to_change()._id = token_urlsafe(_ID_BYTES)

    def clear(self) -> None:
        """Drop all content, and the id."""
        self.to_change()
        self.data, self.flashes, self.shown = {}, [], []
        self._models.clear()
        self._id = None
        self.ended = True

    def model(self, kind: Any) -> Any:
        """Return the content as a model; see `Session.as_model`."""
        self.opened()
        found = self._models.get(kind)
        if found is None:
            value = self._read_as(kind)
            found = self._models[kind] = (value, STDLIB.dumps(value))
        return found[0]

    def _read_as(self, kind: Any) -> Any:
        try:
            return loads_as(_encode(self.data).encode("utf-8", "backslashreplace"), kind)
        except ValidationError:
            return new_model(kind)  # an older version of the application has written it

    def _merge_models(self) -> None:
        """Take the fields of the models that have changed into the content."""
        for kind, (value, before) in self._models.items():
            after = STDLIB.dumps(value)
            if after != before:
                self.data.update(_decode(after.decode()))
                self._models[kind] = (value, after)

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to keep: no content, and no id that anything has asked for."""
        self._merge_models()
        return self._id is None and not self.data and not self.flashes

    @property
    def is_modified(self) -> bool:
        """Whether it has to be written: it differs from what had come, deep inside as well.

        Raises:
            TypeError: for content that JSON cannot hold.
        """
        if not self.accessed:
            return False
        if self.is_blank:
            return self.kept is not None
        return self.kept is None or self._id != self.kept.id or self.body() != self.kept.body

    def body(self) -> bytes:
        """Return the content in JSON. Raises TypeError for content that JSON cannot hold."""
        self._merge_models()
        return write_body(self.data, self.flashes)


def new_model(kind: Any) -> Any:
    """Return the model of an empty session.

    Raises:
        ValidationError: for a model with a field that has no default.
        TypeError, RuntimeError: as `sketch.jsoncodec.loads_as`.
    """
    return loads_as(b"{}", kind)


def write_body(data: dict[str, Any], flashes: list[list[str]]) -> bytes:
    """Write content in JSON.

    Raises:
        TypeError: for content that JSON cannot hold.
    """
    try:
        return _encode([data, flashes] if flashes else [data]).encode("utf-8", "backslashreplace")
    except (TypeError, ValueError, RecursionError):
        pass
    for key, value in data.items():
        try:
            _encode(value)
        except (TypeError, ValueError, RecursionError) as exc:
            raise TypeError(
                f"expected values that JSON can hold in the session, got one in {key!r:.200}: {exc}"
            ) from None
    raise TypeError("expected values that JSON can hold in the session, got some that contain each other")


def read_body(body: bytes) -> tuple[dict[str, Any], list[list[str]]]:
    """Read what `write_body` has written. Raises ValueError or TypeError for anything else."""
    data, *flashes = _decode(body.decode())
    if not isinstance(data, dict):
        raise TypeError(f"expected the content of a session as an object, got {data!r:.50}")
    return data, flashes[0] if flashes else []
