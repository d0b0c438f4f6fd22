"""Path templates such as `/users/{id:int}/files/{rest:path}`: parsed, matched by segments, and formatted as paths."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote, unquote_to_bytes

from sketch.binding.converters import FLOAT, INT, PATH, STR, UUID_, Converter

Reader = Callable[[str], tuple[Any, ...] | None]
"""Takes one decoded segment; returns the values of its parameters, or None if it does not match."""

# RFC 3986 section 3.3: pchar without the letters and digits that quote() keeps anyway.
_PCHAR = "!$&'()*+,;=:@~"
_MALFORMED_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_ESCAPES = re.compile("(?:%[0-9A-Fa-f]{2})+")
_BARE_WORD = re.compile(r"[^\W\d]\w*")

_RANKS: dict[str | Converter, int] = {INT: 0, UUID_: 1, FLOAT: 2, STR: 4}
_RANK_OF_OTHERS = 3


def encode(text: str) -> str:
    """Percent-encode the text of one segment; `/` becomes `%2F`."""
    if text in (".", ".."):  # unencoded, clients would resolve them
        return text.replace(".", "%2E")
    return quote(text, safe=_PCHAR)


def split_path(path: str) -> list[str] | None:
    """Return the decoded segments of a percent-encoded path; `%2F` stays inside its segment.

    Returns None for a path that is no text: malformed escapes, bytes that are not UTF-8, NUL.
    """
    if "%" not in path and path.isascii():
        return None if "\0" in path else path.split("/")
    if _MALFORMED_ESCAPE.search(path):
        return None
    try:
        # A server hands over bytes as Latin-1.
        segments = [unquote_to_bytes(raw.encode("latin-1")).decode() for raw in path.split("/")]
    except UnicodeError:
        return None
    return None if any("\0" in segment for segment in segments) else segments


def is_dots(segment: str) -> bool:
    """Whether clients resolve a segment, encoded or not, as the same or the enclosing directory."""
    return unquote(segment) in (".", "..")


class Parameter:
    """A named parameter of a template.

    Args:
        name: an identifier, unique in its template.
        converter: defines the text that it takes.
    """

    __slots__ = ("converter", "name")

    def __init__(self, name: str, converter: Converter) -> None:
        self.name = name
        self.converter = converter

    def text(self, value: Any) -> str:
        """Return the text of a value; a ValueError for an unfit one names the parameter."""
        try:
            if value is None:
                raise ValueError("expected a value, got None")
            return self.converter.text(value)
        except (ValueError, TypeError, ArithmeticError) as exc:
            raise ValueError(f"parameter {self.name!r}: {exc}") from None


Part = str | Parameter


class Segment:
    """The part of a template between two slashes: text, one parameter, or a mixture.

    Args:
        parts: texts (decoded) and parameters in their order.

    Raises:
        ValueError: for a mixture in which the parameters cannot be told apart.
    """

    __slots__ = ("key", "parameters", "parts", "read", "text")

    key: tuple[str | Converter, ...]
    """The segment without its parameters' names: equal keys match the same texts."""
    read: Reader
    text: str | None
    """The text of a segment without parameters."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        self.parameters = [part for part in parts if isinstance(part, Parameter)]
        self.key = tuple(part.converter if isinstance(part, Parameter) else part for part in parts)
        self.text = None if self.parameters else "".join(part for part in parts if isinstance(part, str))
        if len(parts) == 1:
            self.read = _whole_reader(self.parameters[0].converter) if self.parameters else _no_reader
        else:
            self.read = _mixed_reader(_mixed_regex(parts), self.parameters) if self.parameters else _no_reader

    @property
    def is_tail(self) -> bool:
        """Whether it takes the rest of the path."""
        return self.key == (PATH,)

    @property
    def order(self) -> tuple[int, int, str]:
        """The sort key of the order in which segments are tried, ascending."""
        texts = [part for part in self.key if isinstance(part, str)]
        shape = "".join(part if isinstance(part, str) else f"{{{part.pattern}}}" for part in self.key)
        rank = _RANKS.get(self.key[0], _RANK_OF_OTHERS) if len(self.key) == 1 else _RANK_OF_OTHERS
        return (rank, -sum(map(len, texts)), shape)

    def format(self, values: Mapping[str, Any]) -> str:
        """The segment with these values, percent-encoded; raises ValueError for one that does not fit."""
        texts = [part if isinstance(part, str) else part.text(values[part.name]) for part in self.parts]
        text = "".join(texts)
        if self.parameters:
            _check_dots(text)
        if self.is_tail:
            # A leading slash must not turn the path into `//host`. The tail decodes `%2F` like any escape.
            head, rest = ("%2F", text[1:]) if text.startswith("/") else ("", text)
            return head + "/".join(map(encode, rest.split("/")))
        if len(self.parts) > 1 and self.parameters:
            self._check_mixture(text, texts)
        return encode(text)

    def _check_mixture(self, text: str, texts: list[str]) -> None:
        match = _mixed_regex(self.parts).fullmatch(text)
        given = [text for part, text in zip(self.parts, texts, strict=True) if isinstance(part, Parameter)]
        if match is None or list(match.groups()) != given:
            names = ", ".join(repr(parameter.name) for parameter in self.parameters)
            raise ValueError(f"expected values of {names} that can be told apart in one segment, got {text!r:.200}")


def _check_dots(text: str) -> None:
    # Clients resolve such a segment, encoded or not (https://url.spec.whatwg.org), and so ask for another path.
    if any(map(is_dots, text.split("/"))):
        raise ValueError(f"expected text without a segment '.' or '..', which no client would send, got {text!r:.200}")


def _no_reader(segment: str) -> None:
    """Match nothing: segments of text alone are looked up in a dict instead."""


def _whole_reader(converter: Converter) -> Reader:
    if converter is STR:
        return lambda segment: (segment,) if segment else None
    if converter is INT:  # the same result as its pattern, in half the time
        return lambda s: (int(s),) if s.isdigit() and len(s) <= 19 and s.isascii() else None
    fullmatch, convert = converter.regex.fullmatch, converter.convert

    def read(segment: str) -> tuple[Any, ...] | None:
        if fullmatch(segment) is None:
            return None
        try:
            return (convert(segment),)
        except ValueError:
            return None

    return read


def _mixed_reader(regex: re.Pattern[str], parameters: list[Parameter]) -> Reader:
    converts = [parameter.converter.convert for parameter in parameters]

    def read(segment: str) -> tuple[Any, ...] | None:
        match = regex.fullmatch(segment)
        if match is None:
            return None
        try:
            return tuple([convert(text) for convert, text in zip(converts, match.groups(), strict=True)])
        except ValueError:
            return None

    return read


def _mixed_regex(parts: list[Part]) -> re.Pattern[str]:
    """One regular expression for a mixed segment, one group per parameter.

    A `str` parameter ends at the first occurrence of the text behind it; only the last one may reach further. If all
    could, the cost of a hostile segment could be its length to the power of their number.
    """
    texts = [part for part in parts if isinstance(part, Parameter) and part.converter is STR]
    pieces = []
    for part, following in zip(parts, [*parts[1:], ""], strict=True):
        if isinstance(part, str):
            pieces.append(re.escape(part))
        elif part.converter is STR and isinstance(following, Parameter):
            raise ValueError(f"expected text between {{{part.name}}} and {{{following.name}}}")
        elif part.converter is STR and part is not texts[-1]:
            pieces.append(f"((?:(?!{re.escape(str(following))})(?s:.))+)")
        elif part.converter.regex.groups:
            raise ValueError(f"expected no capturing group in {{{part.name}}}: write (?:...) beside other text")
        else:
            pieces.append(f"({part.converter.pattern})")
    try:
        return re.compile("".join(pieces))
    except re.error as exc:
        raise ValueError(f"expected a regular expression that may stand beside other text: {exc}") from None


class Template:
    """A path with named parameters.

    Args:
        path: begins with `/`. `{name}` takes one non-empty segment, `{name:converter}` what the converter takes,
            `{name:regex}` a segment that the regular expression matches in full; `{name:path}` at the end takes the
            rest, which may be empty. Other text matches itself; `é` and `%C3%A9` mean the same.
        converters: by name.
        chosen: by parameter, those that take the place of `str` where the path names none.

    Raises:
        ValueError: for a malformed path; the message says what is wrong.
    """

    __slots__ = ("names", "path", "segments", "written")

    def __init__(
        self, path: str, converters: Mapping[str, Converter], chosen: Mapping[str, Converter] | None = None
    ) -> None:
        if not path.startswith("/"):
            raise ValueError("expected a path that begins with '/'")
        self.path = path
        self.written: dict[str, Converter] = {}
        """The converters that the path names, by parameter."""
        parts = _parse(path, converters, chosen or {}, self.written)
        self.segments = [Segment(segment) for segment in _split_segments(parts)]
        self.names = tuple(parameter.name for segment in self.segments for parameter in segment.parameters)
        self._check()

    def _check(self) -> None:
        for name in self.names:
            if self.names.count(name) > 1:
                raise ValueError(f"expected unique parameter names, got {name!r:.200} more than once")
        for segment in self.segments:
            if PATH in segment.key and (not segment.is_tail or segment is not self.segments[-1]):
                raise ValueError("expected a parameter of type path to be the whole last segment")

    @property
    def static_path(self) -> str | None:
        """The percent-encoded path of a template without parameters, else None."""
        return None if self.names else "/" + "/".join(encode(segment.text or "") for segment in self.segments)

    def format(self, values: Mapping[str, Any]) -> str:
        """The path with these values, percent-encoded.

        Raises:
            ValueError: for a missing, unknown or unfit value.
        """
        if missing := [name for name in self.names if name not in values]:
            raise ValueError(f"expected values for {', '.join(map(repr, missing))} of {self.path!r}")
        if unknown := sorted(set(values) - set(self.names)):
            raise ValueError(f"expected only the parameters of {self.path!r}, got {', '.join(map(repr, unknown))}")
        path = "/" + "/".join(segment.format(values) for segment in self.segments)
        if path.startswith("//"):
            raise ValueError(f"expected a path that cannot be taken for a host, got {path!r:.200}")
        return path


def _split_segments(parts: Iterator[Part]) -> Iterator[list[Part]]:
    """The parts between slashes; an empty segment is one empty text."""
    segment: list[Part] = []
    next(parts_with_slash := _explode(parts))  # the leading slash
    for part in parts_with_slash:
        if part is None:
            yield segment or [""]
            segment = []
        else:
            segment.append(part)
    yield segment or [""]


def _explode(parts: Iterator[Part]) -> Iterator[Part | None]:
    """The parts with their texts cut at slashes, each slash as None."""
    for part in parts:
        if isinstance(part, Parameter):
            yield part
            continue
        first, *others = part.split("/")
        if first:
            yield _decode_text(first)
        for other in others:
            yield None
            if other:
                yield _decode_text(other)


def _decode_text(text: str) -> str:
    """A template's own text with its escapes decoded; a `%` that is no escape is a percent sign."""
    try:
        decoded = _ESCAPES.sub(lambda match: unquote_to_bytes(match[0]).decode(), text)
        decoded.encode()
    except UnicodeError:
        raise ValueError(f"expected text in UTF-8, got {text!r:.200}") from None
    if "\0" in decoded:
        raise ValueError(f"expected no NUL, which no path may hold, got {text!r:.200}")
    return decoded


