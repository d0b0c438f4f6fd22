"""The faults of a value that pydantic finds, one for each place: a union has those of all of its members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sketch.jsoncodec.errors import Steps, either
from sketch.jsoncodec.types import contains


class Trace(NamedTuple):
    """A fault, its place, and the member of a union that it belongs to.

    Args:
        message: what was expected.
        steps: where.
        union: where the outermost union is, on the way there.
        member: pydantic's name of the union's member; None outside of unions.
    """

    message: str
    steps: Steps = ()
    union: Steps = ()
    member: Any = None


def merged(traces: list[Trace], kind: Any) -> Iterator[tuple[str, Steps]]:
    """Yield one message for each place, and the place.

    Of a union, members that refuse the value as a whole say nothing if others look into it. Where several look into it,
    the message names them, if they are classes in the type.

    Args:
        traces: the faults, as pydantic lists them.
        kind: the type. Names that are not in it may be the client's.
    """
    looking = _looking_inside(traces)
    found: dict[Steps, dict[str, list[Trace]]] = {}
    for trace in traces:
        members = looking.get(trace.union)
        if trace.member is None or not members or trace.member in members:
            found.setdefault(trace.steps, {}).setdefault(trace.message, []).append(trace)
    names = _names(kind) if any(len(members) > 1 for members in looking.values()) else set()
    for steps, messages in found.items():
        told = [message + _members(of, looking, names) for message, of in messages.items()]
        choices = [message for message in told if message.startswith("expected ")]
        if choices:
            yield either(choices), steps
        yield from ((message, steps) for message in told if message not in choices)


_Looking = dict[Steps, set[Any]]
"""The members of each union that find faults inside of the value."""


def _looking_inside(traces: Iterable[Trace]) -> _Looking:
    found: _Looking = {}
    for trace in traces:
        if trace.member is not None and len(trace.steps) > len(trace.union):
            found.setdefault(trace.union, set()).add(trace.member)
    return found


def _members(traces: list[Trace], looking: _Looking, names: set[str]) -> str:
    """Name the members that say the same, unless all do."""
    members = dict.fromkeys(trace.member for trace in traces)
    others = looking.get(traces[0].union, set()) - members.keys()
    return f" (as {' or '.join(members)})" if others and members.keys() <= names else ""


def _names(kind: Any) -> set[str]:
    """Find the names of the classes in a type."""
    found: set[str] = set()

    def keep(part: Any) -> bool:
        found.add(getattr(part, "__name__", ""))
        return False

    contains(kind, keep)
    return found
