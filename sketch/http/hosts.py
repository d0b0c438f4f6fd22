"""Sets of hosts, to check the `Host` of a request (RFC 9110 section 7.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sketch.http.forwarded import to_ip

DEFAULT_PORTS = {"http": "80", "https": "443"}

LABELS = r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*"
_NAME = re.compile(LABELS)
_GIVEN = re.compile(rf"(?P<wild>\*\.)?(?P<name>{LABELS}|(?<!\*\.)\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{{1,5}}|\*))?")


def split_port(host: str) -> tuple[str, str]:
    """Split `name`, `name:port`, `[address]` or `[address]:port` into the name and the port, which may be empty."""
    colon = host.rfind(":")
    return (host[:colon], host[colon + 1 :]) if colon > host.rfind("]") else (host, "")


def is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is one that only this machine itself can reach.

    `localhost` and the names below it are (RFC 6761 section 6.3), any other name may be another machine's.
    """
    name = split_port(host)[0].lower()
    ip = to_ip(name.removeprefix("[").removesuffix("]"))
    return name == "localhost" or name.endswith(".localhost") if ip is None else ip.is_loopback


class Hosts:
    """A set of hosts: `hosts.allows(host, scheme)` tells whether the host of a request belongs to it.

    Args:
        given: `"example.com"`, `"*.example.com"` for all its subdomains (not for itself), `"[2001:db8::7]"`; each with
            the default port of the scheme, with a port (`"example.com:8080"`), or with any (`"example.com:*"`).

    Raises:
        TypeError: for a `str`, which would be read as a list of letters.
        ValueError: for no host, and for what is none.
    """

    __slots__ = ("_any_port", "_whole", "_wild")

    def __init__(self, given: Iterable[str]) -> None:
        if isinstance(given, str):
            raise TypeError(f"expected hosts as a list, got {given!r:.200}")
        self._whole: set[tuple[str, str]] = set()
        self._any_port: set[str] = set()
        self._wild: list[tuple[str, str]] = []
        hosts = list(given)
        if not hosts:
            raise ValueError("expected at least one host, got []")
        for host in hosts:
            self._add(host)

    def _add(self, host: str) -> None:
        match = _GIVEN.fullmatch(host.lower()) if isinstance(host, str) else None
        port = match["port"] or "" if match is not None else ""
        if match is None or (port.isdigit() and not 0 < int(port) < 65536):
            raise ValueError(
                f"expected hosts like 'example.com', '*.example.com', 'example.com:8080' or 'example.com:*', in ASCII "
                f"(a name in other letters as 'xn--...'), got {host!r:.200}"
            )
        if match["wild"]:
            self._wild.append((f".{match['name']}", port))
        elif port == "*":
            self._any_port.add(match["name"])
        else:
            self._whole.add((match["name"], port))

    def allows(self, host: str, scheme: str) -> bool:
        """Whether a host, with or without a port, belongs to the set."""
        name, port = split_port(host.lower())
        default = DEFAULT_PORTS.get(scheme, "")
        port = port or default
        return self._has(name, port) or (port == default and self._has(name, ""))

    def _has(self, name: str, port: str) -> bool:
        if (name, port) in self._whole or name in self._any_port:
            return True
        return any(
            name.endswith(suffix) and given in (port, "*") and _NAME.fullmatch(name, 0, len(name) - len(suffix))
            for suffix, given in self._wild
        )
