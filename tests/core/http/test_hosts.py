"""Sets of hosts."""

from __future__ import annotations

from typing import Any

import pytest

from sketch.http.hosts import Hosts, is_loopback, split_port

GIVEN = ["Example.com", "*.example.com", "shop.example:8080", "localhost:*", "*.dev.example:*", "[::1]", "[::2]:*"]


@pytest.mark.parametrize(
    ("host", "scheme", "allowed"),
    [
        ("example.com", "http", True),
        ("EXAMPLE.com", "https", True),
        ("example.com:80", "http", True),
        ("example.com:443", "https", True),
        ("example.com:443", "http", False),
        ("example.com:8080", "http", False),
        ("example.com.", "https", False),
        ("a.example.com", "https", True),
        ("a.b.example.com:443", "https", True),
        ("a.example.com:8443", "https", False),
        (".example.com", "https", False),
        ("a..example.com", "https", False),
        ("evilexample.com", "https", False),
        ("example.com.evil", "https", False),
        ("a%2eexample.com", "https", False),
        ("shop.example", "http", False),
        ("shop.example:8080", "https", True),
        ("localhost", "http", True),
        ("localhost:1", "http", True),
        ("dev.example:1", "http", False),
        ("a.dev.example:1", "http", True),
        ("[::1]", "http", True),
        ("[::1]:80", "http", True),
        ("[::1]:81", "http", False),
        ("[::2]:81", "http", True),
        ("evil.example", "https", False),
        ("", "https", False),
    ],
)
def test_hosts(host: str, scheme: str, allowed: bool) -> None:
    assert Hosts(GIVEN).allows(host, scheme) is allowed


@pytest.mark.parametrize(
    "host",
    ["*", "", "https://example.com", "example.com/", "a b", "example.com:0", "example.com:65536", "bücher.example",
     "*.*.example", "*.[::1]", "user@example.com", "a.example:", None, 7],
)  # fmt: skip
def test_what_is_no_host(host: Any) -> None:
    with pytest.raises(ValueError, match="expected hosts like"):
        Hosts([host])


def test_other_arguments() -> None:
    with pytest.raises(TypeError, match="expected hosts as a list, got"):
        Hosts("example.com")
    with pytest.raises(ValueError, match="expected at least one host"):
        Hosts([])


def test_ports_are_split_off() -> None:
    for host, parts in {"a": ("a", ""), "a:1": ("a", "1"), "[::1]": ("[::1]", ""), "[::1]:2": ("[::1]", "2")}.items():
        assert split_port(host) == parts


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.8.0.1", True),
        ("127.0.0.1:80", True),
        ("[::1]", True),
        ("[::ffff:127.0.0.1]:80", True),
        ("LocalHost:80", True),
        ("shop.localhost", True),
        ("localhost.example", False),
        ("notlocalhost", False),
        ("10.0.0.1:80", False),
        ("[fe80::1%eth0]:80", False),
        ("", False),
    ],
)
def test_hosts_that_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
