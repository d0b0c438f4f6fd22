"""What is running: server, event loop, versions, and which extras are installed."""

from __future__ import annotations

import asyncio
import platform
import sys
from dataclasses import dataclass
from importlib import metadata

from sketch.request import Request


@dataclass(frozen=True, slots=True)
class Extra:
    """An optional package: the extra that installs it, what it gives and how, its version (None: not installed)."""

    package: str
    extra: str
    gives: str
    how: str
    version: str | None


_EXTRAS = (
    ("uvloop", "fast", "A faster event loop, taken by itself:", "loop='auto'"),
    ("orjson", "fast", "Faster JSON:", "Application(json='orjson')"),
    ("websockets", "websockets", "Websockets on its own server:", "@app.websocket('/chat/{room}')"),
    ("uvicorn", "uvicorn", "This page on another server:", "sketch demo --server uvicorn"),
    ("hypercorn", "hypercorn", "This page on another server:", "sketch demo --server hypercorn"),
    ("granian", "granian", "This page on another server:", "sketch demo --server granian"),
)


def version_of(package: str) -> str | None:
    """The version of an installed distribution, None if there is none. Imports nothing."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def extras() -> list[Extra]:
    """The optional packages that the page shows."""
    return [Extra(*row, version=version_of(row[0])) for row in _EXTRAS]


def server_name(request: Request) -> str:
    """The name of the server, judged by the request's connection.

    An ASGI server does not say its name; it is known if exactly one of those that sketch can start is loaded.
    """
    adapter = type(request.connection).__module__.partition(".")[0]
    if adapter == "sketch_native":
        return "native"
    if adapter == "sketch_asgi":
        loaded = [name for name in ("uvicorn", "hypercorn", "granian") if name in sys.modules]
        return loaded[0] if len(loaded) == 1 else "an ASGI server"
    if adapter == "sketch_rsgi":
        return "granian"
    return "in memory"


def event_loop() -> str:
    """The package of the running event loop: `asyncio` or `uvloop`."""
    modules = [kind.__module__.partition(".")[0] for kind in type(asyncio.get_running_loop()).__mro__]
    return next(module for module in modules if module in ("asyncio", "uvloop"))


def running(request: Request) -> dict[str, str]:
    """The facts that the page and `/json` show."""
    return {
        "server": server_name(request),
        "event loop": event_loop(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sketch": version_of("sketch-web") or "a checkout",
        "httptools": version_of("httptools") or "missing",
        "multidict": version_of("multidict") or "missing",
        "yarl": version_of("yarl") or "missing",
    }
