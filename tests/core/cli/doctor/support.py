"""Cases for the checks, and the names of what they find."""

from __future__ import annotations

from typing import Any

from sketch.cli.doctor.case import Case
from sketch.cli.doctor.checks import examine
from sketch.cli.doctor.finding import Finding
from sketch.cli.doctor.system import System
from sketch.serving.config import COMMAND_LINE, Config
from sketch.serving.options import ServeOptions

PUBLIC: dict[str, Any] = {"host": "0.0.0.0"}
QUIET = System(cpus=1)
"""A machine of which nothing is to be said."""


def case(*, app: Any = None, system: System = QUIET, source: str = COMMAND_LINE, **options: Any) -> Case:
    """A case with these options, given by a source."""
    config = Config()
    config.add({name: value for name, value in options.items() if name != "server_limits"}, source)
    return Case(config=config, options=ServeOptions(**options), app=app, system=system)


def found(case: Case, *ignored: str) -> dict[str, Finding]:
    """What the checks find, by name."""
    return {each.name: each for each in examine(case, frozenset(ignored))}
