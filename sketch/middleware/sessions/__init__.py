"""Sessions: what a visitor's earlier requests have left, in a signed cookie or in a store."""

from sketch.middleware.sessions.flashes import Flash, flash, flashed
from sketch.middleware.sessions.sessions import Sessions

__all__ = ["Flash", "Sessions", "flash", "flashed"]
