"""The logger `sketch` of a program that serves: shown on stderr for as long as the program does not log by itself."""

from __future__ import annotations

import logging
import sys

logger = logging.getLogger("sketch")


class FallbackHandler(logging.StreamHandler):  # type: ignore[type-arg]  # generic for type checkers only
    """Writes a record to stderr, unless another handler gets it, too.

    It looks at each record: a program may set up its logging when it is imported, in a startup hook, or later.
    """

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, if nothing else does."""
        if not handled(record.name):
            super().emit(record)


def show() -> None:
    """Show what `sketch` logs, until something else handles it."""
    if not any(isinstance(handler, FallbackHandler) for handler in logger.handlers):
        logger.addHandler(FallbackHandler())


def handled(name: str = "sketch") -> bool:
    """Whether the program itself handles the records of the logger with this name."""
    node: logging.Logger | None = logging.getLogger(name)
    while node is not None:
        if any(not isinstance(handler, FallbackHandler) for handler in node.handlers):
            return True
        node = node.parent if node.propagate else None
    return False


def tell(line: str) -> None:
    """Log a line at level INFO if the program handles it, else print it to stderr as it is."""
    if handled():
        logger.info(line)
    else:
        print(line, file=sys.stderr, flush=True)
