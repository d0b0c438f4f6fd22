"""Reads what `sketch run` would run: the configuration from all its sources, and the application."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from sketch.cli.doctor.application import is_sketch
from sketch.cli.doctor.case import Case
from sketch.cli.doctor.finding import Fault
from sketch.cli.doctor.system import System
from sketch.serving.config import Config, read_config
from sketch.serving.discovery import find_app, nothing_found
from sketch.serving.failures import describe
from sketch.serving.loading import load_app
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.run import check_workers, prepare

logger = logging.getLogger("sketch")


def read_case(
    flags: Mapping[str, Any], environment: Mapping[str, str], folder: Path, unset: Sequence[str], system: System
) -> Case:
    """Read what `sketch run` would run in a folder. The application is loaded and not started.

    Args:
        flags: what the command line says, the import string as `app`.
        environment: the environment variables.
        folder: the working directory.
        unset: options for which only the command line counts.
        system: the machine.
    """
    with warnings_kept() as unknown:
        config, options, faults = _read_options(flags, environment, folder, unset)
    app, app_faults = _load(config.app, options)
    return Case(
        config=config,
        options=options,
        app=app,
        system=system,
        faults=faults,
        unknown=unknown,
        app_faults=app_faults if config.app or not faults else (),
    )


# -- the configuration ------------------------------------------------------------------------------------------------


@contextmanager
def warnings_kept() -> Iterator[list[str]]:
    """Yield a list that takes what `sketch` warns of while the block runs, in place of the log."""
    kept: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(record.getMessage())

    keeper, propagate = Keeper(logging.WARNING), logger.propagate
    logger.addHandler(keeper)
    logger.propagate = False
    try:
        yield kept
    finally:
        logger.removeHandler(keeper)
        logger.propagate = propagate


def _read_options(
    flags: Mapping[str, Any], environment: Mapping[str, str], folder: Path, unset: Sequence[str]
) -> tuple[Config, ServeOptions, list[Fault]]:
    config = Config()
    try:
        config = read_config(flags, environment, folder, unset)
        options = ServeOptions(**config.given())
        found = None if config.app else find_app(folder)
    except ServeError as exc:
        if "app" in flags and config.app is None:
            config.add({"app": flags["app"]}, "the command line")
        return config, ServeOptions(), [Fault(str(exc), _SAME)]
    except Exception as exc:  # of another package's server
        return config, ServeOptions(), [Fault(f"the server cannot be loaded: {describe(exc)}", _SAME)]
    if found is not None:
        config.add({"app": found.string}, found.file)
    return config, options, []


# -- the application --------------------------------------------------------------------------------------------------


def _load(string: str | None, options: ServeOptions) -> tuple[Any, list[Fault]]:
    """Load an application. Returns None and the reasons if it could not be served."""
    try:
        if string is None:
            raise nothing_found(Path.cwd())
        with redirect_stdout(sys.stderr):  # what its modules print is no part of the output
            app: Any = load_app(string)
        if is_sketch(app):
            app.freeze()
        if options.workers is not None:
            check_workers(string, options)
        prepare(app, options)
    except ServeError as exc:
        return None, [Fault(str(exc), _SAME, ("app",))]
    except KeyboardInterrupt:
        raise
    except BaseException as exc:  # whatever its modules raise, SystemExit for one
        text = f"{string} cannot be loaded: {describe(exc)}"
        return None, [Fault(text, "correct it; `sketch run` shows the traceback", ("app",))]
    return app, []


_SAME = "correct it: `sketch run` stops with the same line"
