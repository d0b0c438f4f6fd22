"""The launcher of granian: waiting for its native threads, which Python does not list."""

from __future__ import annotations

import _thread
import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic

import pytest

from sketch_asgi.launchers import granian
from sketch_asgi.launchers.granian import native_threads_ended

BOUND = 20.0


@contextmanager
def unknown_thread() -> Iterator[threading.Event]:
    """A thread that `threading` does not know. It ends once the event is set, at the latest with the block."""
    told, ended = threading.Event(), threading.Event()

    def run() -> None:
        told.wait(BOUND)
        ended.set()

    _thread.start_new_thread(run, ())
    yield told
    told.set()
    assert ended.wait(BOUND)


def test_threads_started_inside_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(granian, "THREADS_END", BOUND)
    looks = 0
    look = granian._native_threads

    def counted() -> set[str]:
        nonlocal looks
        looks += 1
        if looks == 3:
            told.set()
        return look()

    monkeypatch.setattr(granian, "_native_threads", counted)
    before = look()
    began = monotonic()
    with ExitStack() as stack:
        with native_threads_ended():
            told = stack.enter_context(unknown_thread())
        assert look() <= before
        assert looks >= 3
        assert monotonic() - began < BOUND


def test_the_wait_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(granian, "THREADS_END", 0.02)
    before = granian._native_threads()
    with ExitStack() as stack:
        with native_threads_ended():
            stack.enter_context(unknown_thread())
        assert granian._native_threads() - before


def test_other_threads_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(granian, "THREADS_END", BOUND)
    began = monotonic()
    told = threading.Event()
    known = threading.Thread(target=told.wait, args=(BOUND,))
    with unknown_thread(), native_threads_ended():
        known.start()
    assert monotonic() - began < BOUND / 2
    told.set()
    known.join()


def test_without_a_list_of_threads_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: str) -> list[str]:
        raise FileNotFoundError(path)

    monkeypatch.setattr(granian.os, "listdir", fail)
    assert granian._native_threads() == set()


# -- its log ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Application callable raised an exception\nTraceback (most recent call last):\nCancelledError: \n", False),
        ("Application callable raised an exception\nTraceback (most recent call last):\nValueError: no\n", True),
        ("Unexpected exit from worker-1", True),
    ],
)
def test_what_a_stop_has_cancelled_is_no_error_of_the_application(message: str, shown: bool) -> None:
    record = logging.LogRecord("_granian.asgi.callbacks", logging.ERROR, "", 0, message, (), None)
    assert granian._is_true(record) is shown
