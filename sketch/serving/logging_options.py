"""What the options say of logging, done before the application is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from sketch.observability.log_file import log_files, reopen_all
from sketch.observability.logs import logger, show
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.rereading import reread


def set_up(options: ServeOptions) -> None:
    """Show what `sketch` logs as the options say. What the program sets up by itself later has its effect.

    Raises:
        ServeError: for a `log_config` that cannot be applied.
    """
    logger.setLevel(options.log_level.upper())
    show(options.log_format, options.access_log_format)
    if options.log_config is not None:
        from sketch.observability.log_config import LogConfigError, apply  # few programs have one

        try:
            apply(options.log_config)
        except LogConfigError as exc:
            raise ServeError(str(exc), "log_config") from None
        show()  # it may have removed our handler, or disabled our loggers


@contextmanager
def log_files_reopened() -> Iterator[None]:
    """While the block runs, open the log files anew at the order to reread, if the program has any at its begin."""
    with ExitStack() as stack:
        if log_files():
            stack.enter_context(reread("the log files", reopen_all))
        yield
