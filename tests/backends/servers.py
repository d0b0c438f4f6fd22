"""The servers that can serve an application, by their own commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.support.programs import Program, free_port

ROOT = Path(__file__).parents[2]

APP = "tests.backends.app:app"
COMMANDS = {
    "native": "tests.native.conformance.target PORT asyncio FOLDER",
    "uvicorn": "uvicorn --http httptools --port PORT --timeout-keep-alive 5 --log-level critical APP",
    "uvicorn, h11": "uvicorn --http h11 --port PORT --timeout-keep-alive 5 --log-level critical APP",
    "hypercorn": "hypercorn --bind 127.0.0.1:PORT --keep-alive 5 --error-logfile /dev/null APP",
    "granian, ASGI": "granian --interface asgi --port PORT --no-log --loop asyncio APP",
    "granian, RSGI": "granian --interface rsgi --port PORT --no-log --loop asyncio APP",
    "peregrine": "peregrine --protocol asgi --port PORT --log-level error APP",
    "daphne": "daphne --port PORT --verbosity 0 APP",
    "gunicorn": "gunicorn --worker-class asgi --bind 127.0.0.1:PORT --keep-alive 5 --log-level critical APP",
}
"""By name: a module and its arguments."""
PACKAGES = {"native": "sketch-web", "peregrine": "peregrine-server"}


def found(name: str) -> str | None:
    """The version of a server's package; None if it is not installed."""
    package = PACKAGES.get(name, name.partition(",")[0])
    try:
        return version(package)
    except PackageNotFoundError:
        return "of this checkout" if name == "native" else None


@contextmanager
def running(name: str, folder: Path) -> Iterator[Program]:
    """Serve the application of the conformance cases."""
    port = free_port()
    words = (
        COMMANDS[name]
        .replace("PORT", str(port))
        .replace("FOLDER", str(folder))
        .replace("APP", "tests.backends.app:app")
    )
    path = os.pathsep.join([str(ROOT), str(ROOT / "adapters"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {"PYTHONPATH": path, "CONFORMANCE_FOLDER": str(folder)}
    command = [sys.executable, "-m", *words.split()]
    program = Program(command, port, ROOT, folder / f"{port}.log", environment)
    try:
        program.wait_until_it_listens()
        yield program
    finally:
        program.kill()
