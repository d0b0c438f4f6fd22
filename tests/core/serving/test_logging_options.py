"""What the options say of logging."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from sketch.observability import logs
from sketch.observability.log_file import LogFile
from sketch.serving import logging_options, rereading
from sketch.serving.logging_options import log_files_reopened, set_up
from sketch.serving.options import OptionError, ServeError, ServeOptions
from tests.core.observability.test_logs import alone


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "fallback", None)
    monkeypatch.setattr(logs, "_chosen", ("auto", None))


def test_they_are_set_up(kept: None) -> None:
    with alone() as logger:
        set_up(ServeOptions(log_level="error", log_format="json", access_log_format="{status}"))
        assert logger.level == logging.ERROR
        assert logs.fallback is not None
        assert (logs.fallback.as_json, logs.fallback.access_format.text) == (True, "{status}")


def test_a_file_that_cannot_be_used_is_a_clear_error(kept: None, tmp_path: Path) -> None:
    with alone(), pytest.raises(ServeError, match=r"cannot read .*none\.toml: No such file") as caught:
        set_up(ServeOptions(log_config=str(tmp_path / "none.toml")))
    assert caught.value.names == ("log_config",)


def test_log_files_are_reloaded_if_there_are_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging_options, "log_files", list)
    with log_files_reopened():
        assert not rereading.has_any()
    file = LogFile(str(tmp_path / "log"))
    monkeypatch.undo()
    logging.getLogger("tests.file").addHandler(file)
    try:
        with log_files_reopened():
            assert rereading.has_any()
            (tmp_path / "log").unlink()
            rereading.reread_all("SIGUSR1")
            assert (tmp_path / "log").exists()
        assert not rereading.has_any()
    finally:
        logging.getLogger("tests.file").removeHandler(file)
        file.close()


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"log_format": "xml"}, "expected a log format of auto, text, json, got 'xml'"),
        ({"access_log_format": "{nope}"}, "with fields of client, method, .*, got 'nope'"),
        ({"access_log_format": 7}, "expected access_log_format as text, got 7"),
        ({"log_config": ""}, "expected log_config as a path, got ''"),
    ],
)
def test_what_is_no_option(options: dict[str, Any], fault: str) -> None:
    with pytest.raises(OptionError, match=fault) as caught:
        ServeOptions(**options)
    assert caught.value.names == tuple(options)
