"""Media types with parameters, as in `Content-Type` (RFC 9110 section 8.3.1)."""

from __future__ import annotations

import re

_PARAMETER = re.compile(r""";[ \t]*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:([^\s";,]+)|"((?:[^"\\]|\\.)*)"))?[ \t]*""")


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
