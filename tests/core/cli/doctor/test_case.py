"""From where a server can be reached."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import Application, ProxyHeaders
from sketch.cli.doctor.system import System
from tests.core.cli.doctor.support import case


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
