"""The field `traceparent`, by which a caller names the trace that a request is part of (W3C Trace Context, level 1)."""

from __future__ import annotations

import re
from typing import NamedTuple

# Section 3.2.2. A later version may add fields behind these, after another dash.
_FIELD = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_SAMPLED = 0x01


class TraceParent(NamedTuple):
    """What a `traceparent` says."""

    trace_id: str
    """The trace: 32 hexadecimal digits in lower case."""
    parent_id: str
    """The caller's span: 16 hexadecimal digits in lower case."""
    sampled: bool
    """Whether the caller may have recorded the trace."""


def parse_traceparent(value: bytes) -> TraceParent | None:
    """Parse the value of a `traceparent` field; None for anything but a valid one (W3C Trace Context section 3.2).

    A version that is not known yet is read as far as version 00 goes, as section 4.3 asks for.
    """
    match = _FIELD.fullmatch(value)
    if match is None:
        return None
    version, trace_id, parent_id, flags, more = match.groups()
    if version == b"ff" or (version == b"00" and more) or not trace_id.strip(b"0") or not parent_id.strip(b"0"):
        return None
    return TraceParent(trace_id.decode(), parent_id.decode(), bool(int(flags, 16) & _SAMPLED))
