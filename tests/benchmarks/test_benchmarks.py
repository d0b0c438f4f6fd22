"""The project's own benchmarks: complete, honest about what is missing, and able to run."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import binding, bodies, callgrind, inprocess, instructions, latency, realistic, report, routing, workers
from benchmarks.__main__ import GROUPS, OTHERS, main
from benchmarks.cases import NETWORK
from benchmarks.contestants import CONTESTANTS, ROOT
from benchmarks.outcome import Outcome, Result
from benchmarks.sections import SECTIONS
from benchmarks.settings import ENVIRONMENT
from sketch.bench import Answer, BenchError, Figures, Sample

pytestmark = pytest.mark.extended

PEERS = ROOT / "benchmarks" / "peers"


def present(*modules: str) -> bool:
    return all(importlib.util.find_spec(name) for name in modules)


def some_outcome() -> Outcome:
    """A made-up outcome of a run."""
    about = {
        "date": "2026-01-02", "processor": "2 x a <fast> one", "system": "Linux", "python": "CPython", "cores": "two",
        "method": "carefully", "versions": {"sketch-web": "1.0"},
    }  # fmt: skip
    figures = {name: Figures.of([Sample(100, 1.0, cpu, cpu / 2, 0.001, None, 9, 5)]) for name, cpu in
               (("floor", 4.0), ("sketch", 10.0), ("aiohttp", 25.0), ("quart", 300.0))}  # fmt: skip
    text = Result("text", "plain text", "microseconds", skipped={"robyn": "does not start"})
    text.add_figures(figures)
    calls = Result("inprocess-text", "ASGI call", "microseconds too")
    calls.add_samples({"uvicorn-bare": [1.0, 3.0, 2.0], "sketch": [4.0], "falcon": []})
    return Outcome(about, {"text": text, "inprocess-text": calls})


def test_every_contestant_has_its_application() -> None:
    assert {one.module for one in CONTESTANTS.values()} == {
        path.stem for path in PEERS.glob("*.py") if path.stem not in ("__init__", "__main__", "hosted", "serving")
    }
    assert {one.kind for one in CONTESTANTS.values()} == {"ours", "peer", "floor"}


def test_peers_do_not_pay_for_sketch() -> None:
    code = "import sys, benchmarks.work, benchmarks.peers.__main__, benchmarks.peers.serving; "
    code += "sys.exit(any(name.partition('.')[0] == 'sketch' for name in sys.modules))"
    environment = {**os.environ, "COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_invalid_arguments_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--seconds", "0.1"], ["--rounds", "0"], ["--only", "nobody"], ["--case", "nothing"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        assert "usage: python -m benchmarks" in capsys.readouterr().err


def test_versions_are_pinned() -> None:
    lines = (ROOT / "benchmarks" / "requirements.txt").read_text().splitlines()
    pins = {line.partition("==")[0].lower() for line in lines if not line.startswith("#")}
    assert all("==" in line for line in lines if not line.startswith("#"))
    assert pins >= {"aiohttp", "starlette", "fastapi", "granian", "socketify", "uvloop", "matplotlib"}


def test_cases_check_the_answers() -> None:
    echo, text = NETWORK["echo"], NETWORK["text"]
    echo.check(Answer(200, "", json.dumps(json.loads(echo.load.body), indent=4).encode()))
    for case, answer, reason in (
        (text, Answer(404, "", text.body), "answers 404"),
        (text, Answer(200, "", b"Hello, Wurld!"), "is expected"),
        (echo, Answer(200, "", b"{}"), "is expected"),
    ):
        with pytest.raises(BenchError, match=reason):
            case.check(answer)


def test_ten_headers_are_ten() -> None:
    assert len(NETWORK["headers"].load.headers) + 1 == 10  # Host comes with every request


def test_list_has_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    lines = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert lines >= {*CONTESTANTS, *GROUPS["all"]}


def test_missing_tool_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main([]) == 1
    assert capsys.readouterr().err == "error: wrk is not installed (Debian: apt-get install wrk)\n"


def test_outcome_is_read_as_it_was_written(tmp_path: Path) -> None:
    outcome = some_outcome()
    outcome.write(tmp_path / "it.json")
    assert Outcome.read(tmp_path / "it.json").as_json() == json.loads(json.dumps(outcome.as_json()))


def test_tables() -> None:
    outcome = some_outcome()
    assert outcome.results["inprocess-text"].values == {"uvicorn-bare": 2.0, "sketch": 4.0}
    text = report.text(outcome)
    assert text.index("floor  ") < text.index("sketch  ") < text.index("aiohttp  ")
    assert "skipped: robyn: does not start" in text
    table = report.markdown(outcome).splitlines()
    assert "| floor | 4.0 |" in table
    user = table[table.index("Of these, user time, without the kernel's part:") :]
    assert "| aiohttp | 12.5 |" in user
    assert "| **sketch** | **10.0** |" in table  # the floor does not race
    assert "| aiohttp | 25.0 |" in table
    assert "| quart | 300 |" in table
    assert "| uvicorn-bare | 2.0 |" in table
    assert "| **sketch** | **4.0** |" in table  # nor does the bare function
    assert [line for line in table if line.startswith("#")] == [
        "### What a request costs the server", "### What an ASGI call costs, without a server",
    ]  # fmt: skip
    assert "- robyn has no figure for plain text: does not start" in table


def test_every_case_has_its_place() -> None:
    shown = [case for section in SECTIONS for case in section.cases]
    assert len(shown) == len(set(shown))
    several = {"inprocess", "instructions", "latency", "workers"}
    assert set(shown) == {
        *NETWORK,
        *(OTHERS.keys() - several),
        *(f"inprocess-{name}" for name in inprocess.CASES),
        *(f"calls-{name}" for name in inprocess.CASES),
        *(f"instructions-{name}" for name in instructions.CASES),
        *(f"half-{name}" for name in latency.TITLES),
        *(f"workers-{count}" for count in workers.COUNTS),
    }


def test_readme_has_a_place_for_the_table() -> None:
    document = report.README.read_text()
    changed = report.with_table(document, "NEW")
    assert changed.count(report.BEGIN) == changed.count(report.END) == 1
    assert report.with_table(changed, "OTHER").replace("OTHER", "NEW") == changed
    assert "## What each change was measured to win" in changed


@pytest.mark.skipif(not present("matplotlib"), reason="no matplotlib here: only the benchmarks' environment has it")
def test_pictures(tmp_path: Path) -> None:
    from benchmarks import pictures

    drawn = {path.name: path.stat().st_size for path in pictures.draw(some_outcome(), tmp_path)}
    assert set(drawn) == {f"{name}.{suffix}" for name in ("cpu", "inprocess") for suffix in ("svg", "png")}
    assert min(drawn.values()) > 5000


@pytest.mark.long
@pytest.mark.skipif(not present("uvloop", "orjson"), reason="needs uvloop and orjson: pip install 'sketch-web[fast]'")
@pytest.mark.skipif(shutil.which("wrk") is None, reason="no wrk here (Debian: apt-get install wrk)")
def test_real_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "README", tmp_path / "untouched" / "README.md")
    cases = [f"--case={name}" for name in ("text", "echo", "file-64k", "stream", "middlewares")]
    limits = ["--only=floor", "--only=sketch", "--seconds=0.25", "--rounds=1", "--json"]
    assert main([*cases, *limits, f"--output={tmp_path}"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["results"]) == {one.partition("=")[2] for one in cases}
    for name, result in found["results"].items():
        assert result["skipped"] == {}, name
        assert set(result["values"]) == ({"floor", "sketch"} if name == "text" else {"sketch"})
        assert result["more"]["sketch"]["rate"] > 10
    assert json.loads((tmp_path / report.DATA).read_text()) == found
    assert (tmp_path / report.TABLE).exists()


@pytest.mark.skipif(not present("uvloop", "orjson"), reason="needs uvloop and orjson: pip install 'sketch-web[fast]'")
def test_call_without_a_server(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(inprocess, "CALLS", 20)
    monkeypatch.setattr(inprocess, "WARM_UP", 1)
    inprocess.main("sketch")
    found = json.loads(capsys.readouterr().out)
    assert set(found) == set(inprocess.CASES)
    assert all(0 < value < 10_000 for value in found.values())


@pytest.mark.parametrize("name", ["sketch", "by hand"])
def test_typed_handlers_are_measured(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`measure` compares each answer with the right one."""
    monkeypatch.setattr(inprocess, "CALLS", 5)
    monkeypatch.setattr(inprocess, "WARM_UP", 1)
    figures = asyncio.run(inprocess.measure(binding.FRAMEWORKS[name](), binding.CASES))
    assert set(figures) == set(binding.CASES)
    assert all(value > 0 for value in figures.values())


