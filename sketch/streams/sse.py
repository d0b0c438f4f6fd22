"""Server-sent events (HTML Living Standard, section 9.2): the format, and the response that sends them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sketch.context_vars import find_app
from sketch.jsoncodec import STDLIB
from sketch.response import HeadersArgument, Response
from sketch.streams.event_source import EventStream
from sketch.streams.stream import StreamBody, no_iterable

if TYPE_CHECKING:
    from sketch.request import Request

EVENT_STREAM = "text/event-stream"

# Only these end a line (section 9.2.5); str.splitlines() knows more line ends, and would split text at them.
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Event:
    """One event, as a browser's `EventSource` receives it.

    Args:
        data: `str` is sent as it is, line by line; CR and CRLF arrive as LF. Other data is sent as JSON. None sends no
            data: browsers then apply `id` and `retry`, and fire no event.
        event: the event's type, to which the page listens; None for `message`.
        id: the value that the browser sends as `Last-Event-ID` when it reconnects; with an empty one it sends none.
        retry: milliseconds that the browser waits before it reconnects, from now on.

    Raises:
        TypeError: for bytes (a stream is text: decode them, or write them in base64), and for fields of other types.
        ValueError: for an event with nothing in it, a type without data (browsers drop it), line ends in `event` or
            `id`, NUL in `id`, and a `retry` below 0.
    """

    data: Any = None
    event: str | None = None
    id: str | int | None = None
    retry: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.data, bytes | bytearray | memoryview):
            raise TypeError(
                f"expected data of str or for JSON, got {self.data!r:.200}: decode it, or write it in base64"
            )
        if self.event is not None:
            _check_line("event", self.event, "\r\n")
            if not self.event or self.data is None:
                raise ValueError(
                    f"expected a type and data together, got {self!r:.200}: browsers drop it; data may be ''"
                )
        if isinstance(self.id, str):
            _check_line("id", self.id, "\r\n\0")
        elif self.id is not None and not isinstance(self.id, int):
            raise TypeError(f"expected an id of str or int, got {self.id!r:.200}")
        if self.retry is not None:
            _check_retry(self.retry)
        elif self.data is None and self.id is None:
            raise ValueError("expected an event with data, an id or a retry, got one with nothing in it")


def _check_line(name: str, value: object, forbidden: str) -> None:
    if not isinstance(value, str):
        raise TypeError(f"expected {name} of str, got {value!r:.200}")
    if any(character in value for character in forbidden):
        raise ValueError(
            f"expected {name} without line ends or NUL (section 9.2.6 of the standard), got {value!r:.200}"
        )


def _check_retry(value: object) -> None:
    if not isinstance(value, int):
        raise TypeError(f"expected retry in whole milliseconds, got {value!r:.200}")
    if value < 0:
        raise ValueError(f"expected retry of 0 milliseconds or more, got {value!r:.200}")


def format_event(event: Event, dumps: Callable[[Any], bytes] = STDLIB.dumps) -> bytes:
    """Encode an event as it is sent.

    Args:
        event: the event, which was checked when it was made.
        dumps: writes data that is not text as JSON.

    Raises:
        TypeError, ValueError: for data that JSON cannot hold, and text that UTF-8 cannot.
    """
    lines = []
    if event.retry is not None:
        lines.append(f"retry: {event.retry:d}")
    if event.id is not None:
        lines.append(f"id: {event.id}")
    if event.event is not None:
        lines.append(f"event: {event.event}")
    data = event.data
    if data is not None:
        text = data if isinstance(data, str) else dumps(data).decode()
        # The client removes one space after the colon, so text that begins with a space keeps it.
        lines += [f"data: {line}" for line in _LINE_END.split(text)]
    return "\n".join([*lines, "", ""]).encode()


def last_event_id(request: Request) -> str | None:
    """The id of the last event that a browser got before it lost the connection; None on its first connection.

    The client chooses the value: look it up, do not trust it.
    """
    sent = request.header(b"last-event-id")
    return sent.decode("utf-8", "replace") if sent else None


class EventStreamResponse(Response):
    """A response that sends events until its source ends, the client leaves or the server stops.

    Args:
        source: an async iterable of events: `Event`, `str`, or data for JSON. The next event is requested when the
            client has taken the last. The source runs in a task of its own, from its first line to its last, so
            timeouts, task groups and context variables work in it, also around a `yield`. It is cancelled and closed,
            once and in that task, when the client leaves or the server stops. When the server stops, one event that
            it yields while it ends is still sent.
        ping: seconds of silence after which a comment is sent, so that no proxy takes the connection for dead; None
            for never.
        retry: milliseconds after which a browser reconnects; sent first.
        headers: further fields. `Cache-Control: no-store` and `X-Accel-Buffering: no`, which keep proxies from holding
            events back, are set unless given.

    Raises:
        TypeError: for a source that is not an async iterable.
        ValueError: for a `ping` that is not above 0, or a `retry` below 0.

    A browser reconnects even after a proper end; a 204 response tells it not to (section 9.2.3).
    """

    __slots__ = ()

    media_type = EVENT_STREAM

    def __init__(
        self,
        source: AsyncIterable[Any],
        *,
        ping: float | None = 15,
        retry: int | None = None,
        headers: HeadersArgument = None,
    ) -> None:
        if not hasattr(source, "__aiter__"):
            raise no_iterable("an async iterable of events", source)
        if ping is not None and not (isinstance(ping, int | float) and ping > 0):
            raise ValueError(f"expected ping of more than 0 seconds, or None, got {ping!r:.200}")
        if retry is not None:
            _check_retry(retry)
        super().__init__(headers=headers)
        self.headers.setdefault("Cache-Control", "no-store")
        self.headers.setdefault("X-Accel-Buffering", "no")
        self.body = EventBody(source, ping, retry)


class EventBody(StreamBody):
    """The body of an event stream, made from a source of events; see `EventStreamResponse` for the arguments."""

    __slots__ = ("_ping", "_retry")

    def __init__(self, source: AsyncIterable[Any], ping: float | None, retry: int | None) -> None:
        super().__init__(source)
        self._ping = ping
        self._retry = retry

    def __aiter__(self) -> AsyncIterator[bytes]:
        app = find_app()
        dumps = STDLIB.dumps if app is None else app.json.dumps

        def encode(item: Any) -> bytes:
            return format_event(item if isinstance(item, Event) else Event(item), dumps)

        return EventStream(
            self._iterable,  # type: ignore[arg-type]  # the response has checked that it is asynchronous
            encode,
            first=None if self._retry is None else format_event(Event(retry=self._retry)),
            ping=self._ping,
            stopping=None if app is None else app.stopping,
        )
