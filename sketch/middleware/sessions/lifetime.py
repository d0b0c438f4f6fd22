"""How long sessions last."""

from __future__ import annotations

from math import inf, isfinite
from typing import NamedTuple

from sketch.request.session_state import KeptSession

_SKEW = 300
"""Seconds by which the clocks of two servers may differ."""

_RENEWED = 10


class Lifetime(NamedTuple):
    """How long sessions last, in seconds."""

    idle: float
    """Without use."""
    whole: float
    """From their begin."""

    def left(self, began: float, used: float, now: float) -> float:
        """Return the seconds that a session has left; none for one from the future, which no server here has made."""
        if began > now + _SKEW or used > now + _SKEW:
            return 0
        return min(used + self.idle, began + self.whole) - now

    def alive(self, session: KeptSession, now: float) -> KeptSession | None:
        """Return a session that has not ended, else None."""
        return session if self.left(session.began, session.used, now) > 0 else None

    def is_due(self, used: float, now: float) -> bool:
        """Whether the use of a session has to be noted, by a new cookie: once a tenth of the idle time has passed."""
        return now - used >= self.idle / _RENEWED


def check_lifetime(idle: float | None, whole: float | None) -> Lifetime:
    """Make a lifetime of what is given; None is no end.

    Raises:
        ValueError: for a time that is not at least a second, and for none at all.
    """
    for name, seconds in (("idle", idle), ("lifetime", whole)):
        if seconds is not None and not (isinstance(seconds, int | float) and isfinite(seconds) and seconds >= 1):
            raise ValueError(f"expected {name} as a number of seconds, at least 1, got {seconds!r:.200}")
    if idle is None and whole is None:
        raise ValueError("expected sessions with an end, got idle=None and lifetime=None: a stolen one would never end")
    return Lifetime(inf if idle is None else idle, inf if whole is None else whole)
