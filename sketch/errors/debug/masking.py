"""Renders values for a debug page: bounded in length, and without secrets, which are recognized by their names."""

from __future__ import annotations

import logging
import re
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from itertools import islice
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy

logger = logging.getLogger("sketch")

FRAMEWORK = ("sketch", "sketch_native", "sketch_asgi", "sketch_rsgi", "sketch_gateway")
"""The packages of this framework."""

MASK = "<masked>"
VALUE = 1000
"""Characters of a value that are shown."""

_TEXT, _ITEMS, _DEPTH = 600, 20, 4
"""Characters of a string, items of a container, and levels of nested containers that are shown."""
_LOOKED_AT = 65536
"""Characters of a text that are examined."""
_ENTRIES, _NODES, _ALL_NODES = 200, 500, 20_000
"""Entries of a container, values in one variable, and values in all that are searched for secrets."""
_SHORTEST, _SHORTEST_PART, _SHORTEST_KEY = 6, 8, 12
"""Fewest characters of a secret that is masked elsewhere, too: of any, of a piece of a header field or of an object,
and of the value of a variable `key`, which mostly is no secret. Shorter ones would be found in unrelated text."""

_PARTS = "passw|passphrase|secret|token|apikey|authori[sz]ation|cookie|session|credential|signature|bearer|csrf|xsrf"
_WORDS = "key|keys|pwd|pw|pass|auth|dsn|jwt|sig|otp|pin|cvv|cvc|ssn|sid|private"
_SECRET = re.compile(rf"(?:{_PARTS})|(?<![a-z])(?:{_WORDS})(?![a-z])", re.IGNORECASE)
_NO_SECRETS = frozenset({"cache_key"})  # of jinja, the name of a template: without it the error says little
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FIELD = re.compile("authori[sz]ation|cookie", re.IGNORECASE)

# A secret's name in running text, with the text between it and its value; every repetition is bounded.
_NAME = rf"([\w-]{{0,40}}(?:(?:{_PARTS})[\w-]{{0,40}}|(?:api|access|private)[_-]?key|pwd|dsn))"
_LITERAL = r"""(?:"(?:[^"\\]|\\.)*(?:"|\Z)|'(?:[^'\\]|\\.)*(?:'|\Z))"""
_BETWEEN = r"""["']?\s{0,9}[=:]\s{0,9}(?:[bruf](?=["']))?"""
_IN_TEXT = re.compile(rf"""(?is){_NAME}({_BETWEEN})(?!None\b)(?:{_LITERAL}|(?:(?:bearer|basic)\s+)?[^\s,;&)\]}}"']+)""")
# In source code, what could be a name, a call or the like stays as it is.
_IN_SOURCE = re.compile(
    rf"""(?i){_NAME}(["']?\]?{_BETWEEN})"""
    rf"""(?:{_LITERAL}|(?![a-z_][\w.]*(?:[\s(\[{{}}\]),;:|]|\Z))[\w-][^\s,;&)\]}}"']*)"""
)
_USERINFO = re.compile(r"(://[^\s/:@'\"]{0,200}:)[^\s/@'\"]{1,200}(@)")

_SEQUENCES: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    deque: ("deque([", "])"),
}
_MAPPINGS: tuple[type, ...] = (
    dict, OrderedDict, defaultdict, MappingProxyType, MultiDict, MultiDictProxy, CIMultiDict, CIMultiDictProxy,
)  # fmt: skip
_OPAQUE = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)


def is_secret(name: object) -> bool:
    """Whether a variable, attribute, header or key of that name holds a secret."""
    if isinstance(name, bytes):
        name = name.decode("latin-1")
    if not isinstance(name, str) or name in _NO_SECRETS:
        return False
    return _SECRET.search(_WORD_ENDS.sub("_", name[:200])) is not None


