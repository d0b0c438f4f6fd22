"""The format of the access log's line: named fields in a text, `{client} "{method} {target}" {status}`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Formatter
from typing import TYPE_CHECKING, Any

from sketch.observability.access_fields import FIELDS, show

if TYPE_CHECKING:
    from sketch.transport import Outcome

DEFAULT = '{client} "{method} {target}" {status} {bytes} {duration}'


class AccessFormat:
    """A format, read once.

    Args:
        text: with the name of a field in braces for its value; `{{` and `}}` are braces.

    Raises:
        ValueError: for a text that is no format: for a name that is no field, the message lists the fields.
    """

    def __init__(self, text: str = DEFAULT) -> None:
        if "\n" in text or "\r" in text:
            raise ValueError(f"expected access_log_format as one line, got {text!r:.200}")
        self.text = text
        self._parts = [*_parts(text)]
        self.names = tuple(name for _, name in self._parts if name)
        """The fields, in their order."""
        self._gets = [(FIELDS[name].get if name else None, literal) for literal, name in self._parts]
        written = [(literal.replace("%", "%%"), f"%({name})s" if name else "") for literal, name in self._parts]
        self.template = "".join(map("".join, written)) if self.names else "".join(literal for literal, _ in self._parts)
        """The format as the message of a record, whose arguments are the facts by name."""

    def line(self, request: Any, outcome: Outcome) -> str:
        """Return the line of an exchange."""
        return "".join(
            [literal if get is None else literal + show(get(request, outcome)) for get, literal in self._gets]
        )

    def render(self, facts: Mapping[str, Any]) -> str:
        """Return the line of facts, with each field as wide as it is in a terminal, so that lines stand in columns."""
        return "".join(f"{literal}{_aligned(name, facts) if name else ''}" for literal, name in self._parts)

    def arguments(self, facts: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
        """Return the arguments of a record whose message is `template`."""
        return ({name: show(facts[name]) for name in self.names},) if self.names else ()


def _aligned(name: str, facts: Mapping[str, Any]) -> str:
    width, shown = FIELDS[name].width, show(facts[name])
    return shown.rjust(-width) if width < 0 else shown.ljust(width)


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Yield each field with the text before it; at the end a text without a field."""
    try:
        found = list(Formatter().parse(text))
    except ValueError as exc:
        raise ValueError(
            f"expected access_log_format with the names of fields in braces, got {text!r:.200}: {exc}"
        ) from None
    for literal, name, options, conversion in found:
        if name is not None and (name not in FIELDS or options or conversion):
            written = name + (f"!{conversion}" if conversion else "") + (f":{options}" if options else "")
            raise ValueError(f"expected access_log_format with fields of {', '.join(FIELDS)}, got {written!r:.200}")
        yield literal, name or ""
