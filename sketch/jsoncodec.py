"""Writes and reads JSON: by the standard library, or by a faster one that the application chooses."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class JSONCodec:
    """A pair of functions that write and read JSON.

    `dumps` raises TypeError or ValueError for what it cannot write, `loads` ValueError for malformed text.
    """

    dumps: Callable[[Any], bytes]
    loads: Callable[[bytes], Any]


class ValidationError(ValueError):
    """Raised for well-formed JSON that does not fit the requested type. The message says where: `$.items[0].price`."""


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"expected JSON, got {name} (RFC 8259 section 6 has no such number)")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):  # JSON can express the number, but no response could
        raise ValueError(f"expected a number of at most 1.8e308, got {text}")
    return number


_decode = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite).decode

# A lone surrogate, which JSON can escape but UTF-8 cannot hold, is written as it was read: as `\\ud800`. JSON is UTF-8
# (RFC 8259 section 8.1); a byte order mark may be ignored.
STDLIB = JSONCodec(
    dumps=lambda data: _encode(data).encode("utf-8", "backslashreplace"),
    loads=lambda text: _decode(text.decode("utf-8-sig")),
)


def _orjson() -> JSONCodec:
    orjson: Any = import_module("orjson")
    return JSONCodec(dumps=orjson.dumps, loads=orjson.loads)


def _msgspec() -> JSONCodec:
    msgspec_json: Any = import_module("msgspec.json")
    return JSONCodec(dumps=msgspec_json.encode, loads=_raising_value_errors(msgspec_json.decode))


def _raising_value_errors(decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Make a msgspec decoder raise ValueErrors; before msgspec 0.21, its own errors were no ValueErrors."""
    msgspec: Any = import_module("msgspec")
    validation_error, decode_error = msgspec.ValidationError, msgspec.DecodeError

    def loads(text: bytes) -> Any:
        try:
            return decode(text)
        except validation_error as exc:
            raise ValidationError(str(exc)) from None
        except decode_error as exc:
            raise ValueError(str(exc)) from None

    return loads


CODECS: dict[str, Callable[[], JSONCodec]] = {"stdlib": lambda: STDLIB, "orjson": _orjson, "msgspec": _msgspec}


def json_codec(choice: str | JSONCodec) -> JSONCodec:
    """Return the codec of a name; a codec is returned as it is.

    Raises:
        ValueError: for an unknown name.
        RuntimeError: for a library that is not installed.
    """
    if isinstance(choice, JSONCodec):
        return choice
    if choice not in CODECS:
        raise ValueError(f"expected json to be one of {', '.join(CODECS)} or a JSONCodec, got {choice!r}")
    try:
        return CODECS[choice]()
    except ModuleNotFoundError as exc:
        raise RuntimeError(
            f"json={choice!r} needs the package {choice}, which is not installed: pip install {choice}"
        ) from exc


def loads_as(text: bytes, kind: Any) -> Any:
    """Read JSON as a value of a type. msgspec reads and checks it, whichever codec the application has.

    Args:
        text: JSON.
        kind: a `msgspec.Struct`, a dataclass, a `TypedDict`, `list[int]`: whatever msgspec supports.

    Raises:
        ValidationError: for JSON that does not fit the type.
        ValueError, RecursionError: for malformed text.
        TypeError: for a type that msgspec does not support.
        RuntimeError: if msgspec is not installed.
    """
    return _decoder(kind)(text)


@lru_cache(maxsize=512)
def _decoder(kind: Any) -> Callable[[bytes], Any]:
    try:
        msgspec_json: Any = import_module("msgspec.json")
    except ModuleNotFoundError as exc:
        raise RuntimeError(
            "request.json(type=...) needs the package msgspec, which is not installed: pip install msgspec"
        ) from exc
    return _raising_value_errors(msgspec_json.Decoder(kind).decode)
