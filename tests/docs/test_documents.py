"""Every code block of the documents is executed: Python as Python, servers as servers, commands as commands."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from itertools import takewhile
from pathlib import Path
from types import CodeType

import pytest

from tests.docs.documents import ROOT, Block, Command, blocks, commands, documents
from tests.support.programs import Program, free_port, script, serving

ALL = [block for path in documents() for block in blocks(path)]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]

# Blocks that show something and do nothing, by document: how many there may be.
NOT_RUN = {
    "CONTRIBUTING.md": 2,
    "adapters/README.md": 1,
    "docs/howto/applications.md": 1,
    "docs/howto/asgi.md": 1,
    "docs/howto/serving.md": 3,
    "docs/logs.md": 1,
    "docs/deploying/balancers.md": 1,
    "docs/deploying/containers.md": 2,
    "docs/deploying/platforms.md": 1,
    "docs/deploying/systemd.md": 1,
}

OF_OTHERS = ("dockerfile", "ini", "nginx", "yaml")
"""Languages of files that other programs read."""

PATIENCE = 120
"""Seconds that one command may take: a block of commands that start servers takes long on a busy machine."""


def of(language: str) -> list[Block]:
    return [block for block in ALL if block.language == language and "not run" not in block.marks]


def before(block: Block) -> list[Block]:
    """The blocks above in the same document."""
    return [other for other in ALL if other.document == block.document and other.line < block.line]


@pytest.fixture
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A directory with the files that the document has given so far."""
    block: Block = request.getfixturevalue("block")
    for other in [*before(block), block]:
        if "file" in other.marks:
            file = tmp_path / other.marks["file"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(other.text)
    return tmp_path


def test_every_block_has_a_way_to_be_run() -> None:
    assert len(ALL) > 10
    assert {block.language for block in ALL} <= {"python", "console", "sh", "text", "toml", "html", *OF_OTHERS}
    not_run: dict[str, int] = {}
    for block in ALL:
        assert set(block.marks) <= {"file", "continues", "not run", "run", "tried"}, block
        assert block.language != "sh" or "run" in block.marks, f"{block}: write it as a console block"
        assert block.language not in ("toml", "html") or "file" in block.marks, f"{block}: name the file"
        assert block.language != "text" or "not run" in block.marks, f"{block}: say why it is not run"
        assert block.language not in OF_OTHERS or block.marks.keys() & {"tried", "not run"}, f"{block}: name its test"
        assert "tried" not in block.marks or (ROOT / block.marks["tried"]).exists(), f"{block}: there is no such test"
        if "not run" in block.marks:
            assert block.marks["not run"], f"{block}: say why it is not run"
            not_run[block.document] = not_run.get(block.document, 0) + 1
    assert not_run == NOT_RUN


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as they are shown on the web."""
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "", path.read_text())
    titles = re.findall(r"(?m)^#+ (.+)$", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_links_lead_somewhere() -> None:
    for path in documents():
        prose = re.sub(r"(?s)```.*?```|`[^`\n]*`", "", path.read_text())
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", prose):
            other = path.parent / target if target else path
            assert other.exists(), f"{path.relative_to(ROOT)} links to {target}"
            assert not anchor or anchor in anchors(other), f"{path.relative_to(ROOT)} links to {target}#{anchor}"


# -- Python -----------------------------------------------------------------------------------------------------------


def chain(block: Block) -> list[Block]:
    """The block with those that it continues."""
    if "continues" not in block.marks:
        return [block]
    (*_, last) = (other for other in before(block) if other.language == "python")
    return [*chain(last), block]


def compiled(block: Block) -> CodeType:
    """The block as code; its tracebacks show the document's lines, and `await` is allowed at the top level."""
    text = "\n" * block.line + block.text
    return compile(text, str(ROOT / block.document), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


@pytest.mark.parametrize("block", of("python"), ids=str)
def test_python(block: Block, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace)
    monkeypatch.syspath_prepend(workspace)
    namespace: dict[str, object] = {"__name__": "document", "__file__": str(workspace / "document.py")}

    async def run() -> None:
        for one in chain(block):
            result = eval(compiled(one), namespace)
            if inspect.isawaitable(result):
                await result

    known = set(sys.modules)
    try:
        asyncio.run(run())
    finally:
        for name in set(sys.modules) - known:
            if (workspace / f"{name}.py").exists():
                del sys.modules[name]


# -- commands ---------------------------------------------------------------------------------------------------------

SERVERS = ("sketch run", "sketch demo", "uvicorn", "hypercorn", "granian", "python")


def is_server(line: str) -> bool:
    return line.startswith(SERVERS) and "pytest" not in line and "--print-config" not in line


def server_command(line: str, port: int) -> list[str]:
    """A command of a document, adapted to this environment and to a free port."""
    words = shlex.split(re.sub(r"\b8080\b", str(port), line))
    if words[0] == "python":
        patch = "import runpy, sketch.serving.run as s; from functools import partial as p; r = s.run_app; "
        patch += f"import sketch; sketch.run_app = s.run_app = p(r, port={port}); "
        return [sys.executable, "-c", f"{patch}runpy.run_path({words[1]!r}, run_name='__main__')"]
    if str(port) not in " ".join(words):
        words += ["--bind", f"127.0.0.1:{port}"] if words[0] == "hypercorn" else ["--port", str(port)]
    return [*script(words[0]), *words[1:]]


def last_request(block: Block) -> Command:
    """The last request that the document has shown, for servers that are shown without one."""
    found = [
        command
        for other in [*before(block), block]
        if other.language == "console"
        for command in commands(other)
        if command.line.startswith("curl")
    ]
    assert found, f"{block}: expected a curl command above, to ask the server something"
    return found[-1]


def check_output(command: Command, output: str) -> None:
    """Compare with what the document shows; `...` stands for anything."""
    wanted = command.output.strip().replace("[", "[[]").replace("?", "[?]").replace("*", "[*]").replace("...", "*")
    assert fnmatch(output.replace("\r", "").strip(), wanted), f"$ {command.line}\n{output}"


def ask(command: Command, server: Program, cwd: Path) -> None:
    """Run a curl command against the server."""
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    words = [word.replace("127.0.0.1:8080", f"127.0.0.1:{server.port}") for word in shlex.split(command.line)]
    done = subprocess.run(
        [*words, "--silent", "--show-error"], cwd=cwd, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, f"$ {command.line}\n{done.stderr}\n{server.output}"
    check_output(command, done.stdout)


def check_pip(line: str) -> None:
    """Check that the extras and packages of a `pip install` exist, without installing them."""
    for name, extras in re.findall(r"'?([\w.-]+)\[([\w,]+)\]'?", line):
        assert name in ("sketch-web", "."), line
        assert set(extras.split(",")) <= set(EXTRAS), line
    for name in re.findall(r"--group (\w+)", line):
        assert name in PROJECT["dependency-groups"], line


def run_other(command: Command, cwd: Path) -> None:
    """A command that ends by itself."""
    words = shlex.split(command.line)
    variables = dict(word.split("=", 1) for word in takewhile(lambda word: "=" in word, words))
    words = words[len(variables) :]
    assert words[0] in ("pytest", "sketch"), f"$ {command.line}: no way to run this is known"
    # The options of the run itself, coverage for one, are not those of a pytest that a document starts.
    given = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"} | variables
    done = subprocess.run(
        [*script(words[0]), *words[1:]], cwd=cwd, env=given, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, f"$ {command.line}\n{done.stdout}{done.stderr}"
    check_output(command, done.stdout)


def run_server(block: Block, command: Command, requests: list[Command], cwd: Path) -> None:
    port = free_port()
    with serving(server_command(command.line, port), port, cwd, cwd / "server.log") as server:
        for request in requests or [last_request(block)]:
            ask(request, server, cwd)
        status = server.stop()
    # Other programs end by the signal itself, as their own command lines do.
    assert status == 0 or not command.line.startswith(("sketch", "python")), server.output


@pytest.mark.timeout(PATIENCE * 3)
@pytest.mark.parametrize("block", of("console"), ids=str)
def test_console(block: Block, workspace: Path) -> None:
    waiting = commands(block)
    assert waiting, f"{block}: expected lines that start with $"
    while waiting:
        command = waiting.pop(0)
        if is_server(command.line):
            requests = []
            while waiting and waiting[0].line.startswith("curl"):
                requests.append(waiting.pop(0))
            run_server(block, command, requests, workspace)
        elif command.line.startswith("pip install"):
            check_pip(command.line)
        else:
            run_other(command, workspace)


# -- the README's two commands ----------------------------------------------------------------------------------------


@pytest.mark.extended
@pytest.mark.timeout(PATIENCE * 2)
def test_type_checkers_accept_the_tutorial(tmp_path: Path) -> None:
    files = {block.marks["file"]: block.text for block in ALL if block.document == "docs/tutorial.md" and block.marks}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache"), *files],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": f"{ROOT}:{ROOT / 'adapters'}"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stdout.startswith(f"Success: no issues found in {len(files)} source files"), done.stdout + done.stderr


def test_readme_has_exactly_two_commands() -> None:
    (demo, tests) = (block for block in ALL if block.language == "sh")
    assert (demo.marks["run"], tests.marks["run"]) == ("demo", "tests")
    for block in (demo, tests):
        steps = block.text.strip().split(" && ")
        assert "\n" not in block.text.strip()
        assert steps[0] == "python3 -m venv .venv"
        for step in steps[1:-1]:
            assert step.startswith(".venv/bin/pip install ")
            check_pip(step)
    assert demo.text.strip().endswith("&& .venv/bin/sketch demo")
    assert tests.text.strip().endswith("&& .venv/bin/pytest -n 4 --dist worksteal")


@pytest.mark.parametrize("name", ["demo", "tests"])
def test_ci_runs_the_commands_of_the_readme(name: str) -> None:
    (block,) = (block for block in ALL if block.marks.get("run") == name)
    source = (ROOT / ".ci" / "run").read_text()
    (function,) = re.findall(r"(?ms)^readme_command\(\) \{\n.*?^\}\n", source)
    done = subprocess.run(["bash", "-c", f"{function}readme_command {name}"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == block.text.strip()
    assert f"{name}=$(readme_command {name})" in source


def test_ci_runs_the_commands_as_they_are_written() -> None:
    source = (ROOT / ".ci" / "run").read_text()
    assert 'bash -euo pipefail -c "$tests"' in source
    assert "command=$demo\n" in source
    assert 'python3 -m tests.newcomer "$command"' in source
