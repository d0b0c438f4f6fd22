"""Checks of what others may reach: each is found where it is unsafe, and not where it is safe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sketch import Application, ProxyHeaders, Request, Response
from sketch.cli.doctor.checks import exposure
from sketch.cli.doctor.system import Platform, System
from sketch.serving.config import FILE
from tests.core.cli.doctor.support import PUBLIC, case, found

IN_CONTAINER = System(platform=Platform(name="Kubernetes", patience=30, setting="x"))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({**PUBLIC, "app": Application(debug=True)}, "debug-in-public"),
        ({"uds": "/run/s", "app": Application(debug=True)}, "debug-in-public"),
        ({"app": Application(debug=True)}, None),
        ({**PUBLIC, "app": Application()}, None),
        ({"trusted_proxies": ["0.0.0.0/0"]}, "proxies-from-everywhere"),
        ({"trusted_proxies": ["0.0.0.0/1", "128.0.0.0/1"]}, "proxies-from-everywhere"),
        ({"trusted_proxies": ["::/0"]}, "proxies-from-everywhere"),
        ({"app": Application(outer_middlewares=[ProxyHeaders(["0.0.0.0/0"])])}, "proxies-from-everywhere"),
        ({"trusted_proxies": ["10.0.0.0/8", "unix"]}, None),
        ({**PUBLIC, "proxy_protocol": True}, "proxy-protocol-in-public"),
        ({"proxy_protocol": True}, None),
        ({**PUBLIC, "server": "hypercorn"}, "lenient-server"),
        ({"server": "hypercorn"}, None),
        (PUBLIC, "plain-http-in-public"),
        ({**PUBLIC, "system": IN_CONTAINER}, None),
        ({**PUBLIC, "trusted_proxies": ["10.0.0.0/8"]}, None),
        ({"system": IN_CONTAINER}, "loopback-in-container"),
        ({"uds": "/no/such/folder/s"}, "no-client-address"),
        ({"uds": "/no/such/folder/s", "trusted_proxies": ["unix"]}, "writable-socket"),
        ({"uds": "/no/such/folder/s", "trusted_proxies": ["unix"], "uds_mode": 0o660}, None),
    ],
)
def test_what_is_found(options: dict[str, Any], name: str | None) -> None:
    judged = found(case(**options), "idle-cpus", "slow-loop", "stop-is-cut")
    first = next(iter(judged), None)
    assert first == name or (name is None and first in ALSO)
    assert {*judged} <= {name, *ALSO}


ALSO = ("plain-http-in-public", "no-client-address")
"""Advice beside what is looked for."""


def open_to_all(folder: Path) -> None:
    """Let every user into a folder of the tests."""
    for each in (folder, *folder.parents):
        if "pytest-of-" in str(each):
            each.chmod(0o755)


def test_a_socket_in_a_folder_that_others_cannot_enter_is_no_fault(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir(mode=0o750)
    told = found(case(uds=str(folder / "s"), trusted_proxies=["unix"]))
    assert "writable-socket" not in told


def test_the_folder_counts_not_the_socket(tmp_path: Path) -> None:
    open_to_all(tmp_path)
    assert "writable-socket" in found(case(uds=str(tmp_path / "s"), trusted_proxies=["unix"]))


async def absolute(request: Request) -> Response:
    return Response(str(request.url_for("here")))


class TrustedHosts:
    outer = True

    async def __call__(self, request: Any, handler: Any) -> Any: ...


def test_absolute_urls_without_trusted_hosts() -> None:
    app = Application()
    app.add_get("/", absolute, name="here")
    told = found(case(app=app, **PUBLIC))["no-trusted-hosts"]
    assert "(request.url_for in " in told.text
    assert "test_exposure.py:" in told.text
    assert "no-trusted-hosts" not in found(case(app=app))  # this machine alone
    app.outer_middlewares.append(TrustedHosts())
    assert "no-trusted-hosts" not in found(case(app=app, **PUBLIC))


def test_secrets_among_the_arguments_and_beside_the_code() -> None:
    given = {"root_path": "/a", "app": "redis://:word@host/0"}
    for source, why in (("the command line", "arguments"), (FILE, "kept with the code")):
        judged = case(source=source)
        judged.config.add(given, source)
        (told,) = exposure.secrets_in_sight(judged)
        assert why in told.text
        assert "word" not in told.text
        assert told.advice.startswith("give it in the environment, as SKETCH_APP")
    judged = case()
    judged.config.add(given)  # in the environment
    assert not list(exposure.secrets_in_sight(judged))


@pytest.mark.parametrize(("mode", "is_fault"), [(0o644, True), (0o640, False), (0o600, False)])
def test_a_key_that_everyone_reads(mode: int, is_fault: bool, tmp_path: Path) -> None:
    open_to_all(tmp_path)
    key = tmp_path / "key.pem"
    key.touch()
    key.chmod(mode)
    judged = case(ssl_certfile=str(tmp_path / "chain.pem"), ssl_keyfile=str(key), ssl_keyfile_password_file=str(key))
    names = [each.options for each in exposure.readable_key(judged)]
    assert names == ([("ssl_keyfile",), ("ssl_keyfile_password_file",)] if is_fault else [])


@pytest.mark.parametrize(
    ("place", "is_fault"), [("0.0.0.0:9100", True), ("127.0.0.1:9100", False), ("unix:/run/m", False), (None, False)]
)
def test_metrics_that_others_read(place: str | None, is_fault: bool) -> None:
    assert bool(list(exposure.metrics_in_public(case(metrics_bind=place)))) is is_fault
