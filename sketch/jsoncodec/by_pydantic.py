"""Reads JSON as a type by pydantic, and says in the words of sketch what pydantic says of its faults."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sketch.jsoncodec.errors import BOM, REQUIRED, ValidationError
from sketch.jsoncodec.libraries import library, unsupported
from sketch.jsoncodec.traces import Trace, merged

Read = Callable[[bytes], Any]

_DESCRIBED = 100
_COUNTED = 1000
"""The most faults that are described, and that pydantic is asked for: a body of some MiB may have millions of faults,
each of which takes a KiB to describe."""
_LONGEST = 100
"""Characters of a name that the client has chosen."""


def pydantic_reader(kind: Any, loads: Read, *, strict: bool) -> Read:
    """Make the function that reads JSON as a type. Errors are those of `find_reader`.

    Args:
        kind, loads: as in `find_reader`.
        strict: whether text stays text; False to do what the types in it say, which is to convert by default.
    """
    pydantic, core = library("pydantic"), library("pydantic_core")
    try:
        adapter = kind if isinstance(kind, pydantic.TypeAdapter) else pydantic.TypeAdapter(kind)
    except Exception as exc:  # of several classes, none of them common
        raise unsupported(kind, exc) from exc
    validate = adapter.validate_json
    strictly = True if strict else None

    def read(text: bytes) -> Any:
        text = text.removeprefix(BOM)
        if _may_be_refused(text):
            loads(text)
        try:
            return validate(text, strict=strictly)
        except core.ValidationError as exc:
            raise describe(exc, loads(text), kind) from None

    return read


_DIGITS = bytes.maketrans(b"123456789E", b"000000000e")


def _may_be_refused(text: bytes) -> bool:
    """Whether a text may hold what pydantic takes and no response could: NaN, infinity, numbers that are too large."""
    shape = text.translate(_DIGITS)
    return b"NaN" in text or b"Infinity" in text or b"e000" in shape or b"e+000" in shape or _LONG in shape


_LONG = b"0" * 300


def describe(error: Any, data: Any, kind: Any) -> ValueError:
    """Make the error that says what pydantic expected, without the input's values, and where.

    Args:
        error: a `pydantic.ValidationError`.
        data: the input.
        kind: the type.
    """
    count: int = error.error_count()
    if count > _COUNTED:
        return ValidationError((), count)
    faults = error.errors(include_url=False, include_input=False)
    if faults[0]["type"] == "json_invalid" and not faults[0]["loc"]:
        return ValueError(faults[0]["msg"])  # nested more deeply than pydantic reads
    described = [*merged([_traced(fault, data) for fault in faults], kind)]
    return ValidationError(described[:_DESCRIBED], len(described[_DESCRIBED:]))


def _traced(fault: Any, data: Any) -> Trace:
    kind, context = fault["type"], fault.get("ctx", {})
    trace = _find_trace(fault, data)
    if kind.startswith("union_tag"):
        name = context["discriminator"].strip("'")
        message = REQUIRED if kind == "union_tag_not_found" else f"expected one of {context['expected_tags']}"
        return trace._replace(message=message[:200], steps=(*trace.steps, name) if name.isidentifier() else trace.steps)
    of_name = "in its name: " if fault["loc"][-1:] == (_KEY,) else ""
    return trace._replace(message=f"{of_name}{_message(kind, context):.200}")


_KEY = "[key]"
"""Stands for the key of a dict, after its step."""


def _find_trace(fault: Any, data: Any) -> Trace:
    """Find the place of a fault. pydantic puts the names of a union's members between its names and indexes.

    A name that is longer than clients may choose ends the place before it.
    """
    path = [*fault["loc"]]
    absent = path.pop() if fault["type"] == "missing" and path else None
    trace = Trace("")
    for step in path:
        try:
            data = data[step]
        except (LookupError, TypeError):
            if trace.member is None and step != _KEY:
                trace = trace._replace(union=trace.steps, member=step)
            continue
        if isinstance(step, str) and len(step) > _LONGEST:
            return trace
        trace = trace._replace(steps=(*trace.steps, step))
    return trace if absent is None else trace._replace(steps=(*trace.steps, absent))


def _message(kind: str, context: dict[str, Any]) -> str:
    words = _MESSAGES.get(kind)
    if words is not None:
        return words.format_map(_Shown(context))
    if kind in ("enum", "literal_error"):
        return f"expected one of {', '.join(context['expected'].rsplit(' or ', 1))}"
    # The text of a `PydanticCustomError` may quote the value; its type is a constant.
    return f"{_INVALID} ({kind})" if _CODE.fullmatch(kind) and kind not in _BUILT_IN else _INVALID


_CODE = re.compile("[a-z_]{1,50}")


class _Shown(dict[str, Any]):
    """A fault's context for messages: a missing part is left out."""

    def __missing__(self, key: str) -> str:
        return "..."


