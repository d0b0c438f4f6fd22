"""Options of `ServeOptions` as flags."""

from __future__ import annotations

from typing import Any

from sketch.cli import main


def test_flags_are_the_options(calls: list[Any]) -> None:
    line = "run a:b --host h --port 1 --server uvicorn --loop asyncio --root-path /r --no-access-log --log-level error"
    line += " --debug --shutdown-timeout 1.5 --ssl-certfile c --ssl-keyfile k --uds s --backlog 5 --workers 2 --reload"
    main(line.split())
    assert calls[0][1] == {
        "host": "h", "port": 1, "server": "uvicorn", "loop": "asyncio", "root_path": "/r", "access_log": False,
        "log_level": "error", "debug": True, "shutdown_timeout": 1.5, "ssl_certfile": "c", "ssl_keyfile": "k",
        "uds": "s", "backlog": 5, "workers": 2, "reload": True,
    }  # fmt: skip
