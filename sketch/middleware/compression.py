"""Compresses responses: which ones, how, and what else has to change with the body."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from functools import lru_cache
from typing import Any

from multidict import CIMultiDict

from sketch.concurrency.threads import coding_threads
from sketch.files.reading import read_in_thread
from sketch.http.codings import INLINE, Coding, find_coding, installed_codings
from sketch.http.grammar import TOKEN, list_members
from sketch.http.media_types import parse_media_type
from sketch.http.negotiation import add_vary, choose_encoding
from sketch.request import BaseRequest
from sketch.response import Response
from sketch.results import Endpoint, must_prepare, prepare_response
from sketch.streams.stream import StreamBody
from sketch.transport import Body, Chunks, FileBody, close_body

OFFERED = ("zstd", "br", "gzip")
"""The codings for responses, the preferred one first. Not `deflate`: some clients take it for another format."""

COMPRESSIBLE = (
    "text/*",
    "*+json",
    "*+xml",
    "application/graphql",
    "application/javascript",
    "application/json",
    "application/jsonl",
    "application/toml",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-javascript",
    "application/x-ndjson",
    "application/xml",
    "application/yaml",
    "font/collection",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/vnd.microsoft.icon",
    "image/x-icon",
)
"""Media types that are worth compressing. Others are compressed already, or unknown."""

_MINIMUM = 1024

_EMPTY = (204, 205)
_DESCRIBED = (206, 304)
# Fields that describe the exact bytes of the body: a response with one of them is not compressed.
_OF_THE_BYTES = ("Content-Encoding", "Content-Range", "Content-Digest", "Repr-Digest", "Digest", "Content-MD5")


class Compression:
    """Middleware that compresses responses for clients that accept it (RFC 9110 section 12.5.3).

        app = Application(middlewares=[Compression()])

    In the `middlewares` of an application, a group or a route it compresses what handlers return; in the
    `outer_middlewares` error pages, too. If there are several, the innermost compresses.

    A body that becomes shorter is sent in the coding that the client prefers. Plain bodies are compressed as a whole,
    streams chunk by chunk, so that each chunk can be read as soon as it arrives, and files while they are sent. More
    than 32 KiB at once are compressed in a thread. An entity tag becomes a weak one, `Vary` says that there are other
    forms, and there are no byte ranges: a `Range` is ignored if the response would be compressed (section 14.2 allows
    that).

    Left as they are: responses with `Cache-Control: no-transform`, with a `Content-Encoding` (such as files with
    precompressed siblings) or a digest; 204, 205 and 206. HEAD has the header fields of GET, except the length of a
    file.

    A page that holds a secret and repeats what the client sent reveals the secret by its compressed length (BREACH):
    do not compress such pages. `no-transform` excludes a single response.

    Args:
        minimum_size: bytes of the smallest body that is compressed. Streams of unknown length are always compressed.
        codings: levels by name, `{"zstd": 3, "br": 4, "gzip": 5}`; the first is preferred if the client has no
            preference. Default: those with installed libraries (`sketch-web[compression]`).
        types: media types to compress: `"text/html"`, `"text/*"`, `"*+json"`.

    Raises:
        ValueError, TypeError: for an unknown coding, a level it does not have, and malformed types.
        RuntimeError: for a coding without its library installed.
    """

    def __init__(
        self,
        *,
        minimum_size: int = _MINIMUM,
        codings: Mapping[str, int] | None = None,
        types: Iterable[str] = COMPRESSIBLE,
    ) -> None:
        if not isinstance(minimum_size, int) or minimum_size < 0:
            raise ValueError(f"expected minimum_size as a number of bytes, got {minimum_size!r:.200}")
        self._minimum = minimum_size
        self._codings = _default_codings() if codings is None else _given_codings(codings)
        self._names = tuple(self._codings)
        self._types = _Types(types)

    async def __call__(self, request: BaseRequest, handler: Endpoint) -> Response:
        """Answer the request, with a compressed response if it qualifies."""
        request.sends_whole = self._sends_whole
        response = await handler(request)
        body = response.body
        if isinstance(body, bytes) and len(body) < self._minimum and not response.prepares:
            if response.status in _DESCRIBED:
                self._describe(request, response)
            return response
        return response if request.is_websocket else await self._answer(request, response)

    def _sends_whole(self, request: BaseRequest, headers: CIMultiDict[str], size: int) -> bool:
        """Whether a file will be compressed, and so must be sent whole, without ranges.

        Otherwise a client could join the part that it has of the compressed file with a part of the plain file.
        """
        return size >= self._minimum and self._transformable(headers) and self._choice(request) is not None

    def _choice(self, request: BaseRequest) -> str | None:
        return choose_encoding(request.combined_header(b"accept-encoding"), self._names)

    def _transformable(self, headers: CIMultiDict[str]) -> bool:
        """Whether the header fields of a response allow its body to be compressed."""
        return (
            self._types.match(headers.get("Content-Type", ""))
            and not any(name in headers for name in _OF_THE_BYTES)
            and not any("no-transform" in list_members(value.lower()) for value in headers.getall("Cache-Control", ()))
        )

    async def _answer(self, request: BaseRequest, response: Response) -> Response:
        if must_prepare(response, request):
            response = await prepare_response(request, response)
        if response.status in _DESCRIBED:
            self._describe(request, response)
        elif response.status not in _EMPTY and self._large(response) and self._transformable(response.headers):
            add_vary(response.headers, "Accept-Encoding")
            name = self._choice(request)
            if name is not None:
                await self._compress(request, response, *self._codings[name])
        return response

    def _large(self, response: Response) -> bool:
        """Whether a body has at least the minimum size, or an unknown size."""
        size, declared = _size(response.body), _declared(response)
        if size is None:
            size = declared
        elif declared is not None and declared != size:
            return False  # an error of the application, or the length that it declares for HEAD by itself
        return size is None or size >= self._minimum

    def _describe(self, request: BaseRequest, response: Response) -> None:
        """Give a 206 or 304 the fields of the 200 (RFC 9110 sections 15.3.7 and 15.4.5), as far as they are known."""
        kind = response.content_type
        if kind is None or kind.startswith("multipart/byteranges") or self._types.match(kind):
            if "Content-Encoding" not in response.headers:
                add_vary(response.headers, "Accept-Encoding")
            if response.status == 304 and self._choice(request) is not None:
                _weaken(response)

    async def _compress(self, request: BaseRequest, response: Response, coding: Coding, level: int) -> None:
        body = response.body
        headers = response.headers
        if isinstance(body, bytes):
            if len(body) <= INLINE:
                compressed = coding.compress(body, level)
            else:
                compressed = await coding_threads.run(coding.compress, body, level)
            if len(compressed) >= len(body):
                return
            response.body = compressed
        else:
            response.body = encoded = EncodedBody(body, coding, level, _declared(response))
            # The encoded body holds the file now, and closes it.
            if request.finishing is not None:
                held = request.finishing.resources
                held[:] = [encoded if one is body else one for one in held]
        headers["Content-Encoding"] = coding.name
        headers.popall("Content-Length", None)
        headers.popall("Accept-Ranges", None)
        _weaken(response)


class EncodedBody(StreamBody):
    """A body that compresses a stream or a file while it is sent.

    Args:
        source: the stream or file; this body owns it, and closes it.
        coding: the content coding.
        level: the compression level.
        length: the length of the source that the application has announced.
    """

    __slots__ = ("_coding", "_length", "_level", "_source")

    def __init__(self, source: FileBody | AsyncIterable[bytes], coding: Coding, level: int, length: int | None) -> None:
        super().__init__(())
        self._source = source
        self._coding = coding
        self._level = level
        self._length = length

    def claim(self, request: BaseRequest) -> None:
        """Record that the source is about to be sent. Raises RuntimeError if the source does."""
        if isinstance(self._source, StreamBody):
            self._source.claim(request)

    async def release(self, request: BaseRequest) -> None:
        """Close a source that will not be sent."""
        await (self._source.release(request) if isinstance(self._source, StreamBody) else close_body(self._source))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The compressed chunks: all of each chunk of the source, before the next one is requested."""
        source = self._source
        encoder = self._coding.encoder(self._level)
        try:
            parts = read_in_thread(source) if isinstance(source, FileBody) else source
            async with Chunks(parts, self._length) as chunks:
                while chunk := await chunks.next():
                    if len(chunk) <= INLINE:
                        yield encoder.encode(chunk)
                    else:
                        yield await coding_threads.run(encoder.encode, chunk)
            yield encoder.finish()
        finally:
            if isinstance(source, FileBody):
                source.close()

    async def aclose(self) -> None:
        """Close the source, for a body that was never iterated."""
        await close_body(self._source)


