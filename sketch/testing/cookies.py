"""The cookies that a test client keeps between requests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from sketch.http.cookies import read_text


@dataclass(frozen=True, slots=True)
class _Cookie:
    value: str
    secure: bool


class CookieJar:
    """Cookies of one origin, by name and path (RFC 6265bis section 5.6, without domains: there is one host)."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str], _Cookie] = {}

    def set(self, name: str, value: str, *, path: str = "/", secure: bool = False) -> None:
        """Keep a cookie as if the application had set it."""
        self._cookies[name, path] = _Cookie(value, secure)

    def get(self, name: str) -> str | None:
        """The value of a cookie of that name, for any path; None if there is none."""
        return next((cookie.value for (key, _), cookie in self._cookies.items() if key == name), None)

    def clear(self) -> None:
        """Forget all cookies."""
        self._cookies.clear()

    def header(self, path: str, *, secure: bool) -> str:
        """The `Cookie` field for a path, the most specific cookie first; empty if none applies."""
        fitting = [
            (key, cookie)
            for key, cookie in self._cookies.items()
            if _path_matches(path, key[1]) and (secure or not cookie.secure)
        ]
        fitting.sort(key=lambda item: -len(item[0][1]))
        return "; ".join(f"{name}={cookie.value}" for (name, _), cookie in fitting)

    def update(self, set_cookie: str, request_path: str) -> None:
        """Apply one `Set-Cookie` field."""
        pair, *rest = read_text(set_cookie).split(";")
        name, _, value = pair.partition("=")
        attributes = {key.strip().lower(): text.strip() for key, _, text in (part.partition("=") for part in rest)}
        path = attributes.get("path", "")
        if not path.startswith("/"):
            path = request_path.rpartition("/")[0] or "/"
        key = (name.strip(), path)
        if _expired(attributes):
            self._cookies.pop(key, None)
        else:
            self._cookies[key] = _Cookie(value.strip(), "secure" in attributes)

    def __iter__(self) -> Iterator[str]:
        return iter({name: None for name, _ in self._cookies})

    def __len__(self) -> int:
        return len(self._cookies)

    def __repr__(self) -> str:
        return f"<CookieJar {', '.join(f'{name}={cookie.value}' for (name, _), cookie in self._cookies.items())}>"


def _path_matches(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix if prefix.endswith("/") else prefix + "/")


def _expired(attributes: dict[str, str]) -> bool:
    """Whether a cookie has expired. Max-Age wins over Expires (RFC 6265bis section 5.5).

    Ages in the future are not counted down: tests are short.
    """
    if "max-age" in attributes:
        return int(attributes["max-age"]) <= 0
    if "expires" in attributes:
        return parsedate_to_datetime(attributes["expires"]).timestamp() <= time.time()
    return False
