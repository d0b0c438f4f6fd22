"""Judges whether the answers to a case are allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from tests.native.conformance.replies import Reply
from tests.native.conformance.target import FILE

DAYS, MONTHS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun", "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
IMF_DATE = re.compile(rf"({DAYS}), \d{{2}} ({MONTHS}) \d{{4}} \d{{2}}:\d{{2}}:\d{{2}} GMT")
OWN_FIELDS = {"date", "content-length", "transfer-encoding", "connection", "keep-alive"}

Text = str | list[Any]


def text(parts: Text) -> bytes:
    """A text of a case: a string, or strings and `[string, times]`; `{0}` counts where times is `{"count": n}`."""
    if isinstance(parts, str):
        return parts.encode("latin-1")
    return b"".join(part.encode("latin-1") if isinstance(part, str) else _repeated(*part) for part in parts)


def _repeated(part: str, times: int | dict[str, int]) -> bytes:
    if isinstance(times, int):
        return part.encode("latin-1") * times
    return "".join(part.format(n) for n in range(times["count"])).encode("latin-1")


def judge(
    expected: dict[str, Any], replies: Sequence[Reply], rest: bytes, raw: bytes, closed: str | None
) -> str | None:
    """Why this alternative of a case does not hold; None where it does.

    An alternative has: `status`, those allowed for each answer; `n`, how many answers; `closed`, whether the server
    closes (null: either); `checks`; `incomplete` and `garbage`, where an answer may be broken off or followed by
    something; `raw_re`, a pattern that alone decides.
    """
    if "raw_re" in expected:
        return None if re.search(text(expected["raw_re"]), raw, re.DOTALL) else "the pattern is not there"
    return (
        _judge_number(expected, replies)
        or _judge_form(expected, replies, rest)
        or _judge_end(expected, closed)
        or next((why for check in expected.get("checks", ()) if (why := _check(check, replies, raw))), None)
    )


def _judge_number(expected: dict[str, Any], replies: Sequence[Reply]) -> str | None:
    statuses = expected.get("status", [])
    number = expected.get("n", len(statuses))
    least, most = number if isinstance(number, list) else (number, number)
    if not least <= len(replies) <= most:
        return f"{len(replies)} answers, expected {number}"
    for n, (reply, allowed) in enumerate(zip(replies, statuses, strict=False)):
        if reply.status not in allowed:
            return f"#{n} status {reply.status} is not one of {allowed}"
    return None


def _judge_form(expected: dict[str, Any], replies: Sequence[Reply], rest: bytes) -> str | None:
    for n, reply in enumerate(replies):
        if not reply.complete and not expected.get("incomplete"):
            return f"#{n} is incomplete"
        if reply.faults:
            return f"#{n} is malformed: {'; '.join(reply.faults)}"
    return f"bytes behind the answers: {rest[:60]!r}" if rest and not expected.get("garbage") else None


def _judge_end(expected: dict[str, Any], closed: str | None) -> str | None:
    want = expected.get("closed")
    if want is True and closed is None:
        return "the connection was left open"
    return f"the connection was closed ({closed})" if want is False and closed is not None else None


# -- checks: [name, number of the answer, arguments] ------------------------------------------------------------------


def _check(check: list[Any], replies: Sequence[Reply], raw: bytes) -> str | None:
    name, *arguments = check
    if name == "raw_no":
        return f"{arguments[0]!r} is there" if re.search(text(arguments[0]), raw, re.DOTALL) else None
    if name == "same_headers":
        first, second = ({key for key, _ in replies[n].fields} - OWN_FIELDS for n in arguments[:2])
        return f"other fields: {first ^ second}" if first != second else None
    number, *arguments = arguments
    if number >= len(replies):
        return f"there is no answer #{number}"
    holds = CHECKS[name](replies[number], *arguments)
    return None if holds else f"#{number} {name} {str(arguments)[:100]} does not hold"


def _fields_seen(reply: Reply, name: str) -> list[str]:
    """Values of a request field as the handler saw them."""
    return [value for key, value in json.loads(reply.body) if key.lower() == name.lower()]


def _seen_is_one_of(reply: Reply, name: str, allowed: list[Any]) -> bool:
    values = _fields_seen(reply, name)
    return values in allowed or ", ".join(values) in allowed or ",".join(values) in allowed


def _seen_without_control_bytes(reply: Reply) -> bool:
    return not any(re.search("[\r\n\0]", name + value) for name, value in json.loads(reply.body))


def _matches(reply: Reply, name: str, pattern: str) -> bool:
    return re.search(pattern, ", ".join(reply.all(name)), re.IGNORECASE) is not None


def _one_date(reply: Reply) -> bool:
    dates = reply.all("date")
    return len(dates) == 1 and IMF_DATE.fullmatch(dates[0]) is not None


CHECKS: dict[str, Callable[..., bool]] = {
    "body": lambda reply, body: reply.body == text(body),
    "body_no": lambda reply, part: text(part) not in reply.body,
    "body_len_max": lambda reply, most: len(reply.body) <= most,
    "file": lambda reply, start, end: reply.body == FILE[start:end],
    "hdr": lambda reply, name: bool(reply.all(name)),
    "nohdr": lambda reply, name: not reply.all(name),
    "hdr_re": _matches,
    "hdr_opt_re": lambda reply, name, pattern: not reply.all(name) or _matches(reply, name, pattern),
    "hdr_count": lambda reply, name, count: len(reply.all(name)) == count,
    "date": _one_date,
    "framing": lambda reply, allowed: reply.framing in allowed,
    "interim": lambda reply, statuses: reply.interim == statuses,
    "rx": _seen_is_one_of,
    "rx_none": lambda reply, name: _fields_seen(reply, name) == [],
    "rx_clean": _seen_without_control_bytes,
    "insp": lambda reply, name, allowed: json.loads(reply.body).get(name) in allowed,
}
