"""How a websocket ends: the codes of RFC 6455 section 7.4, and the one exception."""

from __future__ import annotations

# Codes of RFC 6455 section 7.4 and of the IANA registry that an endpoint may send. 1004, 1005, 1006 and 1015 are no
# codes but ways to say that there was none.
NORMAL, GOING_AWAY, UNSUPPORTED, INVALID, TOO_BIG, INTERNAL_ERROR, RESTART = 1000, 1001, 1003, 1007, 1009, 1011, 1012
NO_CODE, ABNORMAL = 1005, 1006
_SENDABLE = frozenset((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014))
_LONGEST_REASON = 123


class WebSocketDisconnected(ConnectionError):
    """The websocket has ended. Raised by whatever is done with it from then on.

    Args:
        code: of RFC 6455 section 7.4, from whichever side closed first; 1005 where the peer gave none, 1006 where the
            connection broke off without a closing handshake.
        reason: the text that came with the code.
    """

    def __init__(self, code: int = ABNORMAL, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"the websocket has ended with {self.code}" + (f": {self.reason}" if self.reason else "")


def is_close_code(code: int) -> bool:
    """Whether a close frame may hold that code (RFC 6455 section 7.4)."""
    return code in _SENDABLE or 3000 <= code <= 4999


def check_close(code: int, reason: str) -> None:
    """Raise for what no close frame may hold.

    Raises:
        ValueError: for a code that may not be sent, or a longer reason.
        TypeError: for what is no number, or no text.
    """
    if not isinstance(code, int):
        raise TypeError(f"expected a close code of int, got {code!r}")
    if not isinstance(reason, str):
        raise TypeError(f"expected a reason of str, got {reason!r}")
    if not is_close_code(code):
        raise ValueError(f"expected a close code that may be sent (RFC 6455 section 7.4), got {code!r}")
    if len(reason.encode()) > _LONGEST_REASON:
        raise ValueError(f"expected a reason of at most {_LONGEST_REASON} bytes in UTF-8, got {reason!r}")