_INVALID = "expected a valid value"
_INTEGER, _NUMBER, _TEXT, _LIST, _OBJECT = (
    "expected an integer", "expected a number", "expected text", "expected an array", "expected an object",
)  # fmt: skip
_DATE, _TIME, _DATETIME = "expected a date", "expected a time", "expected a date and time"
_UUID, _URL, _DURATION = "expected a UUID", "expected a URL", "expected a duration"

_MESSAGES = {
    "missing": REQUIRED,
    "extra_forbidden": "expected no such field",
    "none_required": "expected null",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_from_float": _INTEGER,
    "int_parsing_size": "expected a smaller integer",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "decimal_type": "expected a decimal number",
    "decimal_parsing": "expected a decimal number",
    "decimal_max_digits": "expected at most {max_digits} digits",
    "decimal_max_places": "expected at most {decimal_places} decimal places",
    "decimal_whole_digits": "expected at most {whole_digits} digits before the decimal point",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected at least {ge}",
    "less_than": "expected less than {lt}",
    "less_than_equal": "expected at most {le}",
    "multiple_of": "expected a multiple of {multiple_of}",
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "string_not_ascii": "expected text in ASCII",
    "string_too_short": "expected text of at least {min_length} characters",
    "string_too_long": "expected text of at most {max_length} characters",
    "string_pattern_mismatch": "expected text that matches '{pattern}'",
    "bytes_type": _TEXT,
    "bytes_too_short": "expected text of at least {min_length} bytes",
    "bytes_too_long": "expected text of at most {max_length} bytes",
    "bytes_invalid_encoding": "expected text in {encoding}",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "named_tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "deque_type": _LIST,
    "iterable_type": _LIST,
    "too_short": "expected at least {min_length} items",
    "too_long": "expected at most {max_length} items",
    "dict_type": _OBJECT,
    "mapping_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "date_past": "expected a date in the past",
    "date_future": "expected a date in the future",
    "time_type": _TIME,
    "time_parsing": _TIME,
    "datetime_type": _DATETIME,
    "datetime_parsing": _DATETIME,
    "datetime_from_date_parsing": _DATETIME,
    "datetime_past": "expected a date and time in the past",
    "datetime_future": "expected a date and time in the future",
    "timezone_naive": "expected a time without an offset",
    "timezone_aware": "expected a time with an offset",
    "time_delta_type": _DURATION,
    "time_delta_parsing": _DURATION,
    "uuid_type": _UUID,
    "uuid_parsing": _UUID,
    "uuid_version": "expected a UUID of version {expected_version}",
    "url_type": _URL,
    "url_parsing": _URL,
    "url_syntax_violation": _URL,
    "url_too_long": "expected a URL of at most {max_length} characters",
    "url_scheme": "expected a URL with the scheme {expected_schemes}",
}
_BUILT_IN = frozenset(
    {"value_error", "assertion_error", "json_type", "json_invalid", "is_instance_of", "recursion_loop"}
)
