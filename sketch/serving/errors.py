"""Why an application cannot be served."""

from __future__ import annotations


class ServeError(Exception):
    """Raised when an application cannot be served; the message tells the user why, in one line.

    Args:
        message: what is expected, and what was given.
        names: the options that it is about, `app` for the application.
    """

    def __init__(self, message: str, *names: str) -> None:
        super().__init__(message)
        self.names = names


class OptionError(ServeError):
    """Raised for the value of an option that no backend could honour."""
