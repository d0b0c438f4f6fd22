"""Limits on what a client may ask of a handler. A server has limits of its own for what precedes a request."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

KIB = 1024
MIB = 1024 * KIB

SLOWEST = 1000
"""Bytes per second that a client must send on average to be given more time than the body timeout."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of one request, set per application, group or route; a field left None is inherited.

    The defaults are `DEFAULT_LIMITS`. To lift a bound on purpose, give a large number.

    Raises:
        ValueError: for a value that is not a number from 0 on.
    """

    body: int | None = None
    """Bytes of request body, counted after transfer decoding. More is 413. Default 16 MiB: room for a photograph."""
    body_timeout: float | None = None
    """Seconds that a handler waits for a body, all its waits together. More is 408. A client that sends at least 1,000
    bytes a second is given more time: a large upload may be slow, but may not trickle. Default 30."""
    handler_timeout: float | None = None
    """Seconds that a handler may take until it returns its response. More is 503, and the handler is cancelled. No
    default: only you know which of your handlers are slow."""
    write_timeout: float | None = None
    """Seconds that a response waits for a client that reads nothing; then the connection is cut. Default 30."""
    query_fields: int | None = None
    """Fields of a query string. More is 400. Default 1,000: parsing is linear, but memory per field is not small."""

    form_fields: int | None = None
    """Fields of a form that are not files. More is 413. Default 1,000."""
    form_files: int | None = None
    """Files of a form. More is 413. Default 100."""
    form_field_size: int | None = None
    """Bytes of one field, or of a part that is read as a whole. More is 413. Default 1 MiB."""
    form_file_size: int | None = None
    """Bytes of one file. More is 413. No default but `body`, which counts everything."""
    form_header_size: int | None = None
    """Bytes of the header fields of one part. More is 413. Default 4 KiB: a long file name, percent-encoded."""
    form_memory: int | None = None
    """Bytes that a form keeps in memory: all its fields (more is 413), and as many small files as there is room for.
    Default 4 MiB."""
    form_file_memory: int | None = None
    """Bytes of a file that stays in memory; a larger one is written to a temporary file. Default 1 MiB."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if value is not None and not (number and value >= 0):
                raise ValueError(f"expected {each.name} as a number from 0 on, or None, got {value!r:.200}")

    def over(self, outer: Limits) -> Limits:
        """These limits, with each None taken from `outer`."""
        given = {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}
        return replace(outer, **given)

    @staticmethod
    def check(limits: object) -> None:
        """Refuse an argument that is neither limits nor None.

        Raises:
            TypeError: for anything but limits and None.
        """
        if limits is not None and not isinstance(limits, Limits):
            raise TypeError(f"expected limits as Limits(...), got {limits!r:.200}")


DEFAULT_LIMITS = Limits(
    body=16 * MIB,
    body_timeout=30.0,
    write_timeout=30.0,
    query_fields=1000,
    form_fields=1000,
    form_files=100,
    form_field_size=MIB,
    form_header_size=4 * KIB,
    form_memory=4 * MIB,
    form_file_memory=MIB,
)
