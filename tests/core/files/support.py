"""Files that are opened for a response, and applications that answer with one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sketch.application import Application
from sketch.files.opened import Taken
from sketch.files.response import FileResponse
from sketch.response import Response
from sketch.transport import SMALL_FILE

MTIME = 784_111_777  # Sun, 06 Nov 1994 08:49:37 GMT


class Opened:
    """Every file that a test opens through FileResponse, and every body that was closed."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.closed: list[Any] = []

    @property
    def bodies(self) -> list[Any]:
        """The bodies that hold an open file, in the order of opening."""
        return [one.body for one in self.taken if not isinstance(one.body, bytes)]


def descriptors() -> list[str]:
    """The tests' files that this process has open (Linux)."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(entry.readlink()))
        except FileNotFoundError:  # the listing itself
            continue
    return [name for name in found if name.endswith(("page.html", "large.bin"))]


def closing(close: Callable[[Any], None], closed: list[Any]) -> Callable[[Any], None]:
    def close_and_note(body: Any) -> None:
        closed.append(body)
        close(body)

    return close_and_note


LARGE = 10 * (SMALL_FILE // 10 + 1)
PARTS = [(b"range", b"bytes=0-1,70-71")]


def serving(handler: Callable[..., Awaitable[Any]], **options: Any) -> Application:
    app = Application(**options)
    app.add_route(("GET", "POST"), "/", handler)
    return app


def one_file(path: Path, **options: Any) -> Callable[[], Awaitable[Response]]:
    response = FileResponse(path, **options)

    async def handler() -> Response:
        return response

    return handler