def _parse(
    path: str, converters: Mapping[str, Converter], chosen: Mapping[str, Converter], written: dict[str, Converter]
) -> Iterator[Part]:
    """Yield the parts of a template, and note the converters that it names in `written`."""
    position = 0
    while position < len(path):
        if path[position] == "{":
            end = _closing_brace(path, position)
            parameter, named = _parameter(path[position + 1 : end], converters)
            if named:
                written[parameter.name] = parameter.converter
            elif parameter.name in chosen:
                parameter.converter = chosen[parameter.name]
            yield parameter
            position = end + 1
            continue
        end = path.find("{", position)
        text = path[position:] if end < 0 else path[position:end]
        _check_text(text)
        yield text
        position += len(text)


# What stands for a parameter, or the rest of the path, in other frameworks' templates.
_ANGLES = re.compile(r"<(?:([^<>:]*):)?([^<>:]*)>")
_COLON = re.compile(r"/:([^\W\d]\w*)")


def _check_text(text: str) -> None:
    """Refuse what no path can hold, and what means a parameter elsewhere but itself here."""
    if "}" in text:
        raise ValueError("expected '{' before '}'")
    if separator := re.search("[?#]", text):
        raise ValueError(
            f"expected a path without query and fragment, got {separator[0]!r:.200}: take a query from request.query,"
            f" and write the character itself as {quote(separator[0])}"
        )
    if angles := _ANGLES.search(text):
        right = f"{{{angles[2]}:{angles[1]}}}" if angles[1] else f"{{{angles[2]}}}"
        raise ValueError(f"expected a parameter as {right!r}, got {angles[0]!r:.200}; the character itself is %3C")
    if colon := _COLON.search(text):
        right = f"{{{colon[1]}}}"
        raise ValueError(f"expected a parameter as {right!r}, got {colon[0][1:]!r:.200}; the character itself is %3A")


