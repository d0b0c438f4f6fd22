"""A file for dictConfig."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from sketch.observability import log_config
from sketch.observability.log_config import LogConfigError, apply, read

CONFIG: dict[str, Any] = {"loggers": {"tests.some": {"level": "ERROR"}}}
FILES = {
    ".toml": '[loggers."tests.some"]\nlevel = "ERROR"\n',
    ".json": json.dumps(CONFIG),
    ".yaml": "loggers:\n  tests.some:\n    level: ERROR\n",
    ".YML": "loggers: {tests.some: {level: ERROR}}",
}


@pytest.fixture
def other() -> Any:
    """A logger that the files do not name; what dictConfig does to the handlers is undone."""
    before, closers = logging._handlerList[:], logging._handlers.copy()
    yield logging.getLogger("tests.other")
    logging._handlerList[:] = before
    logging._handlers.update(closers)


@pytest.mark.parametrize("ending", FILES)
def test_forms(ending: str, tmp_path: Path) -> None:
    if ending.lower() in (".yaml", ".yml"):
        pytest.importorskip("yaml")
    path = tmp_path / f"logs{ending}"
    path.write_text(FILES[ending])
    assert read(str(path)) == CONFIG


def test_it_is_applied(tmp_path: Path, other: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(log_config.logging.config, "dictConfig", given.append)
    (tmp_path / "logs.json").write_text(json.dumps({**CONFIG, "disable_existing_loggers": True}))
    (tmp_path / "logs.toml").write_text(FILES[".toml"])
    apply(str(tmp_path / "logs.json"))
    apply(str(tmp_path / "logs.toml"))
    assert given == [
        {"version": 1, "disable_existing_loggers": True, **CONFIG},
        {"version": 1, "disable_existing_loggers": False, **CONFIG},
    ]


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("logs.ini", "", "expected log_config as a file .toml, .json, .yaml, .yml, got"),
        ("none.toml", None, "cannot read .*none.toml: No such file or directory"),
        ("logs.toml", "a =", "cannot read .*logs.toml: Invalid value"),
        ("logs.json", "[1]", r"expected a table in .*logs.json, got \[1\]"),
        ("logs.json", "\xff", "cannot read .*logs.json: 'utf-8' codec"),
        ("logs.json", '{"version": 2}', "cannot configure logging by .*: Unsupported version: 2"),
        (
            "logs.json",
            '{"handlers": {"file": {"class": "logging.FileHandler", "filename": "/no/such/folder"}}}',
            "Unable to configure handler 'file': FileNotFoundError: .*No such file",
        ),
    ],
)
def test_what_cannot_be_used(name: str, text: str | None, fault: str, tmp_path: Path, other: logging.Logger) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="latin-1")
    with pytest.raises(LogConfigError, match=fault) as caught:
        apply(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_yaml_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    (tmp_path / "logs.yaml").write_text("{}")
    with pytest.raises(LogConfigError, match="needs the package PyYAML: pip install pyyaml; TOML and JSON need none"):
        read(str(tmp_path / "logs.yaml"))
