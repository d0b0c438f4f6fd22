"""The cookies that a test client keeps between requests."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from sketch.http.cookies import read_text
from sketch.testing.encoding import check_cookie

_AGE = re.compile(r"-?[0-9]+")


@dataclass(frozen=True, slots=True)
class _Cookie:
    value: str
    secure: bool = False
    host_only: bool = True
    expires: float | None = None
    """By `time.time()`; None for one that lasts as long as the client."""


@dataclass(frozen=True, slots=True)
class _Key:
    name: str
    domain: str
    path: str


class CookieJar(MutableMapping[str, str]):
    """The cookies of a client, a mapping from names to values: `client.cookies["theme"] = "dark"`.

    What the application sets is kept and sent back by a browser's rules of domain, path, `Secure` and expiry
    (RFC 6265bis section 5). A name that was set for several paths or domains has the value that was set first.

    Args:
        host: the host that cookies without a domain belong to.
    """

    def __init__(self, host: str = "testserver") -> None:
        self._host = host.lower()
        self._cookies: dict[_Key, _Cookie] = {}

    def set(self, name: str, value: str, *, path: str = "/", domain: str | None = None, secure: bool = False) -> None:
        """Keep a cookie as if the application had set it.

        Args:
            name, value: as they are sent.
            path: the path below which it is sent.
            domain: the domain below which it is sent; None for the client's host alone.
            secure: whether it is sent on HTTPS only.

        Raises:
            ValueError: for a name or value that no `Cookie` field can hold.
            TypeError: if one is not text.
        """
        check_cookie(name, value)
        key = _Key(name, (domain or self._host).lstrip(".").lower(), path)
        self._cookies[key] = _Cookie(value, secure, domain is None)

    def header(
        self, path: str, *, secure: bool, host: str | None = None, extra: Mapping[str, str] | None = None
    ) -> str:
        """The `Cookie` field for a path, the most specific cookie first; empty if none applies.

        Args:
            path: of the request, without its query.
            secure: whether it is sent on HTTPS.
            host: of the request, None for the client's.
            extra: cookies of this request alone, in place of those of the same names.
        """
        self._expire()
        host = (host or self._host).lower()
        fitting = [
            (key, cookie)
            for key, cookie in self._cookies.items()
            if _domain_matches(host, key.domain, cookie.host_only)
            and _path_matches(path, key.path)
            and (secure or not cookie.secure)
            and key.name not in (extra or {})
        ]
        fitting.sort(key=lambda item: -len(item[0].path))
        pairs = [(key.name, cookie.value) for key, cookie in fitting]
        return "; ".join(f"{name}={value}" for name, value in [*pairs, *(extra or {}).items()])

    def update_from(self, set_cookie: str, request_path: str, host: str | None = None) -> None:
        """Apply one `Set-Cookie` field, by the rules for browsers: an attribute that is malformed is ignored.

        Args:
            set_cookie: the field's value.
            request_path: the path of the request, the default for the cookie's.
            host: of the request, None for the client's. A cookie for a domain that it is not in is ignored.
        """
        pair, *rest = read_text(set_cookie).split(";")
        name, _, value = pair.partition("=")
        attributes = {key.strip().lower(): text.strip() for key, _, text in (part.partition("=") for part in rest)}
        host = (host or self._host).lower()
        domain = attributes.get("domain", "").lstrip(".").lower()
        if domain and not _domain_matches(host, domain, host_only=False):
            return
        path = attributes.get("path", "")
        if not path.startswith("/"):
            path = request_path.rpartition("/")[0] or "/"
        key = _Key(name.strip(), domain or host, path)
        self._cookies[key] = _Cookie(value.strip(), "secure" in attributes, not domain, _expires(attributes))
        self._expire()

    def _expire(self) -> None:
        now = time.time()
        for key, cookie in list(self._cookies.items()):
            if cookie.expires is not None and cookie.expires <= now:
                del self._cookies[key]

    def __getitem__(self, name: str) -> str:
        """The value of the cookie of a name, for any domain and path. Raises KeyError if there is none."""
        self._expire()
        for key, cookie in self._cookies.items():
            if key.name == name:
                return cookie.value
        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        """Keep a cookie for the client's host and all its paths: see `set`."""
        self.set(name, value)

    def __delitem__(self, name: str) -> None:
        """Forget the cookies of a name. Raises KeyError if there is none."""
        keys = [key for key in self._cookies if key.name == name]
        if not keys:
            raise KeyError(name)
        for key in keys:
            del self._cookies[key]

    def __iter__(self) -> Iterator[str]:
        self._expire()
        return iter({key.name: None for key in self._cookies})

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        return f"<CookieJar {', '.join(self)}>"


def _path_matches(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix if prefix.endswith("/") else prefix + "/")


def _domain_matches(host: str, domain: str, host_only: bool) -> bool:
    if host == domain:
        return True
    return not host_only and host.endswith(f".{domain}") and not host.replace(".", "").isdigit()


def _expires(attributes: dict[str, str]) -> float | None:
    """When a cookie expires. Max-Age wins over Expires (RFC 6265bis section 5.5); malformed, they count as absent."""
    age = attributes.get("max-age", "")
    if _AGE.fullmatch(age):
        return time.time() + max(-1, min(int(age[:12]), 34_560_000))  # browsers keep none for more than 400 days
    try:
        date = parsedate_to_datetime(attributes["expires"])
        return date.replace(tzinfo=date.tzinfo or UTC).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None
