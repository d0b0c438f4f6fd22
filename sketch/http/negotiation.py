"""Media types and content codings by what a client accepts (RFC 9110 sections 12.5.1 and 12.5.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from multidict import CIMultiDict

# A weight is 0 to 1 with at most three digits behind the point (RFC 9110 section 12.4.2).
_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_WEIGHT = r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?"
_MEMBER = re.compile(rf"[ \t]*({_NAME})[ \t]*(?:;[ \t]*[qQ]=({_WEIGHT})[ \t]*)?")
_RANGE = re.compile(rf"{_NAME}/{_NAME}")
_QUALITY = re.compile(rf"[qQ]=({_WEIGHT})")
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


def rank_encodings(field: bytes | None, available: Iterable[str]) -> tuple[str, ...]:
    """Those of the codings that the client wants, the one that it likes best first.

    Args:
        field: `request.combined_header(b"accept-encoding")`.
        available: the codings that can be had, the one that the server likes best first; without `identity`.

    Of equal weights the first is the first. What is liked less than `identity`, where the client names that, is left
    out. An empty result means to answer without a coding, even to a client that refuses `identity`: no content could be
    less use than content as it is.
    """
    if field is None:
        return ()  # any coding would do, but who says nothing may know of none
    return (_rank_cached if len(field) <= _CACHED_SIZE else _rank)(field, tuple(available))


def _rank(field: bytes, available: tuple[str, ...]) -> tuple[str, ...]:
    weights = accepted_encodings(field)
    least, others = max(1, weights.get("identity", 0)), weights.get("*", 0)
    wanted = [name for name in available if weights.get(name, others) >= least]
    return tuple(sorted(wanted, key=lambda name: -weights.get(name, others)))


_rank_cached = lru_cache(512)(_rank)


def choose_encoding(field: bytes | None, available: Iterable[str]) -> str | None:
    """The first of `rank_encodings`, None for none: the coding to answer in."""
    ranked = rank_encodings(field, available)
    return ranked[0] if ranked else None


def accepted_types(field: bytes | None) -> dict[str, int]:
    """The media ranges of an `Accept` field, in lower case and in its order, with their weights in thousandths.

    Parameters other than the weight are not looked at. Malformed members are passed over, and the first of a name
    counts, as in `accepted_encodings`.
    """
    weights: dict[str, int] = {}
    for member in (field or b"").decode("latin-1").split(","):
        kind, *parameters = [part.strip(" \t") for part in member.split(";")]
        given = [parameter for parameter in parameters if parameter[:2] in ("q=", "Q=")]
        weight = _QUALITY.fullmatch(given[0]) if given else None
        if _RANGE.fullmatch(kind) and (weight or not given):
            weights.setdefault(kind.lower(), round(float(weight[1]) * 1000) if weight else 1000)
    return weights


def choose_media_type(field: bytes | None, available: Iterable[str]) -> str | None:
    """The media type to answer in, None where the client accepts none of them.

    Args:
        field: `request.combined_header(b"accept")`.
        available: the media types that can be had, in lower case, the one that the server likes best first.

    A media type has the weight of the most specific range that it is in. The highest weight is chosen; of equal ones
    first what the client names most exactly, then what it names first, then what the server likes best.
    """
    return (_choose_cached if field is None or len(field) <= _CACHED_SIZE else _choose)(field, tuple(available))


def _choose(field: bytes | None, available: tuple[str, ...]) -> str | None:
    weights = accepted_types(b"*/*" if field is None else field)
    places = {kind: place for place, kind in enumerate(weights)}
    ranked: dict[str, tuple[int, int, int]] = {}
    for kind in available:
        ranges = (kind, f"{kind.partition('/')[0]}/*", "*/*")
        breadth, found = next(((breadth, name) for breadth, name in enumerate(ranges) if name in weights), (0, ""))
        if weights.get(found):
            ranked[kind] = (weights[found], -breadth, -places[found])
    return max(ranked, key=ranked.__getitem__, default=None)  # of equal ones the first


_choose_cached = lru_cache(512)(_choose)


def add_vary(headers: CIMultiDict[str], name: str) -> None:
    """Say that an answer depends on a request field (RFC 9110 section 12.5.5), if it does not say so already."""
    fields = headers.getall("Vary", [])
    names = {member.strip().lower() for field in fields for member in field.split(",")}
    if "*" not in names and name.lower() not in names:
        headers["Vary"] = ", ".join([*fields, name])
