"""Parses bytes into requests: httptools with the checks and limits that it leaves to its user.

The module does no I/O. `RequestParser` is fed bytes and calls a sink; it raises a `Refusal` for what it refuses.
"""

from __future__ import annotations

import re
from typing import Protocol

import httptools

from sketch.http.fields import RawHeaders
from sketch.http.grammar import TOKEN_BYTES, valid_authority
from sketch.serving.server_limits import ServerLimits
from sketch_native.last_start import last_start
from sketch_native.refusal import Refusal
from sketch_native.websocket.handshake import check_handshake
from sketch_native.whole_head import FieldBlock, WholeHeads

SLICE = 16 * 1024
"""Bytes that are parsed at once. httptools cannot be stopped in the middle, so this bounds what one call can do."""

_CHUNK_FRAMING = 16
"""Bytes of size and line ends that each chunk may take without counting as overhead."""

_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#]*)")
_HASH = ord("#")  # as bytes, `in` would first try it as a number, and format an error
_LONGEST_METHOD = 32
_LONGEST_LENGTH = 32
"""Digits of a Content-Length, zeros included. httptools bounds the number, and `int` fails at thousands of zeros."""

# Fields that must not arrive as trailers (RFC 9110 section 6.5.1): framing, routing, authentication, content.
_NO_TRAILERS = frozenset(
    b"authorization cache-control connection content-encoding content-length content-range content-type cookie expect"
    b" host if-match if-modified-since if-none-match if-range if-unmodified-since max-forwards pragma"
    b" proxy-authorization range te trailer transfer-encoding upgrade".split()
)