def test_table_of_typed_handlers() -> None:
    """Ratios are those of a round: the speed of the machine changes between rounds."""
    rounds = [dict.fromkeys(binding.CASES, value) for value in (10.0, 20.0, 12.0)]
    peer = [dict.fromkeys(binding.CASES, value) for value in (20.0, 40.0, 48.0)]
    lines = binding.table({"sketch": rounds, "litestar": peer}).splitlines()
    assert lines[0] == "|  | path, query, header | JSON body | JSON body, pydantic |"
    assert lines[2:] == ["| sketch | 12.0 | 12.0 | 12.0 |", "| litestar | 40.0 (0.50) | 40.0 (0.50) | 40.0 (0.50) |"]


def test_what_cannot_be_measured_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **options: object) -> str:
        raise BenchError("answers 500")

    monkeypatch.setattr(binding, "run_pinned", broken)
    assert binding.run(["litestar"], 3) == ({}, {"litestar": "answers 500"})


@pytest.mark.skipif(not callgrind.available(), reason="instructions cannot be counted here: no valgrind, or no x86-64")
@pytest.mark.timeout(300)
def test_parts_of_a_program_are_counted() -> None:
    code = """
from benchmarks.callgrind import part
for count in (1_000, 100_000):
    with part():
        for _ in range(count):
            pass
print("done")
"""
    (few, many), printed = callgrind.count([sys.executable, "-c", code], environment=ENVIRONMENT)
    assert printed == "done\n"
    assert 100_000 * 20 < many < few * 110


