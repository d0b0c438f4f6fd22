"""schemathesis reads the documents, makes requests of them, and holds the answers against them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.test_examples import EXAMPLES
from tests.support.programs import free_port, script, serving

pytest.importorskip("schemathesis")

ROOT = Path(__file__).parents[2]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)


class Subject(NamedTuple):
    """An application, and how much of it is asked for what.

    Args:
        app: its import string.
        directory: where it is imported.
        options: for schemathesis.
    """

    app: str
    directory: Path
    options: tuple[str, ...]


SUBJECTS = {
    "example": Subject("teashop:app", EXAMPLES, ("--header", "Authorization: Bearer leaf", "--max-examples", "10")),
    # Its other routes fail, wait, or stream without end, each on purpose.
    "contract": Subject(
        "tests.contract.typed_app:app", ROOT, ("--include-path-regex", "^/typed/", "--max-examples", "3")
    ),
}


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.parametrize("server", ["native", "uvicorn"])
@pytest.mark.parametrize("name", SUBJECTS)
def test_every_answer_is_as_the_document_says(name: str, server: str, tmp_path: Path) -> None:
    app, directory, options = SUBJECTS[name]
    port = free_port()
    run = [*script("sketch"), "run", app, "--port", str(port), "--server", server, "--no-access-log"]
    with serving(run, port, directory, tmp_path / "log") as program:
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{program.url}/openapi.json"]
        limits = ["--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--seed", "1"]
        limits += ["--generation-database", "none", "--no-color", "--request-timeout", "20"]
        done = subprocess.run([*command, *limits, *options], capture_output=True, text=True, timeout=220, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert "generated, " in done.stdout
        assert program.stop() == 0, program.output