class Masker:
    """Masks the secrets of one page: a value that has a secret's name in one place is masked in all places.

    First `learn` everything that will be shown, then `show` it.
    """

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._left_in_all = _ALL_NODES
        self._left = 0
        self._room = 0

    # -- learning ---------------------------------------------------------------------------------------------------

    def learn(self, name: object, value: object) -> None:
        """Look for secrets in a value and in what it holds; never fails."""
        left = self._left = min(_NODES, self._left_in_all)
        try:
            self._learn(name, value, 0, frozenset())
        except Exception:
            logger.debug("could not look for secrets in a %s", type(value).__name__, exc_info=True)
        self._left_in_all -= left - max(0, self._left)

    def _learn(self, name: object, value: object, depth: int, above: frozenset[int]) -> None:
        self._left -= 1
        if self._left < 0 or depth > _DEPTH or id(value) in above:
            return
        if is_secret(name):
            self._remember(name, value, 0)
        for inner_name, inner in _inside(value):
            self._learn(inner_name, inner, depth + 1, above | {id(value)})

    def learn_text(self, text: str) -> None:
        """Collect the values after secrets' names in a text, an exception's message: variables may hold them, too."""
        for match in _IN_TEXT.finditer(text[:_TEXT]):
            self._remember(match[1], match[0][len(match[1]) + len(match[2]) :].strip("\"'"), 0)

    def _remember(self, name: object, value: object, depth: int) -> None:
        text = _plain(value)
        if text is None:
            if depth < _DEPTH and not _is_of_framework(value):  # of a route at `/csrf` nothing is secret
                for _, inner in _inside(value):
                    self._remember(name, inner, depth + 1)
            return
        name = name.decode("latin-1") if isinstance(name, bytes) else str(name)
        shortest = _SHORTEST_KEY if name in ("key", "keys") else _SHORTEST_PART if depth else _SHORTEST
        found = [text] if len(text) >= shortest else []
        if _FIELD.search(name):  # `Bearer abc`, `sid=abc; theme=dark`
            found += [part for part in re.split(r"[\s;,=\"]+", text) if len(part) >= _SHORTEST_PART]
        for secret in found:  # as it is, and as it looks inside a repr
            self._secrets.update((secret, repr(secret)[1:-1]))
        self._pattern = None

    # -- showing ----------------------------------------------------------------------------------------------------

    def show(self, name: object, value: object) -> str:
        """Return a value as masked text; never fails."""
        self._room = 4 * VALUE
        try:
            return self.text(self._show_named(name, value, 0))
        except KeyboardInterrupt:
            raise
        except BaseException as exc:
            return f"<{type(value).__name__} object whose repr() failed with {type(exc).__name__}>"

    def text(self, text: str, limit: int = VALUE) -> str:
        """Mask the secrets in a text: those that are known, and the values after a secret's name."""
        text = _IN_TEXT.sub(rf"\1\2{MASK}", self._scrub(text)[: 2 * limit])
        return _cut(_USERINFO.sub(rf"\1{MASK}\2", text), limit)

    def source(self, line: str) -> str:
        """Mask the secrets in a line of source code; after a secret's name, only literals are masked."""
        text = _IN_SOURCE.sub(rf"\1\2{MASK}", self._scrub(line)[: 2 * VALUE])
        return _cut(_USERINFO.sub(rf"\1{MASK}\2", text), VALUE)

    def _scrub(self, text: str) -> str:
        if len(text) > _LOOKED_AT:
            text = self._without_beginning(text[:_LOOKED_AT])
        if not self._secrets:
            return text
        if self._pattern is None:
            longest_first = sorted(self._secrets, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return self._pattern.sub(MASK, text)

    def _without_beginning(self, text: str) -> str:
        """Remove the beginning of a secret from the end of a text that was cut."""
        for secret in self._secrets:
            for length in range(len(secret) - 1, 2, -1):
                if text.endswith(secret[:length]):
                    return text[:-length]
        return text

    def _show_named(self, name: object, value: object, depth: int) -> str:
        if is_secret(name) and value is not None:
            return MASK
        shown = self._show(value, depth)
        self._room -= len(shown)
        return shown

    def _show(self, value: Any, depth: int) -> str:
        kind = type(value)
        if kind is str or kind is bytes:
            return self._show_text(value)
        if kind is int and value.bit_length() > 1000:
            return f"<int of {value.bit_length()} bits>"
        if kind in _MAPPINGS:
            pairs = ((self._show(key, depth + 1), key, inner) for key, inner in value.items())
            return f"{{{self._show_pairs(pairs, ': ', depth)}}}"
        if kind in _SEQUENCES:
            begin, end = _SEQUENCES[kind]
            return begin + self._show_items(value, depth) + end
        if is_dataclass(kind) and getattr(kind.__repr__, "__wrapped__", None):  # the generated __repr__
            names = (field.name for field in fields(kind) if field.repr)
            attributes = ((name, name, getattr(value, name, None)) for name in names)
            return f"{kind.__qualname__}({self._show_pairs(attributes, '=', depth)})"
        return self._scrub(repr(value))[: 4 * VALUE]

    def _show_text(self, value: str | bytes) -> str:
        size = len(value)
        text = value[:_LOOKED_AT] if isinstance(value, str) else value[:_LOOKED_AT].decode("latin-1")
        text = self._scrub(self._without_beginning(text) if size > len(text) else text)
        shown = repr(text if isinstance(value, str) else text.encode("latin-1"))
        return shown if len(shown) <= _TEXT else f"{shown[:_TEXT]}... (length {size})"

    def _show_pairs(self, pairs: Iterator[tuple[str, object, object]], between: str, depth: int) -> str:
        return _joined(
            (label + between + self._show_named(name, value, depth + 1) for label, name, value in pairs),
            self._more(depth),
        )

    def _show_items(self, items: Any, depth: int) -> str:
        if type(items) is tuple and len(items) == 2 and is_secret(items[0]):  # a header field, mostly
            return f"{self._show(items[0], depth + 1)}, {self._show_named(items[0], items[1], depth + 1)}"
        return _joined((self._show_named(None, item, depth + 1) for item in items), self._more(depth))

    def _more(self, depth: int) -> int:
        """How many items of a container are shown."""
        return _ITEMS if depth < _DEPTH and self._room > 0 else 0


def _joined(items: Iterator[str], most: int) -> str:
    shown = list(islice(items, most))
    if next(items, None) is not None:
        shown.append("...")
    return ", ".join(shown)


def _is_of_framework(value: object) -> bool:
    return type(value).__module__.partition(".")[0] in FRAMEWORK


def _plain(value: Any) -> str | None:
    """A simple value as the text to search for, None for other values."""
    kind = type(value)
    if issubclass(kind, str):
        return str.__str__(value)[:_LOOKED_AT]
    if issubclass(kind, bytes | bytearray):
        return bytes(value[:_LOOKED_AT]).decode("latin-1")
    return str(value) if kind is int and value.bit_length() < 1000 else None


def _inside(value: Any) -> Iterator[tuple[object, object]]:
    """The names and values inside a value; a name may be None. Calls nothing that the value's class may override."""
    kind = type(value)
    if issubclass(kind, _OPAQUE):
        return
    if issubclass(kind, dict):
        yield from islice(dict.items(value), _ENTRIES)
    elif kind in _MAPPINGS:
        yield from islice(value.items(), _ENTRIES)
    for sequence in _SEQUENCES:
        if issubclass(kind, sequence):
            yield from _items(sequence.__iter__(value))  # type: ignore[attr-defined]
    yield from _attributes(value)


def _items(values: Iterable[object]) -> Iterator[tuple[object, object]]:
    for item in islice(values, _ENTRIES):
        if type(item) is tuple and len(item) == 2:
            yield item
        yield None, item


def _attributes(value: object) -> Iterator[tuple[object, object]]:
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        own = None
    if type(own) is dict:
        yield from islice(own.items(), _ENTRIES)
    for kind in type(value).__mro__:
        for name, member in vars(kind).items():
            if type(member) is MemberDescriptorType:
                try:
                    yield name, member.__get__(value)
                except AttributeError:
                    continue


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit] + "..."
