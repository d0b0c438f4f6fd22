"""Close codes of RFC 6455 section 7.4: which may be sent, and the exception that carries one."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from sketch.websocket.close_codes import ABNORMAL, WebSocketDisconnected, check_close, is_close_code


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 4999])
def test_codes_that_a_frame_may_hold(code: int) -> None:
    assert is_close_code(code)
    check_close(code, "")


@pytest.mark.parametrize("code", [-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000])
def test_codes_that_no_frame_may_hold(code: int) -> None:
    assert not is_close_code(code)
    with pytest.raises(ValueError, match=f"expected a close code that may be sent .*, got {code}"):
        check_close(code, "")


def test_a_reason_is_measured_in_bytes() -> None:
    check_close(1000, "x" * 123)
    for reason in ("x" * 124, "ü" * 62):
        with pytest.raises(ValueError, match="expected a reason of at most 123 bytes in UTF-8"):
            check_close(1000, reason)


@pytest.mark.parametrize(("code", "reason"), [("1000", ""), (1000.0, ""), (None, ""), (1000, b"x"), (1000, None)])
def test_values_of_other_types(code: Any, reason: Any) -> None:
    with pytest.raises(TypeError, match=r"expected a (close code of int|reason of str), got "):
        check_close(code, reason)


def test_the_exception_says_how_the_websocket_ended() -> None:
    assert str(WebSocketDisconnected(1001)) == "the websocket has ended with 1001"
    error = WebSocketDisconnected(4000, "so")
    assert str(error) == "the websocket has ended with 4000: so"
    assert isinstance(error, ConnectionError)
    same = pickle.loads(pickle.dumps(error))
    assert (same.code, same.reason) == (4000, "so")
    assert (WebSocketDisconnected().code, WebSocketDisconnected().reason) == (ABNORMAL, "")