def test_part_without_valgrind_does_nothing() -> None:
    if not callgrind.available():
        pytest.skip("instructions cannot be counted here: no valgrind, or no x86-64")
    with callgrind.part():
        assert callgrind._teller()(0) == 0


def test_users_take_turns() -> None:
    load = NETWORK["rotating"].load
    assert len(load.rotated) == len(set(load.rotated)) == 61
    assert all(len(fields) + 1 == 10 for fields in load.rotated)


@pytest.mark.skipif(not present("uvloop", "orjson"), reason="needs uvloop and orjson: pip install 'sketch-web[fast]'")
@pytest.mark.parametrize("name", ["sketch", "starlette", "fastapi"])
def test_realistic_request_is_the_same_everywhere(name: str) -> None:
    """`look` as an ASGI call; the middlewares refuse a request without the token."""
    case = NETWORK["realistic"]
    app = getattr(realistic, name)()
    case.check(asyncio.run(inprocess.look(app, case)))
    fields = tuple(field for field in case.load.headers if field[0] != "Authorization")
    refused = replace(case, load=replace(case.load, headers=fields))
    assert asyncio.run(inprocess.look(app, refused)).status == 401


def test_call_without_a_server_says_why_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    if not present("uvloop", "orjson"):
        pytest.skip("needs uvloop and orjson: pip install 'sketch-web[fast]'")
    from benchmarks.peers import sketch

    def broken(variant: object) -> object:
        async def app(*_: object) -> None:
            raise ZeroDivisionError

        return app

    monkeypatch.setattr(sketch, "make", broken)
    with pytest.raises(ZeroDivisionError):
        inprocess.main("sketch")


def test_routers_are_asked_for_routes_that_they_have() -> None:
    """`measure` compares each answer with the right one."""
    figures = asyncio.run(routing.measure("sketch", 10))
    assert set(figures) == set(routing.LOOKUPS)
    assert all(value > 0 for value in figures.values())


def test_table_of_look_ups() -> None:
    figures = {
        "sketch": {count: dict.fromkeys(routing.LOOKUPS, 0.5 * (1 + i)) for i, count in enumerate(routing.COUNTS)}
    }
    assert "| text | sketch | 0.50 | 1.00 | 1.50 | 2.00 | 4.0 x |" in routing.table(figures).splitlines()


@pytest.mark.skipif(not present("uvicorn"), reason="needs uvicorn: pip install 'sketch-web[uvicorn]'")
def test_large_bodies(capsys: pytest.CaptureFixture[str]) -> None:
    """Run with small sizes; results over the bounds are named."""
    servers = ["native-asyncio", "uvicorn"]
    found = bodies.run(servers, list(bodies.BODIES), 20 * bodies.MIB)
    assert set(found) == {(body, server) for body in bodies.BODIES for server in servers}
    assert all(one.cpu > 0 and one.seconds > 0 and one.growth < 40 for one in found.values())
    assert "native-asyncio" in bodies.text(found)
    slow = bodies.Outcome(growth=41.0, lag=0.0, cpu=1.0, seconds=1.0)
    assert bodies.over({("download", "uvicorn"): slow, ("download", "granian"): slow}) == [
        "download on uvicorn: 41.0 MiB, 0.0 ms"
    ]
