"""SIGTERM as an exception."""

from __future__ import annotations

import signal

import pytest

from sketch.bench.ending import ending_in_order


def test_sigterm_becomes_system_exit() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as caught, ending_in_order():
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before
