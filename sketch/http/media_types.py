"""Media types with parameters, as in `Content-Type` (RFC 9110 section 8.3.1)."""

from __future__ import annotations

import re
from encodings import normalize_encoding
from encodings.aliases import aliases

_PARAMETER = re.compile(
    r""";[ \t]*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:([^\s";,]+)|"((?:[^"\\]++|(?:\\.)++)*+)"))?[ \t]*"""
)


def parse_media_type(value: str) -> tuple[str, dict[str, str]]:
    """The media type in lower case, and its parameters: names in lower case, values unquoted, the first of a name.

    What is malformed ends the parameters; nothing is raised, because a server must live with what it is sent.
    """
    kind, semicolon, _ = value.partition(";")
    parameters: dict[str, str] = {}
    position = len(kind)
    while semicolon and (match := _PARAMETER.match(value, position)):
        name, token, quoted = match.groups()
        if name is not None:
            text = token if token is not None else re.sub(r"\\(.)", r"\1", quoted)
            parameters.setdefault(name.lower(), text)
        position = match.end()
    return kind.strip(" \t").lower(), parameters


# Client-chosen names never reach the codec registry: it remembers every name that it was asked for, known or not, and
# knows codecs that are no charsets: some change bytes to bytes, and `idna` and `punycode` take quadratic time.
_NO_CHARSETS = {"base64_codec", "bz2_codec", "hex_codec", "mbcs", "quopri_codec", "rot_13", "uu_codec", "zlib_codec"}
# Its decoder gives halves of surrogate pairs, which no answer can hold, and it hides markup: browsers have dropped it.
_UNSAFE = {"utf_7"}
_ENCODINGS = frozenset(aliases.values()) - _NO_CHARSETS - _UNSAFE | {"cp874", "koi8_u", "utf_8_sig"}


def python_encoding(charset: str) -> str | None:
    """Python's name of a charset, for `bytes.decode`; None for an unknown one."""
    if charset == "utf-8":  # what nearly everybody says
        return "utf_8"
    if not charset.isascii():
        return None
    name = normalize_encoding(charset.lower())
    name = aliases.get(name, name)
    return name if name in _ENCODINGS else None
