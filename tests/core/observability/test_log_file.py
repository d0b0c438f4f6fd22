"""Log files: written without blocking, and opened anew."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import MemoryHandler
from pathlib import Path

import pytest

from sketch.observability.log_file import LogFile, log_files, lost_line, reopen_all


@contextmanager
def in_use(*handlers: logging.Handler) -> Iterator[None]:
    """While the block runs, loggers have these handlers."""
    logger = logging.getLogger("tests.files")
    behind = MemoryHandler(1, target=handlers[-1])
    logger.handlers = [*handlers[:-1], behind]
    try:
        yield
    finally:
        logger.handlers = []
        for handler in (*handlers, behind):
            handler.close()


def log(handler: logging.Handler, text: str) -> None:
    handler.handle(logging.LogRecord("shop", logging.WARNING, "", 0, text, (), None))
    handler.flush()


def test_files_are_opened_anew(tmp_path: Path) -> None:
    """Those of the standard library, too, and none is begun anew."""
    ours, theirs = LogFile(str(tmp_path / "ours")), logging.FileHandler(tmp_path / "theirs", mode="w")
    late = logging.FileHandler(tmp_path / "late", delay=True)
    with in_use(late, ours, theirs):
        assert {ours, theirs, late} <= {*log_files()}
        for handler in (ours, theirs):
            log(handler, "one")
        reopen_all()
        for name, handler in (("ours", ours), ("theirs", theirs)):
            log(handler, "two")
            assert len((tmp_path / name).read_text().splitlines()) == 2
            (tmp_path / name).rename(tmp_path / f"{name}.1")
            log(handler, "three")
        reopen_all()
        for name, handler in (("ours", ours), ("theirs", theirs)):
            log(handler, "four")
            assert (tmp_path / f"{name}.1").read_text().splitlines()[-1].endswith("three")
            assert (tmp_path / name).read_text().endswith("four\n")
        assert not (tmp_path / "late").exists()
    assert not {ours, theirs, late} & {*log_files()}


def test_a_file_that_cannot_be_opened_anew_stays_in_use(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    handlers = [LogFile(str(folder / "ours")), logging.FileHandler(folder / "theirs")]
    with in_use(*handlers):
        folder.rename(tmp_path / "moved")
        with pytest.raises(FileNotFoundError):
            reopen_all()
        for handler in handlers:
            log(handler, "goes on")
        for name in ("ours", "theirs"):
            assert "goes on" in (tmp_path / "moved" / name).read_text()


def test_lost_lines_are_told_in_the_handlers_format() -> None:
    handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    assert lost_line(handler, 3) == "sketch 3 log lines were lost: what takes the log is too slow, or takes no more\n"
    handler.setFormatter(logging.Formatter("%(status)s"))
    assert " WARNING sketch: 3 log lines were lost" in lost_line(handler, 3)


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LogFile(str(tmp_path / "no" / "file"))


def test_a_record_that_cannot_be_formatted_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handler = LogFile(str(tmp_path / "log"))
    try:
        handler.handle(logging.LogRecord("shop", logging.WARNING, "", 0, "%d", ("x",), None))
    finally:
        handler.close()
    assert "--- Logging error ---" in capsys.readouterr().err
