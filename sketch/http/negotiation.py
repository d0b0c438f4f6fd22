"""Content negotiation: choose a media type or content coding that the client accepts (RFC 9110 section 12.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from multidict import CIMultiDict

from sketch.http.grammar import OWS, TOKEN, list_members, split_unquoted

# A weight is 0 to 1 with at most three decimal places (RFC 9110 section 12.4.2).
_WEIGHT = r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?"
_MEMBER = re.compile(rf"({TOKEN.pattern}){OWS}(?:;{OWS}[qQ]=({_WEIGHT}))?")
_RANGE = re.compile(f"{TOKEN.pattern}/{TOKEN.pattern}")
_QUALITY = re.compile(rf"[qQ]=({_WEIGHT})")
# RFC 9110 section 8.4.1: recipients treat these as equivalent.
_ALIASES = {"x-gzip": "gzip", "x-compress": "compress"}

_CACHED_SIZE = 256
"""Bytes up to which a field's result is cached: enough for browsers. A client may choose the length of a longer one."""


def accepted_encodings(field: bytes | None) -> dict[str, int]:
    """Parse an `Accept-Encoding` field to codings in lower case and their weights in thousandths.

    0 means that the client refuses the coding; `*` stands for all that are not named. Malformed members are skipped,
    and the first of a name counts. Nothing is raised: a server has to cope with what it is sent.
    """
    weights: dict[str, int] = {}
    for member in list_members((field or b"").decode("latin-1")):
        match = _MEMBER.fullmatch(member)
        if match is not None:
            name, weight = match[1].lower(), match[2] or "1"
            weights.setdefault(_ALIASES.get(name, name), round(float(weight) * 1000))
    return weights


def rank_encodings(field: bytes | None, available: Iterable[str]) -> tuple[str, ...]:
    """Return the available codings that the client wants, its preferred one first.

    Args:
        field: `request.combined_header(b"accept-encoding")`.
        available: the codings that the server can send, its preferred one first; without `identity`.

    Codings of equal weight keep the server's order. If the client names `identity`, codings of a lower weight are left
    out. An empty result means to answer without a coding, even to a client that refuses `identity`: content without a
    coding is of more use than none.
    """
    if field is None:
        return ()  # any coding is allowed, but a client without the field may support none
    return (_rank_cached if len(field) <= _CACHED_SIZE else _rank)(field, tuple(available))


def _rank(field: bytes, available: tuple[str, ...]) -> tuple[str, ...]:
    weights = accepted_encodings(field)
    least, others = max(1, weights.get("identity", 0)), weights.get("*", 0)
    wanted = [name for name in available if weights.get(name, others) >= least]
    return tuple(sorted(wanted, key=lambda name: -weights.get(name, others)))


_rank_cached = lru_cache(512)(_rank)


def choose_encoding(field: bytes | None, available: Iterable[str]) -> str | None:
    """Return the coding to answer in: the first of `rank_encodings`, None if there is none."""
    ranked = rank_encodings(field, available)
    return ranked[0] if ranked else None


def accepted_types(field: bytes | None) -> dict[str, int]:
    """Parse an `Accept` field to media ranges in lower case and their weights in thousandths, in the field's order.

    A range with parameters, `text/html;level=1`, counts only where the field does not name the same range without: no
    type is offered with parameters. Malformed members are skipped, and the first of a name counts, as in
    `accepted_encodings`.
    """
    weights: dict[str, int] = {}
    narrower: set[str] = set()
    for member in list_members((field or b"").decode("latin-1")):
        kind, *parameters = [part.strip(" \t") for part in split_unquoted(member, ";")]
        given = [parameter for parameter in parameters if parameter[:2] in ("q=", "Q=")]
        weight = _QUALITY.fullmatch(given[0]) if given else None
        if not _RANGE.fullmatch(kind) or (given and not weight):
            continue
        kind, plain = kind.lower(), len(parameters) == len(given)
        if kind not in weights or (plain and kind in narrower):
            weights[kind] = round(float(weight[1]) * 1000) if weight else 1000
            (narrower.discard if plain else narrower.add)(kind)
    return weights


def offered_types(media_types: Iterable[str]) -> dict[str, str]:
    """Return media types as `choose_media_type` takes them, in lower case and without parameters, with those given.

    Raises:
        TypeError: for a media type that is no text.
        ValueError: without any, and for one that is no media type.
    """
    offered: dict[str, str] = {}
    for given in media_types:
        if not isinstance(given, str):
            raise TypeError(f"expected media types as str, one after the other, got {given!r:.200}")
        kind = given.partition(";")[0].strip(" \t").lower()
        if "*" in kind or not _RANGE.fullmatch(kind):
            raise ValueError(f"expected a media type like 'text/html', got {given!r:.200}")
        offered.setdefault(kind, given)
    if not offered:
        raise ValueError("expected at least one media type that you can send, got none")
    return offered


def choose_media_type(field: bytes | None, available: Iterable[str]) -> str | None:
    """Return the media type to answer in, None if the client accepts none of them.

    Args:
        field: `request.combined_header(b"accept")`.
        available: the media types that the server can send, in lower case, its preferred one first.

    A media type has the weight of the most specific range that contains it. The highest weight wins; then the most
    specific range, then the one that the client names first, then the server's order.
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
    return max(ranked, key=ranked.__getitem__, default=None)  # the first of equal ones


_choose_cached = lru_cache(512)(_choose)


def add_vary(headers: CIMultiDict[str], name: str) -> None:
    """Add a request field to `Vary`, if it is not in there: the response depends on it (RFC 9110 section 12.5.5)."""
    given = ", ".join(headers.getall("Vary", ()))
    names = list_members(given.lower())
    if "*" not in names and name.lower() not in names:
        headers["Vary"] = f"{given}, {name}" if given else name
