"""Sets of origins, to check the `Origin` of a request: the site of the page that made it (RFC 6454)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from sketch.http.hosts import DEFAULT_PORTS, LABELS

# As browsers write it: scheme, host, and the port unless it is the scheme's default.
_ORIGIN = re.compile(rf"[a-z][a-z0-9+.\-]*://(?:\*\.)?(?:{LABELS}|\[[0-9a-f:.]+\])(?::[0-9]{{1,5}})?")


class Origins:
    """A set of origins: `origin in origins` tells whether the value of an `Origin` field belongs to it.

    Args:
        given: origins as browsers send them, `"https://example.com"`, with `*.` before a host for all its subdomains;
            compiled regular expressions for whole origins; or `"*"`, alone, for all.

    Raises:
        TypeError: for a `str` other than `"*"`.
        ValueError: for an origin that no browser would send.
    """

    __slots__ = ("_patterns", "any", "whole")

    def __init__(self, given: Iterable[str | re.Pattern[str]]) -> None:
        if isinstance(given, str) and given != "*":
            raise TypeError(f"expected origins as a list, or '*', got {given!r:.200}")
        origins = list(given)
        self.any = origins == ["*"]
        """Whether the set contains every origin."""
        self.whole: set[str] = set()
        """The origins that are given literally."""
        self._patterns: list[re.Pattern[str]] = []
        for origin in [] if self.any else origins:
            if isinstance(origin, re.Pattern):
                self._patterns.append(origin)
            elif not isinstance(origin, str) or (origin != "null" and not _ORIGIN.fullmatch(origin)):
                raise ValueError(f"expected origins like 'https://example.com', without a path, got {origin!r:.200}")
            elif _names_default_port(origin):
                raise ValueError(
                    f"expected origins without the default port, as browsers send them, got {origin!r:.200}"
                )
            elif "*" in origin:
                self._patterns.append(re.compile(re.escape(origin).replace(r"\*", LABELS)))
            else:
                self.whole.add(origin)

    def __contains__(self, origin: str) -> bool:
        return self.any or origin in self.whole or any(pattern.fullmatch(origin) for pattern in self._patterns)


def _names_default_port(origin: str) -> bool:
    """Whether an origin ends in the default port of its scheme: no request would ever match it."""
    port = DEFAULT_PORTS.get(origin.partition("://")[0])
    return port is not None and origin.endswith(f":{port}")


def is_of_host(origin: str, host: str) -> bool:
    """Whether an origin has this host and port, both in lower case. Its scheme may be any: TLS may end at a proxy.

    `Host` may name the default port of the origin's scheme, an origin does not.
    """
    try:
        scheme, authority, *_ = urlsplit(origin)
    except ValueError:
        return False
    return authority != "" and authority in (host, host.removesuffix(f":{DEFAULT_PORTS.get(scheme, '')}"))
