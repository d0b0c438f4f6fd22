"""Read a form as a whole: fields and small files into memory, large files into temporary files."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from multidict import MultiDict, MultiDictProxy

from sketch.concurrency.threads import file_threads
from sketch.exceptions import HTTPContentTooLarge
from sketch.request.forms.events import MULTIPART, Events, PartHead, malformed, unsupported
from sketch.request.forms.saving import BATCH, Spool
from sketch.request.forms.uploads import UploadedFile
from sketch.request.forms.urlencoded import URLENCODED, read_urlencoded

if TYPE_CHECKING:
    from sketch.request import Request

Form = MultiDictProxy[str | UploadedFile]
"""The fields and files of a form by name; a name may occur more than once."""


async def read_form(request: Request) -> Form:
    """Read a request's body as a form. Raises as `Request.form` does."""
    kind = request.content_type
    if kind == URLENCODED:
        fields = cast("MultiDict[str | UploadedFile]", await read_urlencoded(request))
    elif kind == MULTIPART:
        fields = await _read_multipart(request)
    elif not kind and not await request.read():  # an empty form: many clients send no body for it
        fields = MultiDict()
    else:
        raise unsupported(request, URLENCODED, MULTIPART)
    return MultiDictProxy(fields)


async def _read_multipart(request: Request) -> MultiDict[str | UploadedFile]:
    events = Events(request)
    gathering = _Gathering(request, events)
    body = request.take_body()
    begun = False
    while chunk := await body.read():
        begun = True
        for event in events.push(chunk):
            if isinstance(event, bytes):
                if gathering.add(event):
                    await gathering.write()
            elif event is not None:
                gathering.begin(event)
            elif gathering.end():
                await gathering.write()
                gathering.keep_file()
    if begun:  # no body at all is an empty form, as in every other encoding
        events.end()
    return gathering.form


class _Gathering:
    """Collects a multipart form part by part, and decides what stays in memory. Only `write` awaits.

    Args:
        request: its limits apply. Temporary files are closed at the end of its exchange.
        events: decodes the texts.
    """

    __slots__ = ("_events", "_head", "_limits", "_memory", "_pending", "_pieces", "_request", "_size", "_spool", "form")

    _head: PartHead

    def __init__(self, request: Request, events: Events) -> None:
        self.form: MultiDict[str | UploadedFile] = MultiDict()
        self._request = request
        self._events = events
        self._limits = request.limits
        self._memory = 0

    def begin(self, head: PartHead) -> None:
        """Begin a part."""
        if head.filename is None and head.content_type.startswith("multipart/"):  # RFC 7578 section 4.3
            raise malformed(f"expected fields and files, got {head.content_type!r:.50} inside the form")
        if head.transfer_encoding is not None:
            raise malformed(f"expected parts as they are, got one in {head.transfer_encoding!r:.200}")
        self._head = head
        self._pieces: list[bytes] = []
        self._spool: Spool | None = None
        self._size = self._pending = 0
        self._take_memory(len(head.name) + len(head.filename or ""))

    def add(self, piece: bytes) -> bool:
        """Add a piece of the part. Returns whether `write` has to be called before the next piece."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._head.filename is None:
            self._take_memory(len(piece))
            self._check(self._limits.form_field_size, "fields")
            return False
        self._check(self._limits.form_file_size, "files")
        self._pending += len(piece)
        return self._pending >= BATCH and not self._is_small

    @property
    def _is_small(self) -> bool:
        """Whether the file, with what was received so far, can stay in memory."""
        limits = self._limits
        return (
            self._spool is None
            and (limits.form_file_memory is None or self._size <= limits.form_file_memory)
            and (limits.form_memory is None or self._memory + self._size <= limits.form_memory)
        )

    def _take_memory(self, size: int) -> None:
        self._memory += size
        most = self._limits.form_memory
        if most is not None and self._memory > most:
            raise HTTPContentTooLarge(f"expected a form with fields of at most {most} bytes together")

    def _check(self, most: int | None, what: str) -> None:
        if most is not None and self._size > most:
            raise HTTPContentTooLarge(f"expected {what} of at most {most} bytes")

    def end(self) -> bool:
        """End the part. Returns whether it is a file to be written: then `write` and `keep_file` have to be called."""
        head = self._head
        if head.filename is None:
            self.form.add(head.name, self._events.text(head, b"".join(self._pieces)))
        elif self._is_small:
            self._memory += self._size
            self.form.add(head.name, UploadedFile(head, b"".join(self._pieces), self._size))
        else:
            return True
        return False

    async def write(self) -> None:
        """Write the pieces to the temporary file, in a thread. It is closed at the end of the exchange."""
        pieces, self._pieces, self._pending = self._pieces, [], 0
        if self._spool is None:
            self._spool = await file_threads.acquire(Spool.holding, pieces, undo=Spool.close)
            self._request.at_end.resources.append(self._spool)
        elif pieces:
            await file_threads.run(self._spool.write, pieces)

    def keep_file(self) -> None:
        """Add the file to the form, once it is complete and written."""
        assert self._spool is not None
        self.form.add(self._head.name, UploadedFile(self._head, self._spool, self._size))
