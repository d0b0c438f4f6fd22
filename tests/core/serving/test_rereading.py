"""What is read anew by an order, while the process serves on."""

from __future__ import annotations

import os
import signal

import pytest

from sketch.serving.options import ServeError
from sketch.serving.rereading import has_any, order_taken, reread, reread_all
from tests.support.requests import in_loop
from tests.support.scripts import until


def test_a_signal_to_reread_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "sketch")
    before = signal.getsignal(signal.SIGUSR1)
    with order_taken():
        os.kill(os.getpid(), signal.SIGUSR1)
    assert caplog.messages == ["SIGUSR1: there is nothing to reread"]
    assert signal.getsignal(signal.SIGUSR1) is before


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_an_application_may_have_a_use_for_that_signal(when: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "sketch")
    got: list[int] = []

    def handle(number: int, frame: object) -> None:
        got.append(number)

    before = signal.getsignal(signal.SIGUSR1)
    try:
        if when == "before":
            signal.signal(signal.SIGUSR1, handle)
        with order_taken():
            signal.signal(signal.SIGUSR1, handle)
            os.kill(os.getpid(), signal.SIGUSR1)
        assert signal.getsignal(signal.SIGUSR1) is handle
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (got, caplog.messages) == ([signal.SIGUSR1], [])


@in_loop
async def test_the_order_is_obeyed_in_the_event_loop(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "sketch")
    with order_taken(), reread("the certificate a.pem", list):
        os.kill(os.getpid(), signal.SIGUSR1)
        assert caplog.messages == []
        await until(lambda: caplog.messages)
    assert caplog.messages == ["SIGUSR1: reread the certificate a.pem"]
    assert not has_any()


def test_one_that_fails_does_not_keep_the_others_from_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "sketch")

    def refuse() -> None:
        raise ServeError("it is none")

    def fail() -> None:
        raise FileNotFoundError(2, "No such file", "b.pem")

    with reread("a", refuse), reread("b", fail), reread("c", list):
        reread_all("SIGHUP")
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("ERROR", "SIGHUP: a stays as it was: it is none"),
        ("ERROR", "SIGHUP: b stays as it was: [Errno 2] No such file: 'b.pem'"),
        ("INFO", "SIGHUP: reread c"),
    ]
