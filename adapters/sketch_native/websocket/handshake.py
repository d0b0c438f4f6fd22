"""The opening handshake of a websocket (RFC 6455 section 4.2): pure functions over a parsed head."""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64encode
from functools import cache
from importlib.util import find_spec

from sketch.http.fields import RawHeaders
from sketch_native.websocket.deflate import Deflate

VERSION = b"13"

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_SIZE = 16

_WINDOW_BITS = 12
"""Windows of 4 KiB: a connection that compresses takes some 45 KiB; with zlib's defaults it would take 300."""


@cache
def available() -> bool:
    """Whether the package `websockets` is installed, which the native websockets need."""
    return find_spec("websockets") is not None


def check_handshake(fields: RawHeaders) -> tuple[int, str] | None:
    """Return the status and the reason by which a handshake has to be refused; None for a valid one."""
    if not available():
        return 501, "websockets are not supported by this server"
    versions = [value for name, value in fields if name == b"sec-websocket-version"]
    if versions != [VERSION]:
        return 426, "expected version 13 of the websocket protocol"
    keys = [value for name, value in fields if name == b"sec-websocket-key"]
    if len(keys) != 1 or not _is_key(keys[0]):
        return 400, "expected one Sec-WebSocket-Key of 16 bytes in base64"
    return None


def _is_key(value: bytes) -> bool:
    try:
        return len(binascii.a2b_base64(value, strict_mode=True)) == _KEY_SIZE
    except binascii.Error:
        return False


def accept_fields(key: bytes, subprotocol: str | None, extensions: bytes | None) -> bytes:
    """Build the response fields that belong to the handshake itself, as they go out."""
    accept = b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    lines = b"upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: %b\r\n" % accept
    if subprotocol is not None:
        lines += b"sec-websocket-protocol: %b\r\n" % subprotocol.encode("latin-1")
    if extensions is not None:
        lines += b"sec-websocket-extensions: %b\r\n" % extensions
    return lines


def negotiate(offer: bytes | None) -> tuple[bytes | None, Deflate | None]:
    """Accept permessage-deflate if a client offers it. Returns the value of the response's field, and the compression.

    Both are None without it. A malformed offer is declined (RFC 7692 section 5.1 lets a server decline any).
    """
    if offer is None:
        return None, None
    from websockets.exceptions import InvalidHeaderFormat, NegotiationError
    from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
    from websockets.headers import build_extension, parse_extension

    factory = ServerPerMessageDeflateFactory(
        server_max_window_bits=_WINDOW_BITS,
        client_max_window_bits=_WINDOW_BITS,
    )
    try:
        offers = parse_extension(offer.decode("latin-1"))
    except InvalidHeaderFormat:
        return None, None
    for name, parameters in offers:
        if name != factory.name:
            continue
        try:
            answer, extension = factory.process_request_params(parameters, [])
        except (NegotiationError, ValueError):  # older versions of `websockets` ask zlib for windows that it cannot do
            continue
        # Only the parameters of the extension are kept: its zlib objects would take memory while websockets are idle.
        deflate = Deflate(
            client_bits=extension.remote_max_window_bits,
            server_bits=extension.local_max_window_bits,
            client_no_context_takeover=extension.remote_no_context_takeover,
            server_no_context_takeover=extension.local_no_context_takeover,
        )
        return build_extension([(name, answer)]).encode(), deflate
    return None, None
