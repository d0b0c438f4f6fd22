"""The close codes of websockets (RFC 6455 section 7.4), and the exception of a websocket that has ended."""

from __future__ import annotations

# Codes of RFC 6455 section 7.4 and of the IANA registry that an endpoint may send. 1004, 1005, 1006 and 1015 are
# never sent: they stand for a missing code.
NORMAL, GOING_AWAY, UNSUPPORTED, INVALID, TOO_BIG, INTERNAL_ERROR, RESTART = 1000, 1001, 1003, 1007, 1009, 1011, 1012
NO_CODE, ABNORMAL = 1005, 1006
_SENDABLE = frozenset((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014))
_LONGEST_REASON = 123


class WebSocketDisconnected(ConnectionError):
    """Raised by operations on a websocket that has ended.

    Args:
        code: the close code (RFC 6455 section 7.4) of the side that closed first; 1005 if the peer sent none, 1006 if
            the connection broke off without a closing handshake.
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
    """Check that a close frame may hold a code and a reason.

    Raises:
        ValueError: for a code that may not be sent, or a reason of more than 123 bytes.
        TypeError: for a code that is no int, or a reason that is no str.
    """
    if not isinstance(code, int):
        raise TypeError(f"expected a close code of int, got {code!r:.200}")
    if not isinstance(reason, str):
        raise TypeError(f"expected a reason of str, got {reason!r:.200}")
    if not is_close_code(code):
        raise ValueError(f"expected a close code that may be sent (RFC 6455 section 7.4), got {code!r:.200}")
    if len(reason.encode()) > _LONGEST_REASON:
        raise ValueError(f"expected a reason of at most {_LONGEST_REASON} bytes in UTF-8, got {reason!r:.200}")
