"""Header fields of responses: checked once, encoded once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeGuard

from multidict import CIMultiDict, getversion, istr

from sketch.http.grammar import CONTROL, CONTROLS_AS_ZERO, TOKEN, TOKEN_BYTES

_CACHED_FIELDS = 512
_MOST_KNOWN = 512
_LONGEST_KNOWN = 128
_MOST_WHOLES = 64
_TYPE, _LENGTH, _FRAMING = b"content-type", b"content-length", b"transfer-encoding"
_FRAMES = frozenset({_LENGTH, _FRAMING})
_VALIDATORS = (istr("ETag"), istr("Last-Modified"))  # these are looked up in a twentieth of the time
_NEVER_KNOWN = _FRAMES | {b"etag", b"last-modified"}
_names: dict[str, bytes] = {}
_content_types: dict[str, tuple[bytes, bytes]] = {}
_lengths: dict[int, tuple[bytes, bytes]] = {}
_encoded: dict[tuple[str, str], tuple[bytes, bytes]] = {}
"""Fields that were given before, none of them framing, each with what it is encoded."""
_get_encoded = _encoded.get

known_content_type = _content_types.get
"""The field of a media type that was sent before, else None. A bound method: calling it costs no attribute look-up."""
known_length = _lengths.get
"""The field of a length that was sent before, else None."""


def content_type_field(value: str) -> tuple[bytes, bytes]:
    """Return the `Content-Type` field of a media type. Raises as `encode_fields` does."""
    field = _content_types.get(value)
    if field is None:
        field = (b"content-type", _encode_value("Content-Type", value))
        if len(_content_types) < _CACHED_FIELDS:
            _content_types[value] = field
    return field


def length_field(length: int) -> tuple[bytes, bytes]:
    """Return the `Content-Length` field of a body of that many bytes."""
    field = _lengths.get(length)
    if field is None:
        field = (b"content-length", b"%d" % length)
        if len(_lengths) < _CACHED_FIELDS:
            _lengths[length] = field
    return field


def make_fields(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """Make a multidict of the fields that a response is given. Their values are not checked yet.

    Raises:
        TypeError: for what is neither a mapping nor pairs.
    """
    try:
        return CIMultiDict(headers)
    except (TypeError, ValueError):
        raise TypeError(f"expected headers as a mapping or pairs, of str, got {headers!r:.200}") from None


def check_value(name: str, value: object) -> None:
    """Check the value of a field. Raises as `encode_fields` does."""
    if not _is_usual(value):
        _encode_value(name, value)


Encoded = tuple[int, list[tuple[bytes, bytes]], int | None]
"""The version of a multidict, which every change of it changes, and what `encode_fields` returns for it; `_VALIDATED`
in place of no Content-Length where there is a validator."""

_VALIDATED = -1
"""Says that what is sent of these fields depends on the conditions of the request."""

_version: Callable[[Any], int] = getversion


def has_validators(headers: CIMultiDict[str] | RawFields) -> bool:
    """Whether there is an ETag or a Last-Modified. Those of a foreign application, not yet read, do not count."""
    return not isinstance(headers, list) and (_VALIDATORS[0] in headers or _VALIDATORS[1] in headers)


CONDITIONAL = frozenset(
    (b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range", b"range")
)
"""The request fields that conditions and ranges are made of."""


def is_conditional(sent: RawHeaders) -> bool:
    """Whether a request has conditions."""
    for name, _ in sent:  # noqa: SIM110 - any() would take twice as long
        if name in CONDITIONAL:
            return True
    return False


def encode_given(headers: CIMultiDict[str]) -> Encoded:
    """Encode the fields that a response is given: most are sent as they are. Raises as `encode_fields` does."""
    fields, declared = encode_fields(headers, keep=True)
    if declared is None and has_validators(headers):
        declared = _VALIDATED
    return _version(headers), fields, declared


def is_checked(headers: CIMultiDict[str] | RawFields, known: Encoded | None) -> bool:
    """Whether the fields are the same as when they were encoded, without a Content-Length and a validator."""
    return known is not None and known[0] == _version(headers) and known[2] is None


def known_fields(headers: CIMultiDict[str] | RawFields, known: Encoded | None) -> RawHeaders | None:
    """Return what the fields are encoded, as a list of its own, if they are the same since and may be sent as they are.

    Those with a Content-Length or a validator may not.

    Args:
        headers: the fields.
        known: what they were when they were encoded.
    """
    if known is None or known[0] != _version(headers) or known[2] is not None:
        return None
    return known[1].copy()


def validated_fields(headers: CIMultiDict[str] | RawFields, known: Encoded | None) -> RawHeaders | None:
    """Return what `known_fields` does, of fields with a validator, for a request without conditions."""
    if known is None or known[0] != _version(headers) or known[2] != _VALIDATED:
        return None
    return known[1].copy()


def copy_fields(
    headers: CIMultiDict[str] | RawFields, known: Encoded | None
) -> tuple[CIMultiDict[str] | RawFields, Encoded | None]:
    """Return a copy of the fields, and what is known of it."""
    copy = headers.copy()
    if known is None or known[0] != _version(headers):
        return copy, None
    return copy, (_version(copy), known[1], known[2])


class FixedFields:
    """Fields that are the same in many responses: encoded once, and set together.

    Args:
        fields: names and values; none of them framing.

    Raises:
        TypeError, ValueError: as `encode_fields` does.
    """

    __slots__ = ("_encoded", "_fields", "_names", "_wholes", "has_type")

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = make_fields(fields)
        self._names = tuple(map(istr, self._fields))  # these are looked up in a twentieth of the time
        self._encoded, declared = encode_fields(self._fields, keep=True)
        if declared is not None:
            raise ValueError(
                "expected no Content-Length among the fields of every response: it is the body's, remove it"
            )
        self.has_type = "Content-Type" in self._fields
        """Whether a media type is among them."""
        self._wholes: dict[str | None, tuple[CIMultiDict[str], RawHeaders]] = {}

    def after_type(self, content_type: str | None) -> tuple[CIMultiDict[str], Encoded]:
        """Return the fields of a response that has none yet but this media type, and what they are encoded.

        A copy takes half the time of a new multidict. Raises as `content_type_field` does.
        """
        whole = self._wholes.get(content_type)
        if whole is None:
            fields = self._fields.copy()
            encoded = self._encoded
            if content_type is not None:
                fields = CIMultiDict([("Content-Type", content_type), *self._fields.items()])
                encoded = [content_type_field(content_type), *encoded]
            whole = (fields, encoded)
            if len(self._wholes) < _MOST_WHOLES:
                self._wholes[content_type] = whole
        fields = whole[0].copy()
        return fields, (_version(fields), whole[1], None)

    def added_to(self, headers: CIMultiDict[str], known: Encoded | None) -> Encoded | None:
        """Add the fields to others. Returns what all of them are encoded, None if that is not known.

        Args:
            headers: the others, none of which has one of these names: see `is_beside`.
            known: what they were when they were encoded.
        """
        if known is None or known[0] != _version(headers):
            headers.extend(self._fields)
            return None
        headers.extend(self._fields)
        return _version(headers), known[1] + self._encoded, known[2]

    def is_beside(self, headers: CIMultiDict[str]) -> bool:
        """Whether none of the names is among these headers."""
        for name in self._names:  # noqa: SIM110 - any() would take three times as long
            if name in headers:
                return False
        return True


def set_alone(headers: CIMultiDict[str], known: Encoded | None, name: str, value: str) -> Encoded | None:
    """Set a field. Returns what all fields are encoded, None if that is not known.

    Args:
        headers: all fields.
        known: what they were when they were encoded.
        name: of the field.
        value: of the field; checked when the fields are sent.
    """
    if known is None or known[0] != _version(headers) or name in headers or not _is_usual(value):
        headers[name] = value
        return None
    key = _names.get(name) or _encode_name(name)
    if key in _NEVER_KNOWN:
        headers[name] = value
        return None
    headers.add(name, value)
    return _version(headers), [*known[1], (key, value.strip(" ").encode())], known[2]


def encode_fields(
    headers: CIMultiDict[str] | RawFields, known: Encoded | None = None, *, keep: bool = False
) -> tuple[RawHeaders, int | None]:
    """Encode header fields; return them without their Content-Length, and that as a number (None if there is none).

    Args:
        headers: the fields.
        known: what they were when they were encoded before. It is taken if they are the same since.
        keep: whether to keep each encoded field for the next time: for fields that are usually the same.

    Raises:
        TypeError: for a value that is not text.
        ValueError: for a field that cannot be sent: a name that is not a token, a value with control characters or
            beyond Latin-1, a Content-Length that is not a number, any Transfer-Encoding.
    """
    if isinstance(headers, list):
        return headers.encoded()
    if known is not None and known[0] == _version(headers):
        return known[1].copy(), None if known[2] == _VALIDATED else known[2]
    fields: RawHeaders = []
    declared: int | None = None
    for given in headers.items():
        name, value = given
        if type(value) is str and (field := _get_encoded(given)) is not None:
            fields.append(field)
            continue
        key, encoded = field = (_names.get(name) or _encode_name(name), _encode_value(name, value))
        if key not in _NEVER_KNOWN:
            fields.append(field)
            if keep or key == _TYPE:
                _keep_encoded(given, field)
        elif key not in _FRAMES:  # a validator: most differ from each other
            fields.append(field)
        elif key == _FRAMING:
            raise ValueError("expected no Transfer-Encoding from the application: framing is the server's, remove it")
        else:
            if not encoded.isdigit() or (declared is not None and declared != int(encoded)):
                raise ValueError(f"expected one Content-Length of digits, got {value!r:.200}")
            declared = int(encoded)
    return fields, declared


def _encode_name(name: str) -> bytes:
    if not TOKEN.fullmatch(name):
        raise ValueError(f"expected a header name of token characters (RFC 9110 section 5.1), got {name!r:.200}")
    key = name.lower().encode("ascii")
    if len(_names) < _CACHED_FIELDS:
        _names[name] = key
    return key


def _keep_encoded(given: tuple[str, str], field: tuple[bytes, bytes]) -> None:
    if len(field[1]) < _LONGEST_KNOWN:
        if len(_encoded) >= _MOST_KNOWN:
            _encoded.clear()  # fields that differ each time must not keep out the others for good
        _encoded[given] = field


def _is_usual(value: object) -> TypeGuard[str]:
    """Whether a value is printable ASCII, as most are: then it can be sent."""
    return type(value) is str and value.isascii() and value.isprintable()


def _encode_value(name: str, value: object) -> bytes:
    if _is_usual(value):
        return value.strip(" ").encode()  # most values: does what follows in a third of the time
    if not isinstance(value, str):
        raise TypeError(f"expected a str as the value of header {name}, got {value!r:.200}")
    if CONTROL.search(value):
        raise ValueError(f"expected no control characters in header {name} (RFC 9110 section 5.5), got {value!r:.200}")
    try:
        return value.strip(" \t").encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(f"expected Latin-1 in header {name}, got {value!r:.200}: percent-encode what is not") from None


_known: set[tuple[bytes, bytes]] = set()
"""Fields that were checked before and may be sent as they are, none of them framing: applications mostly repeat
the same fields."""


class RawFields(list[tuple[bytes, bytes]]):
    """Header fields as a foreign application gave them: not checked yet."""

    __slots__ = ()

    def copy(self) -> RawFields:
        """Return a copy."""
        return RawFields(self)

    def encoded(self) -> tuple[RawHeaders, int | None]:
        """Check the fields; return them without their Content-Length, and that as a number (None if there is none).

        Transfer-Encoding is left out, too: framing is the server's.

        Raises:
            TypeError: for a name or value that is not bytes.
            ValueError: for a field that cannot be sent.
        """
        fields: RawHeaders = []
        declared: int | None = None
        for field in self:
            if type(field) is tuple and field in _known:
                fields.append(field)
                continue
            name, value = field
            key = name if name == _LENGTH else _lower(name)
            if key == _LENGTH:
                if not isinstance(value, bytes):
                    raise _not_bytes(name, value)
                if not value.isdigit() or (declared is not None and declared != int(value)):
                    raise ValueError(f"expected one Content-Length of digits, got {value!r:.200}")
                declared = int(value)
            elif key != _FRAMING:
                field = (key, _checked(key, value))
                if len(_known) < _MOST_KNOWN and len(value) < _LONGEST_KNOWN:
                    _known.add(field)
                fields.append(field)
        return fields, declared

    def decoded(self) -> CIMultiDict[str]:
        """Return the fields as text, without Transfer-Encoding.

        Raises:
            TypeError, ValueError: as `encoded` does.
        """
        fields = [(_lower(name), _checked(name, value)) for name, value in self]
        return CIMultiDict([(key.decode(), value.decode("latin-1")) for key, value in fields if key != _FRAMING])


def media_type_alone(fields: Iterable[tuple[bytes, bytes]], size: int) -> tuple[bytes, bytes] | None:
    """Return the `Content-Type` field if the others are only a Content-Length of this size, else None.

    Most responses have no other fields. A `Content-Type` that was not checked before also gives None.
    """
    kind: tuple[bytes, bytes] | None = None
    for field in fields:
        if field[0] == _LENGTH:
            if field[1] != length_field(size)[1]:
                return None
        elif type(field) is tuple and field[0] == _TYPE and kind is None and field in _known:
            kind = field
        else:
            return None
    return kind


def _lower(name: bytes) -> bytes:
    if not isinstance(name, bytes):
        raise TypeError(f"expected header names of bytes, got {name!r:.200}")
    if not TOKEN_BYTES.fullmatch(name):
        raise ValueError(f"expected a header name of token characters (RFC 9110 section 5.1), got {name!r:.200}")
    return name.lower()


def _checked(name: bytes, value: bytes) -> bytes:
    """Return the value without white space around it, which is no part of it (RFC 9110 section 5.5)."""
    if not isinstance(value, bytes):
        raise _not_bytes(name, value)
    if 0 in value.translate(CONTROLS_AS_ZERO):
        raise ValueError(
            f"expected no control characters in header {name!r} (RFC 9110 section 5.5), got {value!r:.200}"
        )
    return value.strip(b" \t")


def _not_bytes(name: bytes, value: object) -> TypeError:
    return TypeError(f"expected header values of bytes, got {value!r:.200} for {name!r:.200}")


RawHeaders = list[tuple[bytes, bytes]]
"""Header fields as received or sent: names in lower case, values without surrounding white space."""


def with_host(headers: RawHeaders, host: str) -> RawHeaders:
    """Return header fields with another `Host`."""
    value = host.encode("latin-1")
    if not any(name == b"host" for name, _ in headers):
        return [(b"host", value), *headers]
    return [(name, value if name == b"host" else sent) for name, sent in headers]
