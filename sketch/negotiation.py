"""Content codings by what a client accepts (RFC 9110 section 12.5.3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from multidict import CIMultiDict

# A weight is 0 to 1 with at most three digits behind the point (RFC 9110 section 12.4.2).
_MEMBER = re.compile(
    r"[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?"
)
# RFC 9110 section 8.4.1: recipients take these for the same.
_ALIASES = {"x-gzip": "gzip", "x-compress": "compress"}

_CACHED_SIZE = 256
"""Bytes of a field that is remembered: what browsers send. What a client may choose the length of is read each time."""


def accepted_encodings(field: bytes | None) -> dict[str, int]:
    """The codings of an `Accept-Encoding` field, in lower case, with their weights in thousandths.

    Malformed members are passed over, and the first of a name counts: nothing is raised, because a server must live
    with what it is sent. 0 means that the client refuses the coding; `*` stands for all that are not named.
    """
    weights: dict[str, int] = {}
    for member in (field or b"").decode("latin-1").split(","):
        match = _MEMBER.fullmatch(member)
        if match is not None:
            name, weight = match[1].lower(), match[2] or "1"
            weights.setdefault(_ALIASES.get(name, name), round(float(weight) * 1000))
    return weights


def choose_encoding(field: bytes | None, available: Sequence[str]) -> str | None:
    """The coding to answer in, None for none.

    Args:
        field: `request.combined_header(b"accept-encoding")`.
        available: the codings that can be had, the one that the server likes best first; without `identity`.

    The coding with the highest weight is chosen, of equal ones the first. `identity` is only preferred where the client
    names it with a higher weight than all that are available. It is also what is left when nothing is acceptable, even
    to a client that refuses it: no content could be less use than content as it is.
    """
    if field is None or not available:
        return None  # any coding would do, but who says nothing may know of none
    return (_choose_cached if len(field) <= _CACHED_SIZE else _choose)(field, tuple(available))


def _choose(field: bytes, available: tuple[str, ...]) -> str | None:
    weights = accepted_encodings(field)
    others = weights.get("*", 0)
    best = max(available, key=lambda name: weights.get(name, others))  # the first of those with the highest weight
    weight = weights.get(best, others)
    return best if weight and weight >= weights.get("identity", 0) else None


_choose_cached = lru_cache(512)(_choose)


def add_vary(headers: CIMultiDict[str], name: str) -> None:
    """Say that an answer depends on a request field (RFC 9110 section 12.5.5), if it does not say so already."""
    fields = headers.getall("Vary", [])
    names = {member.strip().lower() for field in fields for member in field.split(",")}
    if "*" not in names and name.lower() not in names:
        headers["Vary"] = ", ".join([*fields, name])
