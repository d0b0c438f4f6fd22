"""Values of users in messages are cut: `{value!r:.200}`. A whole database in a log line helps nobody."""

from __future__ import annotations

import re
from pathlib import Path

import sketch

WHOLE = re.compile(r"got .*\{[^{}]+!r\}")
ROOMS = (
    "channels", "errors", "files", "http", "jsoncodec", "lifecycle", "middleware", "pipeline", "request", "routing",
    "stores", "streams", "testing", "websocket", "application.py", "exceptions.py", "keys.py", "limits.py",
    "redirects.py", "response.py", "results.py", "transport.py",
)  # fmt: skip
"""What takes values of any size. The list only grows."""


def test_values_in_messages_are_cut() -> None:
    core = Path(sketch.__path__[0])
    modules = [path for room in ROOMS for path in ((core / room).rglob("*.py") if "." not in room else [core / room])]
    assert len(modules) > 40
    lines = [f"{path.name}: {line}" for path in modules for line in path.read_text("utf-8").splitlines()]
    assert [line for line in lines if WHOLE.search(line)] == []
