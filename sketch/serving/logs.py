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
    enable()
    if not any(isinstance(handler, FallbackHandler) for handler in logger.handlers):
        logger.addHandler(FallbackHandler())


def enable() -> None:
    """Enable the loggers of `sketch` again if all of them are disabled.

    `dictConfig()` and `fileConfig()` disable the loggers that they do not name, unless they are told not to. Then no
    error would be seen. A logger that a program disables by itself stays so, as the others are not.
    """
    known = list(logger.manager.loggerDict.items())
    ours = [node for name, node in known if f"{name}.".startswith("sketch.") and isinstance(node, logging.Logger)]
    if all(node.disabled for node in ours):
        for node in ours:
            node.disabled = False


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
    enable()  # a startup hook may have set up logging
    if handled():
        logger.info(line)
    else:
        print(line, file=sys.stderr, flush=True)
