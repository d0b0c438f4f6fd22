"""`FileResponse`, the response that sends a file, and its `Content-Disposition` field."""

from __future__ import annotations

import os
import re
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING
from urllib.parse import quote

from sketch.checks import check_flags
from sketch.files.opened import open_regular, take
from sketch.http.conditions import check_etag
from sketch.http.file_types import file_type
from sketch.http.grammar import ATTR_CHARS
from sketch.response import HeadersArgument, Response
from sketch.results import PreparedResponse

if TYPE_CHECKING:
    from sketch.request import BaseRequest

_WINDOWS_PATH = re.compile(r"[A-Za-z]:[\\/]|\\\\")  # a drive or a share; any other backslash may be a part of a name
_NOT_PLAIN = re.compile(f"[^{ATTR_CHARS} ()]")

# Bytes: file systems take 255, of which browsers need some while they save. A suffix up to this length is kept.
_LONGEST_NAME = 240
_LONGEST_SUFFIX = 16


class FileResponse(PreparedResponse):
    """A response that sends a file.

    Args:
        path: of a regular file. Check a path that a client has chosen before you pass it, or use `add_static`.
        status: of the response when the whole file is sent. If it is not 200, conditions and ranges are ignored.
        headers: extra fields. An `ETag` among them replaces the one from size and time of modification.
        content_type: default: by the name (`sketch.http.file_types`), else `application/octet-stream`.
        filename: makes it a download with that name (RFC 6266); of a path, the last part is used.
        inline: with a `filename`: the file is to be shown rather than saved.

    Raises:
        TypeError: for a path or file name in bytes, or of another type, an `inline` that is no bool, and as `Response`
            does.
        ValueError: as `Response` does.

    Conditional requests (304, 412), `If-Range` and byte ranges (206, 416), one or several, are answered by RFC 9110
    sections 13 and 14 from one `fstat` of the opened file. A missing file is a 404.
    """

    __slots__ = ("_disposition", "path")

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        status: int = 200,
        headers: HeadersArgument = None,
        content_type: str | None = None,
        filename: str | os.PathLike[str] | None = None,
        inline: bool = False,
    ) -> None:
        check_flags(inline=inline)
        self.path = _text_of(path)
        super().__init__(status=status, headers=headers, content_type=content_type)
        if self.content_type is None:
            self.content_type = file_type(self.path)
        self._disposition = None if filename is None else disposition(filename, inline=inline)

    async def prepare(self, request: BaseRequest) -> Response:
        """Return a new response for this request, with the file read or open.

        Raises:
            HTTPNotFound: if there is no regular file at the path.
            ValueError: for a malformed `ETag` among the headers.
        """
        headers = self.headers.copy()
        if self._disposition is not None:
            headers["Content-Disposition"] = self._disposition
        etag = headers.get("ETag")
        if etag is not None:
            check_etag(etag)
        taken = await take(request, self.status, headers, lambda: open_regular(self.path))
        return taken.answer(request, self.status, headers)

    def copy(self) -> FileResponse:
        """Return a response for the same file with its own copy of the headers."""
        new = super().copy()
        new.path = self.path
        new._disposition = self._disposition
        return new


def _text_of(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"expected a path of str or PathLike[str], got {path!r:.200}: use os.fsdecode(path)")
    return text


def disposition(filename: str | os.PathLike[str], *, inline: bool = False) -> str:
    """Return a `Content-Disposition` (RFC 6266) with the last part of a path, usable by clients without `filename*`.

    Without a last part (of `"/"`, say), there is no name in it, and clients take that of the URL.
    """
    kind = "inline" if inline else "attachment"
    name = _last_part(_text_of(filename))
    if not name:
        return kind
    plain = _NOT_PLAIN.sub("_", name)
    extended = f"; filename*=UTF-8''{quote(name, safe='', errors='replace')}" if plain != name else ""
    return f'{kind}; filename="{plain}"{extended}'


def _last_part(path: str) -> str:
    """Return the last part of a path, shortened if need be, but with its suffix."""
    parts: PurePath = PureWindowsPath(path) if _WINDOWS_PATH.match(path) else PurePosixPath(path)
    name, suffix = parts.name.encode("utf-8", "replace"), parts.suffix.encode("utf-8", "replace")
    if len(name) <= _LONGEST_NAME:
        return parts.name
    if len(suffix) > _LONGEST_SUFFIX:
        suffix = b""
    return (name[: _LONGEST_NAME - len(suffix)] + suffix).decode("utf-8", "ignore")
