"""A backend that another package adds, applications to serve, and the error line of a failed run."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from sketch.application import Application
from sketch.serving.options import ServeOptions
from sketch.serving.run import run_app

HERE = "tests.core.serving.support"
app = Application()


def create_app() -> Application:
    return Application("made")


class Recorder:
    """A backend that another package adds."""

    options = frozenset({"host", "port", "backlog"})
    runs: ClassVar[list[tuple[Any, ServeOptions]]] = []
    code = 0

    def run(self, app: Application, options: ServeOptions) -> int:
        self.runs.append((app, options))
        return self.code


def failure(capsys: pytest.CaptureFixture[str], target: Any = app, **options: Any) -> str:
    """The line on stderr of a run that must fail with code 1."""
    with pytest.raises(SystemExit) as caught:
        run_app(target, **options)
    assert caught.value.code == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert output.err.count("\n") == 1
    return output.err[7:-1]


async def foreign(scope: Any, receive: Any, send: Any) -> None:
    """A foreign ASGI application."""
