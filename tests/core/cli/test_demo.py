"""`sketch demo`: which application it serves."""

from __future__ import annotations

from typing import Any

from sketch.cli import main


def test_demo(calls: list[Any]) -> None:
    main(["demo", "--port", "0", "--server", "granian", "--host", "::1"])
    assert calls == [("sketch.demo:app", {"port": 0, "server": "granian", "host": "::1"})]
