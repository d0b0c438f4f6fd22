"""`sketch bench`: a real measurement, short; and its mistakes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sketch.bench.backends import Comparison
from sketch.cli import main
from tests.core.bench.programs import gone
from tests.core.bench.support import needs_wrk

APP = """
from sketch import Application, Response
app = Application()

@app.post("/double")
async def double(request):
    return Response(2 * await request.read(), headers={"X-Seen": request.headers["X-Seen"]})
"""


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with an application; `python -m sketch` runs this checkout there."""
    (tmp_path / "measureme.py").write_text(APP)
    root = Path(__file__).parents[3]
    monkeypatch.chdir(tmp_path)
    path = [root, root / "adapters"] if (root / "sketch").exists() else []
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, path)))


def bench(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["bench", *arguments])
    output = capsys.readouterr()
    return code, output.out, output.err


SHORT = ("--seconds", "0.8", "--rounds", "1", "--connections", "4")


@needs_wrk
def test_real_measurement(measured: None, capsys: pytest.CaptureFixture[str]) -> None:
    code, output, errors = bench(
        capsys, "measureme:app", *SHORT, "--server", "native", "--server", "uvicorn", "--json",
        "--path", "/double", "--method", "POST", "--body", "ab", "--header", "X-Seen: yes",
    )  # fmt: skip
    assert (code, errors) == (0, "")
    found = json.loads(output)
    assert set(found["servers"]) == {"native", "uvicorn"}
    for figures in found["servers"].values():
        assert figures["rate"] > 10
        assert 1 < figures["cpu"] < 100_000
        assert 0 < figures["p50"] <= figures["p99"]
        assert figures["rss"] >= figures["pss"] > 2**20
    assert (found["refused"], found["differing"]) == ({}, [])
    assert found["about"]["connections"] == 4


@needs_wrk
def test_what_cannot_be_measured_is_named(measured: None, capsys: pytest.CaptureFixture[str]) -> None:
    code, output, errors = bench(
        capsys, "measureme:app", *SHORT, "--server", "native", "--server", "apache", "--path", "/nowhere"
    )
    assert code == 1
    assert "GET /nowhere, 4 connections" in output
    assert errors.splitlines() == [
        "not measured: apache: does not start: expected a server of granian, hypercorn, native, uvicorn, got 'apache'",
        "not measured: native: expected an answer of success, got 404",
    ]


@needs_wrk
def test_servers_are_ended(
    measured: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import sketch.bench.backends as module

    served: list[int] = []
    monkeypatch.setattr(module, "measure", lambda programs, *_, **__: served.extend(one.pid for one in programs) or {})
    arguments = ["measureme:app", "--server", "native", "--path", "/double", "--method", "POST", "--header", "X-Seen:1"]
    bench(capsys, *arguments)
    assert len(served) == 1
    assert all(map(gone, served))


def test_wrk_missing(measured: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SystemExit) as caught:
        bench(capsys, "measureme:app")
    assert caught.value.code == 1
    assert capsys.readouterr().err == "error: wrk is not installed (Debian: apt-get install wrk)\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--seconds", "0"], "expected 0.25 to 3600, got '0'"),
        (["--rounds", "0"], "expected 1 or more, got '0'"),
        (["--connections", "many"], "invalid _positive value: 'many'"),
        (["--header", "nothing"], "expected NAME:VALUE, got 'nothing'"),
        (["--loop", "fast"], "invalid choice: 'fast'"),
    ],
)
def test_mistakes(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["bench", "a:b", *arguments])
    assert caught.value.code == 2
    assert reason in capsys.readouterr().err


def test_different_answers_are_a_warning(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import sketch.bench.backends as module

    def compare(app: str, servers: list[str], load: Any, **options: Any) -> Comparison:
        assert servers == ["native", "uvicorn", "hypercorn", "granian"]
        about = {"versions": {}, "rounds": 1, "seconds": 1.0, "processor": "", "system": "", "python": "", "cores": ""}
        return Comparison(load, about, differing=["granian"])

    monkeypatch.setattr(module, "compare_backends", compare)
    code, _, errors = bench(capsys, "a:b")
    assert code == 1
    assert errors == "warning: these answer something else: granian\n"
