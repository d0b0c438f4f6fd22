"""Messages for the next page: stored in the session until they are shown."""

from __future__ import annotations

from typing import NamedTuple

from sketch.request import BaseRequest

MOST = 20
"""Messages that wait for a page. Without a bound, a visitor whom no page shows any would outgrow the cookie."""


class Flash(NamedTuple):
    """A message for the next page."""

    text: str
    """What it says. It is text, never markup: a template escapes it."""
    category: str
    """What kind of message it is, for its looks: `"message"`, `"error"`."""


def flash(request: BaseRequest, text: str, category: str = "message") -> None:
    """Leave a message for the next page that shows messages, in the session. Of more than 20 the oldest are dropped.

        flash(request, "The post was saved.")
        return redirect("/posts", status=303)

    Args:
        request: the request.
        text: what it says.
        category: what kind of message it is, for its looks.

    Raises:
        TypeError: for a message or category that is no text.
        RuntimeError: without the middleware `Sessions`, and after the head of the response was sent.
    """
    for given in (text, category):
        if not isinstance(given, str):
            raise TypeError(f"expected the text and the category of a message as str, got {given!r:.200}")
    flashes = request.session.state.to_change().flashes
    flashes.append([category, text])
    del flashes[:-MOST]


def flashed(request: BaseRequest) -> list[Flash]:
    """Return the messages that were left, and drop them from the session. Another call gives the same ones again.

    Raises:
        RuntimeError: without the middleware `Sessions`.
    """
    state = request.session.state.opened()
    if state.flashes:
        state.to_change()
        state.shown += state.flashes
        state.flashes = []
    return [Flash(text, category) for category, text in state.shown]
