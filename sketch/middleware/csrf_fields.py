"""Finds the field of a form that a handler has yet to read, in whatever way."""

from __future__ import annotations

from sketch.exceptions import HTTPException
from sketch.request import Request

_PEEKED = 64 * 1024
"""Bytes of a multipart form in which the field is looked for: the files behind it may be streamed."""


async def find_field(request: Request, name: str) -> str | None:
    """Return the first field of that name of a form, None if there is none, or no form.

    Fields of a urlencoded form are parsed once, for the handler as well. Of a multipart form only the beginning is
    looked at, and stays to be read.

    Raises:
        HTTPException: for a urlencoded form that is malformed or exceeds a limit.
        ClientDisconnected: if the client leaves.
    """
    if request.content_type == "application/x-www-form-urlencoded":
        value = (await request.form()).get(name)
        return value if isinstance(value, str) else None
    if request.content_type == "multipart/form-data":
        begun = await request.peek(_PEEKED)
        return _find_part(request, begun[:_PEEKED], name)
    return None


def _find_part(request: Request, begun: bytes, name: str) -> str | None:
    """Return the content of the first complete part of that name in the beginning of a multipart form."""
    from sketch.request.forms.events import Events, PartHead  # not every application has forms

    try:
        events = Events(request)
        head: PartHead | None = None
        pieces: list[bytes] = []
        for event in events.push(begun) if begun else ():
            if isinstance(event, PartHead):
                head, pieces = event, []
            elif isinstance(event, bytes):
                pieces.append(event)
            elif head is not None and head.name == name and head.filename is None:
                return events.text(head, b"".join(pieces))
    except (HTTPException, RuntimeError):
        # The handler gets the same error when it reads the form: malformed, or without the package that parses it.
        return None
    return None
