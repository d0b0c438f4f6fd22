"""Media types with their parameters, as in `Content-Type` (RFC 9110 section 8.3.1), and charsets."""

from __future__ import annotations

import re
from encodings import normalize_encoding
from encodings.aliases import aliases

from sketch.http.grammar import OWS, TOKEN, unescape

# Wider than the grammar: clients send boundaries with `/`, `:` or `=` unquoted, and in the head of a form's part a
# quoted name has any character, as it was entered: browsers escape only quotes and line ends.
_PARAMETER = re.compile(rf';{OWS}(?:({TOKEN.pattern})=(?:([^\s";,]+)|"((?:[^"\\]++|(?:\\.)++)*+)"))?{OWS}')


def parse_media_type(value: str) -> tuple[str, dict[str, str]]:
    """Return the media type in lower case, and its parameters: names in lower case, values unquoted, first of a name.

    The parameters end at the first malformed one. Nothing is raised: a server has to cope with what it is sent.
    """
    kind, semicolon, _ = value.partition(";")
    parameters: dict[str, str] = {}
    position = len(kind)
    while semicolon and (match := _PARAMETER.match(value, position)):
        name, token, quoted = match.groups()
        if name is not None:
            parameters.setdefault(name.lower(), token if token is not None else unescape(quoted))
        position = match.end()
    return kind.strip(" \t").lower(), parameters


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAME = re.compile(rf";{OWS}({TOKEN.pattern}){OWS}=")


def repeated_parameter(value: str) -> str | None:
    """Return the name of a parameter that a field like `Content-Type` has twice, None if there is none.

    It finds more than `parse_media_type` reads, as other readers may: parameters after a malformed one, too.
    """
    if value.count("=") < 2:
        return None
    seen: set[str] = set()
    for name in _NAME.findall(_QUOTED.sub('""', value)):
        if name.lower() in seen:
            return str(name.lower())
        seen.add(name.lower())
    return None


# Client-chosen names never reach the codec registry. It remembers every name that it is asked for, known or not, and
# has codecs that are not charsets: some turn bytes into bytes, and `idna` and `punycode` take quadratic time.
_NO_CHARSETS = {"base64_codec", "bz2_codec", "hex_codec", "mbcs", "quopri_codec", "rot_13", "uu_codec", "zlib_codec"}
# UTF-7 decodes to lone surrogates, which no response can hold, and hides markup: browsers have dropped it.
_UNSAFE = {"utf_7"}
_ENCODINGS = frozenset(aliases.values()) - _NO_CHARSETS - _UNSAFE | {"cp874", "koi8_u", "utf_8_sig"}


def python_encoding(charset: str) -> str | None:
    """Return Python's name of a charset, for `bytes.decode`; None for an unknown one."""
    if charset == "utf-8":  # by far the most common
        return "utf_8"
    if not charset.isascii():
        return None
    name = normalize_encoding(charset.lower())
    name = aliases.get(name, name)
    return name if name in _ENCODINGS else None
