"""`sketch doctor` as a command: it takes the options of `sketch run`, and starts nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sketch.cli import main
from sketch.cli.doctor.checks import CHECKS

ROOT = Path(__file__).parents[4]
SHOP = """
from sketch import Application
app = Application()
app.on_startup.append(lambda: 1 / 0)
"""


def test_a_program_reads_what_would_run(tmp_path: Path) -> None:
    """In a process of its own: what an import loads and prints is seen there alone."""
    (tmp_path / "shop.py").write_text(f"{SHOP}\nprint('imported')\n")
    (tmp_path / "pyproject.toml").write_text("[tool.sketch]\napp = 'shop:app'\ndebug = true")
    done = subprocess.run(
        [sys.executable, "-m", "sketch", "doctor", "--json", "--workers", "2"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/adapters", "SKETCH_HOST": "0.0.0.0"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr == "imported\n"
    told = json.loads(done.stdout)
    assert told["server"] | {"loop": ""} == {
        "name": "native",
        "loop": "",
        "workers": 2,
        "processes": 2,
        "places": ["0.0.0.0:8080"],
    }
    sources = {each["name"]: each["source"] for each in told["options"]}
    assert sources == {"debug": "pyproject.toml", "host": "SKETCH_HOST", "workers": "the command line"}
    (error,) = (each for each in told["findings"] if each["severity"] == "error")
    assert error["name"] == "debug-in-public"
    assert error["text"].endswith("(debug is from pyproject.toml)")


@pytest.mark.usefixtures("loaded_here")
def test_findings_that_are_ignored_do_not_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    line = ["doctor", "shop:app", "--host", "0.0.0.0", "--debug"]
    assert main(line) == 2
    others = [flag for each in CHECKS for flag in ("--ignore", each.name)]
    assert main([*line, *others]) == 0
    assert capsys.readouterr().out.endswith("Findings\n  none\n")


def test_a_name_that_no_finding_has_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["doctor", "--ignore", "debug-public"])
    assert caught.value.code == 2
    message = "error: expected the name of a finding to ignore, got 'debug-public': did you mean debug-in-public?\n"
    assert capsys.readouterr().err == message


def test_flags_that_cannot_be_read_are_errors_of_the_command_line() -> None:
    with pytest.raises(SystemExit) as caught:
        main(["doctor", "--port", "many"])
    assert caught.value.code == 2