def _closing_brace(path: str, opening: int) -> int:
    """Find the parameter's end. Braces nest, except escaped ones and those in a regex's character class."""
    depth, position, in_class = 0, opening, False
    while position < len(path):
        character = path[position]
        if character == "\\":
            position += 1
        elif in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
            # A `]` that comes first belongs to the class.
            position += len(re.match(r"\^?\]?", path[position + 1 :])[0])  # type: ignore[index]
        elif character in "{}":
            depth += 1 if character == "{" else -1
            if depth == 0:
                return position
        position += 1
    raise ValueError("expected '}' after '{'")


def _parameter(definition: str, converters: Mapping[str, Converter]) -> tuple[Parameter, bool]:
    """Read the definition of a parameter. Returns it, and whether the definition names a converter."""
    name, colon, kind = definition.partition(":")
    if not name.isidentifier():
        raise ValueError(f"expected a parameter name that is an identifier, got {name!r:.200}")
    if not colon:
        return Parameter(name, converters["str"]), False
    if kind in converters:
        if not isinstance(converters[kind], Converter):
            raise ValueError(f"expected a Converter as converters[{kind!r}], got {converters[kind]!r:.200}")
        return Parameter(name, converters[kind]), True
    # As a regular expression a bare word matches only itself: more likely it is a misspelt converter.
    if not kind or _BARE_WORD.fullmatch(kind):
        known = ", ".join(sorted(converters))
        raise ValueError(f"expected one of {known}, or a regular expression, for {name!r}, got {kind!r:.200}")
    return Parameter(name, Converter(kind)), True
