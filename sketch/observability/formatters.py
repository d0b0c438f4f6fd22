"""How the records of `sketch` look: as text, as columns in a terminal, as JSON. Any logging handler can use them."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any

from sketch.context_vars import request_var
from sketch.observability.access_fields import FIELDS
from sketch.observability.access_format import AccessFormat
from sketch.observability.escaping import escape, escape_lines

ACCESS = "sketch.access"
"""The logger of the access log."""

_STANDARD = {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"}
"""Attributes that every record has."""


class TextFormatter(logging.Formatter):
    """Formats records as `time level logger: message`.

    Control characters are escaped, and each line after the first is indented: no text can look like another record.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record, tracebacks included."""
        return _indented(super().format(record))


def _indented(text: str) -> str:
    return escape_lines(text).replace("\n", "\n  ")


# -- in a terminal ----------------------------------------------------------------------------------------------------

TERMINAL = AccessFormat("{status} {method} {duration} {bytes} {client} {target}")
_RED, _GREEN, _YELLOW, _CYAN, _DIM = 31, 32, 33, 36, 2
_LEVELS = ((logging.ERROR, _RED), (logging.WARNING, _YELLOW), (logging.INFO, _CYAN), (0, _DIM))
_STATUSES = ((500, _RED), (400, _YELLOW), (300, _CYAN), (0, _GREEN))


class TerminalFormatter(logging.Formatter):
    """Formats records in columns, for people.

    Args:
        access_format: of the access log's lines.
        colours: whether levels and statuses have colours.
    """

    def __init__(self, access_format: AccessFormat = TERMINAL, *, colours: bool = True) -> None:
        super().__init__()
        self._access_format = access_format
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        head = f"{time.strftime('%H:%M:%S', time.localtime(record.created))}.{int(record.msecs):03d}"
        level = self._coloured(f"{record.levelname:<8}", _of(record.levelno, _LEVELS))
        if is_access(record):
            return f"{self._coloured(head, _DIM)} {level}{self._access(record)}"
        return f"{self._coloured(head, _DIM)} {level}{record.name}: {_indented(super().format(record))}"

    def _access(self, record: logging.LogRecord) -> str:
        facts = record.__dict__
        return self._coloured(self._access_format.render(facts), _of(facts["status"] or 500, _STATUSES))

    def _coloured(self, text: str, colour: int) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours else text


def _of(number: int, colours: tuple[tuple[int, int], ...]) -> int:
    return next(colour for least, colour in colours if number >= least)


def is_access(record: logging.LogRecord) -> bool:
    """Whether a record is the access log's: it has the fields as attributes."""
    return record.name == ACCESS and hasattr(record, "duration")


# -- JSON -------------------------------------------------------------------------------------------------------------


class JSONFormatter(logging.Formatter):
    """Formats each record as one JSON object (RFC 8259) on one line, in ASCII.

    It has `time` (UTC, RFC 3339), `level`, `logger`, `message`, what was given by `extra=`, and where there is one,
    `request_id`, `exception` (the traceback) and `stack`. The access log has its fields in place of the message.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the object of a record as text."""
        found: dict[str, Any] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
        }
        if is_access(record):
            return dumps({**found, **{name: getattr(record, name, None) for name in FIELDS}})
        extra = {name: value for name, value in record.__dict__.items() if name not in _STANDARD and name not in found}
        found |= {"message": record.getMessage(), **_request(), **extra, **self._traceback(record)}
        return dumps(found)

    def _traceback(self, record: logging.LogRecord) -> dict[str, str]:
        found = {}
        if record.exc_info and record.exc_info[1] is not None:
            found["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:
            found["exception"] = record.exc_text
        if record.stack_info:
            found["stack"] = self.formatStack(record.stack_info)
        return found


def _request() -> dict[str, str]:
    """The id of the request in whose context the record was made, if it has one."""
    found = getattr(request_var.get(), "id", None)
    return {} if found is None else {"request_id": escape(str(found), 128)}


_COMPACT = (",", ":")
_SURROGATES = re.compile("[\ud800-\udfff]")


def dumps(found: dict[str, Any]) -> str:
    """Return an object as JSON in ASCII. What JSON cannot hold becomes its `repr`, a lone surrogate U+FFFD."""
    try:
        text = json.dumps(found, ensure_ascii=False, allow_nan=False, skipkeys=True, default=_cut, separators=_COMPACT)
    except (TypeError, ValueError, RecursionError):
        plain = {name: value if isinstance(value, str | int | None) else _cut(value) for name, value in found.items()}
        text = json.dumps(plain, ensure_ascii=False, separators=_COMPACT)
    if text.isascii():
        return text
    return json.dumps(json.loads(_SURROGATES.sub("\ufffd", text)), separators=_COMPACT)


def _cut(value: object) -> str:
    return f"{value!r:.200}"


# -- what stands before the access log's line --------------------------------------------------------------------------


def text_head() -> str:
    """Return what `TextFormatter` puts before the message of an access log's line now."""
    now = time.time()
    seconds = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    return f"{seconds},{int(now * 1000) % 1000:03d} INFO {ACCESS}: "


def json_head() -> str:
    """Return the members that `JSONFormatter` puts before the fields of an access log's line now."""
    now = time.time()
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return f'{{"time":"{seconds}.{int(now * 1000) % 1000:03d}Z","level":"INFO","logger":"{ACCESS}",'