def _size(body: Body) -> int | None:
    if isinstance(body, FileBody):
        return body.count
    return len(body) if isinstance(body, bytes) else None


def _declared(response: Response) -> int | None:
    """The length that the application has announced, None without one; `finalize` refuses a malformed one."""
    value = response.headers.get("Content-Length")
    return int(value) if value is not None and value.isascii() and value.isdigit() else None


def _weaken(response: Response) -> None:
    """Make the entity tag weak: the bodies are equivalent, but not byte for byte (RFC 9110 section 8.8.1)."""
    etag = response.headers.get("ETag")
    if etag is not None and not etag.startswith("W/"):
        response.headers["ETag"] = f"W/{etag}"


def _default_codings() -> dict[str, tuple[Coding, int]]:
    return {name: (coding, coding.level) for name, coding in installed_codings(OFFERED).items()}


def _given_codings(codings: Mapping[str, int]) -> dict[str, tuple[Coding, int]]:
    if not isinstance(codings, Mapping):
        raise TypeError(f"expected codings as names with levels, like {{'gzip': 5}}, got {codings!r:.200}")
    chosen = {}
    for name, level in codings.items():
        if name not in OFFERED:
            raise ValueError(f"expected codings of {', '.join(OFFERED)}, got {name!r:.200}")
        coding = find_coding(name)
        if not isinstance(level, int) or level not in coding.levels:
            first, last = coding.levels[0], coding.levels[-1]
            raise ValueError(f"expected a level of {name} from {first} to {last}, got {level!r:.200}")
        chosen[name] = coding, level
    return chosen


# A token may contain `*`, but here it only stands for a whole subtype, or for what is before a suffix.
_TYPE = re.compile(rf"(?=[^*]*(?:/\*)?\Z){TOKEN.pattern}/{TOKEN.pattern}|\*\+[0-9A-Za-z.\-]+")


class _Types:
    """Tells whether a `Content-Type` is one of some types; it remembers the answers, as an application has few."""

    def __init__(self, types: Iterable[str]) -> None:
        if isinstance(types, str):
            raise TypeError(f"expected types as a list of media types, got {types!r:.200}")
        self._names = names = [name.lower() for name in types]
        for name in names:
            if not _TYPE.fullmatch(name):
                raise ValueError(f"expected media types like 'text/html', 'text/*' or '*+json', got {name!r:.200}")
        self._whole = frozenset(names)
        self._beginnings = tuple(name[:-1] for name in names if name.endswith("/*"))
        self._ends = tuple(name[1:] for name in names if name.startswith("*+"))
        self.match = lru_cache(256)(self._match)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it without what it remembers."""
        return _Types, (self._names,)

    def _match(self, content_type: str) -> bool:
        kind = parse_media_type(content_type)[0]
        return kind in self._whole or kind.startswith(self._beginnings) or kind.endswith(self._ends)
