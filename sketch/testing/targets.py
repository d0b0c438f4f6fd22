"""Turns what a test gives as an address into a request target: a path, a relative reference, a URL of the origin."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from yarl import URL

from sketch.testing.encoding import Params, encode_params

Path = str | bytes | URL
"""A path with a query if wanted, a relative reference (`"./x/"`, `"?a=1"`), or a URL of the client's origin.
`bytes` are sent as they are."""

_UNSAFE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"
_QUERY_SAFE = _PATH_SAFE + "?"
_RELATIVE = ("./", "../", "?", "#")
_SCHEMES = {"ws": "http", "wss": "https"}
_PORTS = {"http": 80, "https": 443}


class Origin:
    """Scheme and host of a client: what URLs are compared with, and relative references are resolved against.

    Args:
        base_url: such as `http://testserver`.

    Raises:
        ValueError: for a URL without a scheme of HTTP or without a host, or with more than these.
    """

    def __init__(self, base_url: str | URL) -> None:
        text = str(base_url)
        url = urlsplit(text if text.isascii() else str(URL(text)))  # an international host as clients look it up
        more = "@" in url.netloc or url.path not in ("", "/") or url.query or url.fragment
        if url.scheme not in _PORTS or not url.hostname or more:
            raise ValueError(f"expected a base_url like 'http://host', got {text!r:.200}")
        self.scheme = url.scheme
        self.authority = url.netloc
        self.host = url.hostname
        self.port = url.port or _PORTS[url.scheme]

    @property
    def secure(self) -> bool:
        """Whether it is HTTPS."""
        return self.scheme == "https"

    def url(self, target: bytes) -> URL:
        """The URL of a request target."""
        text = target.decode("latin-1")
        path, mark, query = ("/" if text == "*" else text).partition("?")
        encoded = _encoded(path, _PATH_SAFE, "latin-1") + mark + _encoded(query, _QUERY_SAFE, "latin-1")
        return URL(f"{self.scheme}://{self.authority}{encoded}", encoded=True)

    def has(self, text: str) -> bool:
        """Whether an absolute URL is one of this origin. The schemes of websockets count as those of HTTP."""
        try:
            url = urlsplit(text)
            scheme = _SCHEMES.get(url.scheme, url.scheme)
            return (scheme, url.hostname, url.port or _PORTS.get(scheme)) == (self.scheme, self.host, self.port)
        except ValueError:  # a port that is no number
            return False

    def target(self, path: Path, params: Params = None, *, last: bytes = b"/") -> bytes:
        """The request target of what a test has given: unsafe characters percent-encoded, the fragment dropped.

        Args:
            path: see `Path`.
            params: query fields to add.
            last: the target before, against which relative references are resolved.

        Raises:
            ValueError: for a URL of another origin, and for a path that begins neither with `/` nor as a reference.
        """
        if isinstance(path, bytes):
            return _with_query(path, params)
        if not isinstance(path, str | URL):
            raise TypeError(f"expected a path of str, bytes or yarl.URL, got {path!r:.200}")
        text = str(path)
        if _is_absolute(text):
            if not self.has(text):
                raise ValueError(f"expected a path, or a URL of {self.scheme}://{self.authority}, got {text!r:.200}")
            text = _path_of(text)
        elif text.startswith(_RELATIVE):
            text = self.resolve(text, last)
        elif not text.startswith("/") and text != "*":
            raise ValueError(
                f"expected a path that starts with '/', got {text!r:.200}: a relative one starts with './'"
            )
        return _with_query(_encode(text), params)

    def resolve(self, reference: str, last: bytes) -> str:
        """The path and query of a reference (RFC 3986 section 5) that was found at the target `last`."""
        return _path_of(urljoin(str(self.url(last)), reference))

    def follow(self, location: str, last: bytes) -> bytes | None:
        """The target of a `Location` field; None if it leads to another origin."""
        text = urljoin(str(self.url(last)), location)
        return _encode(_path_of(text)) if self.has(text) else None


def _is_absolute(text: str) -> bool:
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(("", "", parts.path or "/", parts.query, ""))


def _encode(text: str) -> bytes:
    path, mark, query = text.partition("#")[0].partition("?")
    return (_encoded(path, _PATH_SAFE) + mark + _encoded(query, _QUERY_SAFE)).encode()


def _encoded(text: str, safe: str, encoding: str = "utf-8") -> str:
    return quote(_UNSAFE_PERCENT.sub("%25", text), safe=safe, encoding=encoding)


def _with_query(target: bytes, params: Params) -> bytes:
    query = encode_params(params)
    return target + ((b"&" if b"?" in target else b"?") + query if query else b"")
