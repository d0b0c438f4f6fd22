"""The command `sketch`: its version, invalid command lines, and `python -m sketch`."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from sketch.cli import main


@pytest.mark.parametrize(
    "arguments",
    [[], ["routes"], ["fly"], ["run", "a:b", "--port", "x"], ["run", "a:b", "--loop", "y"], ["run", "--work", "2"]],
)
def test_invalid_command_lines_show_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: sketch")


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("run --prot 9", "--prot: did you mean --port?"),
        ("run a:b --prot=9", "--prot=9: did you mean --port?"),
        ("run a:b --no-acess-log", "--no-acess-log: did you mean --no-access-log?"),
        ("run a:b --header-timeout 5", "--header-timeout 5: did you mean --limit-header-timeout?"),
        ("routes a:b --jsn", "--jsn: did you mean --json?"),
        ("run a:b c:d", "c:d"),
        ("run a:b --qqqq", "--qqqq"),
    ],
)
def test_a_flag_that_does_not_exist(line: str, advice: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(line.split())
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith(f" error: unrecognized arguments: {advice}\n")


def test_version(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sketch-web", "no-such-distribution"):
        monkeypatch.setattr("importlib.metadata.version", lambda _, name=name: cli_version(name))
        with pytest.raises(SystemExit) as caught:
            main(["--version"])
        assert caught.value.code == 0
        assert capsys.readouterr().out.startswith("sketch ")


def cli_version(name: str) -> str:
    if name == "sketch-web":
        return "1.2.3"
    raise PackageNotFoundError(name)


def test_module_runs_as_the_command(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "adapters")])}
    done = subprocess.run(
        [sys.executable, "-m", "sketch", "--version"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("sketch ")
