"""Conditions: the host and header fields that a route requires of a request, beside method and path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sketch.request import BaseRequest

HeaderCondition = str | re.Pattern[str] | bool
"""The exact value of a field, a regular expression for the whole value, or whether the field is present."""

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\]")


class Conditions:
    """The host and the header fields that a request must have.

    Args:
        host: a host name without port, in any case; `*.example.com` takes every name below `example.com`.
        headers: by name, the value, a regular expression for the whole value, True for any value, False for none.

    Raises:
        ValueError: for a malformed host name.
        TypeError: for a header condition of another type.
    """

    __slots__ = ("_headers", "_suffix", "headers", "host", "key")

    key: tuple[str, ...]
    """The conditions as text: equal keys accept the same requests."""

    def __init__(self, host: str | None, headers: Mapping[str, HeaderCondition] | None) -> None:
        if host is not None and not _HOST.fullmatch(host):
            raise ValueError(
                f"expected a host name without port, like 'example.com' or '*.example.com', got {host!r:.200}"
            )
        self.host = None if host is None else host.lower()
        self._suffix = self.host[1:] if self.host is not None and self.host.startswith("*.") else None
        self.headers = dict(headers or {})
        self._headers = [(name.lower(), _checked(name, wanted)) for name, wanted in self.headers.items()]
        self.key = tuple(sorted([*([] if host is None else [f"host={self.host}"]), *map(_described, self._headers)]))

    @property
    def order(self) -> tuple[int, bool, tuple[str, ...]]:
        """The sort key for trying routes: more conditions first, an exact host before a pattern, then by text."""
        return (-len(self.key), self._suffix is not None, self.key)

    def fit(self, request: BaseRequest) -> bool:
        """Whether a request meets all conditions."""
        if self.host is not None and not self._takes_host(_host_name(request.host)):
            return False
        return all(_fits(request.headers.getall(name, []), wanted) for name, wanted in self._headers)

    def _takes_host(self, host: str) -> bool:
        return host == self.host if self._suffix is None else host.endswith(self._suffix) and host != self._suffix

    def __repr__(self) -> str:
        return ", ".join(self.key)


def _checked(name: str, wanted: HeaderCondition) -> HeaderCondition:
    if not isinstance(wanted, str | bool | re.Pattern):
        raise TypeError(f"expected a str, a regular expression or a bool as condition for {name}, got {wanted!r:.200}")
    return wanted


def _described(condition: tuple[str, HeaderCondition]) -> str:
    name, wanted = condition
    return f"{name}={wanted.pattern!r}" if isinstance(wanted, re.Pattern) else f"{name}={wanted}"


def _host_name(authority: str) -> str:
    """Return the host name in lower case, without the port and the root's dot."""
    host = authority if authority.endswith("]") else re.sub(r":[0-9]*\Z", "", authority)
    return host.lower().removesuffix(".")


def _fits(values: list[str], wanted: HeaderCondition) -> bool:
    if isinstance(wanted, bool):
        return bool(values) is wanted
    if isinstance(wanted, str):
        return wanted in values
    return any(wanted.fullmatch(value) for value in values)