_METHODS = {method.encode(): method for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY")}

# The fields that the parser itself has to know.
_SPECIAL = frozenset((b"host", b"content-length", b"transfer-encoding", b"expect"))

# llhttp takes request lines of these protocols for HTTP.
_OTHER_PROTOCOLS = (b" RTSP/", b" ICE/")

_CHUNKED_NOT_LAST = "Request has invalid `Transfer-Encoding`"

_PARSER_STATUS = {
    "Invalid HTTP version": 505,
    "Pause on PRI/Upgrade": 505,  # the preface of HTTP/2
    "Invalid method for HTTP/x.x request": 501,
}


class Sink(Protocol):
    """The receiver of a parser's events. The head of the current request is in the parser's attributes."""

    def on_whole_head(self, method: str, target: bytes, fields: FieldBlock) -> None:
        """Called instead of all others for a request of HTTP/1.1 without a body, after which the connection goes on."""

    def on_head(self) -> None:
        """Called when a head is complete and accepted."""

    def on_handshake(self) -> None:
        """Called instead of `on_head` for a websocket handshake. The bytes after it may be websocket frames."""

    def on_body(self, data: bytes) -> None:
        """Called with some bytes of the body."""

    def on_end(self) -> None:
        """Called when the request is complete."""


class RequestParser:
    """Parses the requests of one connection, strictly and in order.

    Args:
        limits: the limits of the server.
        sink: receives heads, bodies and ends of requests.
    """

    __slots__ = (
        "_at_start",
        "_body",
        "_chunks",
        "_completed",
        "_expect",
        "_failed",
        "_fed",
        "_head_done",
        "_hosts",
        "_limits",
        "_most_fed",
        "_muted",
        "_parser",
        "_refusal",
        "_seen",
        "_sink",
        "_slice",
        "_trailer_size",
        "_transfer_encoding",
        "_unknown_method",
        "_upgrade",
        "_whole_heads",
        "begun",
        "chunked",
        "content_length",
        "expect_continue",
        "headers",
        "keep_alive",
        "method",
        "target",
        "trailers",
        "version",
    )

    def __init__(self, limits: ServerLimits, sink: Sink) -> None:
        self._limits = limits
        self._most_fed = limits.head + limits.target + SLICE
        self._sink = sink
        self._parser = httptools.HttpRequestParser(self)
        self._whole_heads = WholeHeads(limits)
        self._refusal: Refusal | None = None
        self._unknown_method: bytearray | None = None
        self._muted = False
        self._upgrade = False
        self._completed = 0
        self._at_start = True
        self._seen = b""
        self._slice = self._fed = 0
        self.keep_alive = True
        self._reset()

    def _reset(self) -> None:
        """Reset the state for the next request. The list of fields is new: the last request keeps its own."""
        self.target = b""
        self.headers: RawHeaders = []
        self.trailers: RawHeaders = []
        self.content_length: int | None = None
        self._transfer_encoding: list[bytes] | None = None
        self._expect: bytes | None = None
        self._hosts = 0
        self.begun = False
        """Whether a request has begun, and its end has not come."""
        self._head_done = False

    @property
    def in_head(self) -> bool:
        """Whether a head has begun and is incomplete. Empty lines before it do not begin it (RFC 9112 section 2.2)."""
        return self.begun and not self._head_done

    @property
    def slice(self) -> int:
        """How many bytes to feed at once: `SLICE`, or the rest of the current body if that is known and larger."""
        if not self._head_done or self.chunked:
            return SLICE
        return max(SLICE, (self.content_length or 0) - self._body)

    def feed(self, data: bytes) -> bytes:
        """Parse at most `slice` bytes. Returns those of them that are still to be fed (after an upgrade).

        Raises:
            Refusal: when the connection cannot go on. What was complete before that has reached the sink.
        """
        if not self.begun and self.keep_alive:
            head = self._whole_heads.read(data)
            if head is not None:
                self._fed = len(data)  # as behind any other request
                method, target, fields = head
                self._sink.on_whole_head(method, target, fields)  # to unpack it in the call costs a frame of C
                return b""
        if len(data) > SLICE:
            return self._feed_body(data)
        if self._unknown_method is not None:
            return self._collect_method(data)
        self._at_start = at_start = not self.begun
        # If a head comes in several parts, the end of the request line may be in this one.
        if at_start:
            self._seen = data
            self._completed = 0
        else:
            self._seen = self._seen[-SLICE:] + data
        self._slice = len(data)
        self._fed += self._slice
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserInvalidMethodError:
            if not self.keep_alive:
                return b""
            return self._collect_method(last_start(self._seen, self._completed))
        except httptools.HttpParserError as exc:
            return self._go_on_after(exc, data)
        # Bytes of a head or of a chunked body that cause no callback are bounded here.
        if self._fed > self._most_fed or (self._head_done and self.chunked):
            self._check_unfinished()
        return b""

    def _go_on_after(self, exc: httptools.HttpParserError, data: bytes) -> bytes:
        """Handle an error of httptools: raise a `Refusal`, or, very rarely, return the bytes still to be fed."""
        if self._refusal is not None:
            raise self._refusal from None
        if self._chunked_behind_tab(data, str(exc)):
            return self._restart(data.lstrip(b"\r\n").partition(b"\r\n\r\n")[2])
        if isinstance(exc, httptools.HttpParserCallbackError):
            raise exc  # a bug in the sink or here
        if not self.keep_alive and not self._head_done:
            return b""  # bytes after the last request of a connection mean nothing
        reason = str(exc)
        raise Refusal(_PARSER_STATUS.get(reason, 400), reason) from None

    def _feed_body(self, data: bytes) -> bytes:
        """Parse a part of a body of known length, and nothing behind it."""
        self._seen = data
        self._slice = 0
        self._parser.feed_data(data)
        return b""

    def close(self) -> None:
        """Stop parsing for good. Drops the references to httptools and the sink, which would form a cycle."""
        del self._parser, self._sink

    # -- callbacks of httptools -------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Note that a request line has begun."""
        self.begun = True

    def on_url(self, url: bytes) -> None:
        """Add a part of the target, which comes in pieces if the network has split it."""
        target = self.target = self.target + url if self.target else url
        if len(target) > self._limits.target:
            self._refuse(414, f"request target over {self._limits.target} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header field, or a trailer field if the head is complete."""
        name = name.lower()
        value = value.strip()
        if self._head_done:
            self._add_trailer(name, value)
            return
        self.headers.append((name, value))
        if name in _SPECIAL:
            self._note(name, value)

    def on_headers_complete(self) -> None:
        """Check a complete head: whatever can be refused is refused here, before the sink hears of the request."""
        if self._muted:
            return
        parser = self._parser
        method = parser.get_method()
        self.method = _METHODS.get(method) or method.decode("ascii")
        self.keep_alive = parser.should_keep_alive()
        self._upgrade = parser.should_upgrade()
        # Most heads pass these few tests and need none of the closer checks behind them.
        target = self.target
        if (
            self._at_start
            and not self._completed
            and self._seen.startswith(b" HTTP/1.1\r\n", len(method) + 1 + len(target))
        ):
            self.version = "1.1"
        else:
            self._check_protocol(parser.get_http_version())
        if target[:1] != b"/" or self._upgrade or _HASH in target:
            self._check_target()
        if self._fed > self._limits.head or len(self.headers) > self._limits.headers:
            self._check_size()
        if not self._hosts and self.version == "1.1":
            self._refuse(400, "expected a Host field")
        if self._transfer_encoding is None:
            self.chunked = False
        else:
            self._check_transfer_encoding(self._transfer_encoding)
        self.expect_continue = self._expect is not None and self._check_expect(self._expect)
        self._head_done = True
        self._fed = self._body = self._chunks = self._trailer_size = 0
        if self._upgrade and self._is_handshake():
            self._sink.on_handshake()
        else:
            self._sink.on_head()

    def on_body(self, data: bytes) -> None:
        """Pass some bytes of a body to the sink."""
        self._body += len(data)
        self._sink.on_body(data)

    def on_chunk_header(self) -> None:
        """Count a chunk by its size line."""
        self._chunks += 1

    def on_message_complete(self) -> None:
        """End a request. For an upgrade with a body httptools calls this too early, before the body."""
        if self._upgrade and (self.chunked or self.content_length):
            return
        self._upgrade = False
        self._completed += 1
        self._fed = self._slice  # at most that many bytes belong to the next request
        self._sink.on_end()
        self._reset()

    # -- checks -----------------------------------------------------------------------------------------------------

    def _refuse(self, status: int, reason: str) -> None:
        """Raise a `Refusal`, and keep it, because httptools hides what a callback raises."""
        self._refusal = Refusal(status, reason)
        raise self._refusal

    def _note(self, name: bytes, value: bytes) -> None:
        """Check and keep a Host, Content-Length, Transfer-Encoding or Expect field."""
        if name == b"host":
            self._hosts += 1
            if self._hosts > 1 or not valid_authority(value):
                self._refuse(400, "expected one valid Host field")
        elif name == b"content-length":
            if len(value) > _LONGEST_LENGTH:
                self._refuse(400, f"Content-Length of {len(value)} digits")
            self.content_length = int(value)
        elif name == b"transfer-encoding":
            codings = [coding.strip().lower() for coding in value.split(b",")]
            self._transfer_encoding = (self._transfer_encoding or []) + codings
        elif self._expect in (None, b"100-continue"):
            self._expect = value.lower()

    def _check_protocol(self, version: str) -> None:
        if version not in ("1.1", "1.0"):
            self._refuse(400 if version == "0.9" else 505, f"HTTP version {version}")
        for name in _OTHER_PROTOCOLS:
            if name in self._seen and re.search(
                b"%b +%b +%b" % (self.method.encode(), re.escape(self.target), name.lstrip()), self._seen
            ):
                self._refuse(505, "another protocol than HTTP")
        self.version = version

    def _check_size(self) -> None:
        limits = self._limits
        if len(self.headers) > limits.headers:
            self._refuse(431, f"over {limits.headers} header fields")
        # `_fed` is never less than the size of the head, but it may be more: measure the fields.
        if sum(len(name) + len(value) + 4 for name, value in self.headers) > limits.head:
            self._refuse(431, f"header fields over {limits.head} bytes")

    def _check_target(self) -> None:
        """Refuse a target in none of the forms of RFC 9112 section 3.2."""
        target = self.target
        if self.method == "CONNECT":
            self._refuse(501, "CONNECT is not implemented")
        if _HASH in target:
            self._refuse(400, "fragment in the request target")
        if target[:1] == b"/" or (target == b"*" and self.method == "OPTIONS"):
            return
        absolute = _ABSOLUTE.match(target)
        if absolute is None or not absolute[1] or not valid_authority(absolute[1]):
            self._refuse(400, "malformed request target")

    def _is_handshake(self) -> bool:
        """Whether the upgrade is to a websocket (RFC 6455 section 4.2.1); refuses a malformed handshake."""
        if self.method != "GET" or self.version != "1.1":
            return False
        offers = [value.lower().split(b",") for name, value in self.headers if name == b"upgrade"]
        if not any(offer.strip() == b"websocket" for line in offers for offer in line):
            return False
        if self.chunked or self.content_length:
            self._refuse(400, "expected a websocket handshake without a body")
        refusal = check_handshake(self.headers)
        if refusal is not None:
            self._refuse(*refusal)
        return True

    def _check_transfer_encoding(self, codings: list[bytes]) -> None:
        """Refuse a request unless there is exactly one way to find the end of its body (RFC 9112 section 6)."""
        if self.version == "1.0" or self.content_length is not None:
            self._refuse(400, "Transfer-Encoding in HTTP/1.0 or with Content-Length")
        if codings[-1:] != [b"chunked"] or b"chunked" in codings[:-1]:
            self._refuse(400, "Transfer-Encoding does not end in one chunked")
        if len(codings) > 1:
            self._refuse(501, "transfer codings other than chunked are not implemented")
        self.chunked = True

    def _check_expect(self, expect: bytes) -> bool:
        """Whether the client waits for `100 Continue` before it sends a body (RFC 9110 section 10.1.1)."""
        if expect != b"100-continue":
            self._refuse(417, "expectation other than 100-continue")
        return self.version == "1.1" and (self.chunked or bool(self.content_length))

    def _add_trailer(self, name: bytes, value: bytes) -> None:
        self._trailer_size += len(name) + len(value) + 4
        if self._trailer_size > self._limits.chunk_overhead:
            self._refuse(431, f"trailer fields over {self._limits.chunk_overhead} bytes")
        if name not in _NO_TRAILERS:
            self.trailers.append((name, value))

    def _check_unfinished(self) -> None:
        """Bound input that causes no callback: an endless field, empty lines, a chunk extension, tiny chunks."""
        limits = self._limits
        if not self._head_done:
            if self._fed > self._most_fed:
                raise Refusal(431, f"header fields over {limits.head} bytes")
        elif self.chunked:
            overhead = self._fed - self._body - self._chunks * _CHUNK_FRAMING
            if overhead > limits.chunk_overhead + SLICE:
                raise Refusal(400, f"chunk framing over {limits.chunk_overhead} bytes")
            if overhead < 0:
                self._fed -= overhead  # small chunks must not save up room for an endless trailer

    # -- what httptools does not do ---------------------------------------------------------------------------------

    def _ignore_upgrade(self, rest: bytes) -> bytes:
        """Go on with HTTP after an upgrade that is not taken. Returns the bytes that are still to be fed.

        httptools stops at the end of such a head and expects no body. Fed further, it would parse the body as the next
        request: that is request smuggling.
        """
        if self._upgrade:
            self._upgrade = False
            return self._restart(rest)
        self._parser = httptools.HttpRequestParser(self)
        return rest

    def _restart(self, rest: bytes) -> bytes:
        """Set a new parser for the current request's body; a head that the sink never sees sets the framing."""
        framing = b"Transfer-Encoding: chunked" if self.chunked else b"Content-Length: %d" % (self.content_length or 0)
        self._parser = httptools.HttpRequestParser(self)
        target, self.target = self.target, b""
        self._muted = True
        self._parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n")
        self._muted = False
        self.target = target
        self._trailer_size = 0
        return rest

    def _chunked_behind_tab(self, data: bytes, error: str) -> bool:
        """Whether llhttp has failed on `chunked` because of a tab after it, which other parsers skip as white space.

        The error is repaired only where the whole head came in one part, the usual case. For any other head or error,
        it is not known here where the body begins.
        """
        return (
            error == _CHUNKED_NOT_LAST and self._transfer_encoding == [b"chunked"] and self._head_done
            and self._at_start and not self._completed and b"chunked\t" in data
        )  # fmt: skip

    def _collect_method(self, data: bytes) -> bytes:
        """Refuse an unknown method with 501, and a word that is no method with 400.

        httptools fails at the first byte that no known method has there, so the rest of the word is collected here.
        """
        seen = self._unknown_method = (self._unknown_method or bytearray()) + data
        word, space, _ = bytes(seen.lstrip(b"\r\n")[: _LONGEST_METHOD + 1]).partition(b" ")
        if not TOKEN_BYTES.fullmatch(word) or len(word) > _LONGEST_METHOD:
            raise Refusal(400, "malformed request line")
        if space:
            raise Refusal(501, "unknown method")
        return b""
