"""From where a server can be reached."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import Application, ProxyHeaders
from sketch.cli.doctor.case import is_loopback
from sketch.cli.doctor.system import System
from tests.core.cli.doctor.support import case


@pytest.mark.parametrize(
    ("place", "loopback"),
    [
        ("127.0.0.1:8080", True),
        ("127.8.0.1:80", True),
        ("[::1]:80", True),
        ("localhost:80", True),
        ("0.0.0.0:80", False),
        (":80", False),
        ("[::]:80", False),
        ("[fe80::1%eth0]:80", False),
        ("10.0.0.1:80", False),
        ("shop.example:80", False),
        ("fd:3", False),
    ],
)
def test_addresses_that_only_this_machine_reaches(place: str, loopback: bool) -> None:
    assert is_loopback(place) is loopback


@pytest.mark.parametrize(
    ("options", "reachable"),
    [
        ({}, None),
        ({"host": "0.0.0.0", "port": 80}, "other machines may reach 0.0.0.0:80"),
        ({"bind": ["127.0.0.1:80", "[::]:80"]}, "other machines may reach [::]:80"),
        ({"uds": "/run/s"}, "clients come through a proxy"),
        ({"trusted_proxies": ["127.0.0.1"]}, "clients come through a proxy"),
        ({"app": Application(outer_middlewares=[ProxyHeaders(["127.0.0.1"])])}, "clients come through a proxy"),
    ],
)
def test_how_clients_get_here(options: dict[str, Any], reachable: str | None) -> None:
    assert case(**options).reachable() == reachable


def test_how_many_processes_serve() -> None:
    assert [case(workers=number, system=System(cpus=6)).workers for number in (None, 0, 3)] == [1, 6, 3]
