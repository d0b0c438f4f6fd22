"""Writes and reads JSON: by the standard library, or by a faster one that the application chooses."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class JSONCodec:
    """A pair of functions that write and read JSON.

    `dumps` raises TypeError or ValueError for what it cannot write, `loads` ValueError for malformed text.

    Args:
        name: the name that `json_codec` knows it by, None for one of your own.
    """

    dumps: Callable[[Any], bytes]
    loads: Callable[[bytes], Any]
    name: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it by its name if it has one: the functions of a library cannot be pickled."""
        return (json_codec, (self.name,)) if self.name is not None else (JSONCodec, (self.dumps, self.loads))


# -- the standard library ----------------------------------------------------------------------------------------------


def _to_plain(value: Any) -> Any:
    """Convert an object that the encoder does not know."""
    from sketch.jsoncodec.values import to_plain  # not imported by applications that send only plain data

    return to_plain(value)


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_to_plain).encode


def _dumps(data: Any) -> bytes:
    try:
        return _encoded(_encode(data))
    except (TypeError, ValueError, RecursionError):
        pass  # not handled here: the error of what follows would bring this one along
    from sketch.jsoncodec.values import to_plain_data

    try:
        return _encoded(_encode(to_plain_data(data)))  # converts keys as well, or says where the fault is
    except RecursionError:
        raise ValueError("expected data that JSON can hold, got some that contains itself, or is too deep") from None


def _encoded(text: str) -> bytes:
    # A lone surrogate, which JSON can escape but UTF-8 cannot hold, is written as it was read: as `\\ud800`.
    return text.encode("utf-8", "backslashreplace")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"expected JSON, got {name} (RFC 8259 section 6 has no such number)")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):  # JSON can express the number, but no response could
        raise ValueError(f"expected a number of at most 1.8e308, got {text:.50}")
    return number


_decode = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite).decode


def _loads(text: bytes) -> Any:
    return _decode(text.decode("utf-8-sig"))  # RFC 8259 section 8.1: a byte order mark may be ignored


STDLIB = JSONCodec(_dumps, _loads)


# -- faster libraries --------------------------------------------------------------------------------------------------


def _before_stdlib(
    name: str, dumps: Callable[[Any], bytes], loads: Callable[[bytes], Any], error: type[Exception]
) -> JSONCodec:
    """Make the codec of a library. What it refuses, the standard library takes, or refuses: the same with each codec.

    Args:
        name: of the codec.
        dumps, loads: the functions of the library.
        error: what `loads` raises besides ValueError.
    """

    def write(data: Any) -> bytes:
        try:
            return dumps(data)
        except (TypeError, ValueError, OverflowError, RecursionError):
            pass  # as in `_dumps`
        return _dumps(data)

    def read(text: bytes) -> Any:
        try:
            return loads(text)
        except (ValueError, error):
            pass
        return STDLIB.loads(text)

    return JSONCodec(write, read, name)


def _orjson() -> JSONCodec:
    orjson: Any = import_module("orjson")
    # By itself it sends every attribute of a dataclass that is not private, fields or not.
    options = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_UTC_Z
    dumps, default = orjson.dumps, _to_plain

    def write(data: Any) -> bytes:
        try:  # here, not in a function for `_before_stdlib`: one call less for each answer
            return dumps(data, default, options)  # type: ignore[no-any-return]
        except (TypeError, ValueError, OverflowError, RecursionError):
            pass  # as in `_dumps`
        return _dumps(data)

    return JSONCodec(write, _before_stdlib("orjson", dumps, orjson.loads, ValueError).loads, "orjson")


def _msgspec() -> JSONCodec:
    from sketch.jsoncodec.pickling import msgspec_json  # not imported by applications without msgspec

    library = msgspec_json()
    # Before msgspec 0.21, its errors were no ValueErrors.
    encode = library.Encoder(enc_hook=_to_plain).encode
    return _before_stdlib("msgspec", encode, library.decode, import_module("msgspec").MsgspecError)


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
        raise ValueError(f"expected json to be one of {', '.join(CODECS)} or a JSONCodec, got {choice!r:.200}")
    try:
        return CODECS[choice]()
    except ModuleNotFoundError as exc:
        raise RuntimeError(
            f"json={choice!r} needs the package {choice}, which is not installed: pip install {choice}"
        ) from exc


# -- of a type ---------------------------------------------------------------------------------------------------------


def loads_as(text: bytes, kind: Any) -> Any:
    """Read JSON as a value of a type, by msgspec or pydantic, whichever codec the application has.

    Args:
        text: JSON.
        kind: a `msgspec.Struct`, a dataclass, a `TypedDict`, `list[int]`: whatever msgspec supports; a pydantic model,
            or a type with one in it; a `pydantic.TypeAdapter`.

    Raises:
        ValidationError: for JSON that does not fit the type.
        ValueError, RecursionError: for malformed text.
        TypeError: for a type that neither supports.
        RuntimeError: if the library that reads the type is not installed.
    """
    return find_type_reader(kind)(text)


def find_type_reader(kind: Any) -> Callable[[bytes], Any]:
    """Return the function that reads JSON as a type. It raises as `loads_as` does, which is this and a call.

    Raises:
        TypeError: for a type that neither library supports.
        RuntimeError: if the library that reads the type is not installed.
    """
    try:
        hash(kind)
    except TypeError:  # `Annotated` with what cannot be hashed, as a `pydantic.Field`
        return _decoder(_Unhashable(kind))
    return _decoder(kind)


class _Unhashable:
    """A type that cannot be hashed, as a key: equal to itself alone."""

    __slots__ = ("kind",)

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unhashable) and self.kind is other.kind

    def __hash__(self) -> int:
        return id(self.kind)


@lru_cache(maxsize=512)
def _decoder(kind: Any) -> Callable[[bytes], Any]:
    from sketch.jsoncodec.find_reader import find_reader  # not imported by applications that read no types

    return find_reader(kind.kind if isinstance(kind, _Unhashable) else kind, STDLIB.loads)
