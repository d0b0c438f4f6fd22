"""Checks of what can be run at all."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sketch import Application
from sketch.cli.doctor import packages
from sketch.cli.doctor.case import Case
from sketch.cli.doctor.checks import configuration
from sketch.cli.doctor.finding import Fault
from tests.core.cli.doctor.support import case, found
from tests.core.cli.doctor.test_certificates import NOW, write


def installed(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """Let only these packages be installed, beside those that are always needed."""
    known = {each.name: each.minimum for each in packages.requirements() if each.extra is None} | versions
    monkeypatch.setattr(packages, "installed_version", known.get)
    monkeypatch.setattr(configuration, "installed_version", known.get)


def test_what_is_known_before_any_check() -> None:
    fault = Fault("wrong", "correct it")
    names = found(Case(faults=[fault], unknown=["ignored the unknown X"], app_faults=[fault]))
    assert [*names] == ["configuration", "application", "unknown-option"]
    assert (names["application"].text, names["application"].advice) == ("wrong", "correct it")


def test_a_wrong_configuration_is_not_judged_further() -> None:
    judged = case(host="0.0.0.0", server="hypercorn")
    assert "lenient-server" in found(judged)
    wrong = Case(config=judged.config, options=judged.options, faults=[Fault("wrong", "")])
    assert [*found(wrong)] == ["configuration"]


def test_missing_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    missing = found(case(server="granian", loop="uvloop"))
    assert missing["server-missing"].advice == "pip install 'sketch-web[granian]'"
    assert missing["server-missing"].text.endswith("(server is from the command line)")
    assert missing["loop-missing"].advice == "pip install 'sketch-web[fast]'"
    assert {"server-missing", "loop-missing"}.isdisjoint(found(case(loop="asyncio")))
    assert "slow-loop" in found(case())
    installed(monkeypatch, granian="2.8.9", uvloop="0.23.0")
    assert {"server-missing", "loop-missing", "slow-loop"}.isdisjoint(found(case(server="granian", loop="uvloop")))


def test_options_that_need_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    told = found(case(dev_cert=True))["extra-missing"]
    assert (told.text[:34], told.advice) == (
        "dev_cert needs the package trustme",
        "pip install 'sketch-web[certificates]'",
    )
    assert found(case(metrics_bind="9100"))["extra-missing"].advice == "pip install 'sketch-web[metrics]'"
    assert "extra-missing" not in found(case())
    installed(monkeypatch, **{"trustme": "1.2.1", "prometheus-client": "0.26.0"})
    assert "extra-missing" not in found(case(dev_cert=True, metrics_bind="9100"))


def test_uvicorn_without_a_package_for_websockets(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Application()

    @app.websocket("/chat")
    async def chat(ws: Any) -> None: ...

    installed(monkeypatch, uvicorn="0.54.0")
    assert "websockets-missing" in found(case(app=app, server="uvicorn"))
    assert "websockets-missing" not in found(case(app=app))
    assert "websockets-missing" not in found(case(app=Application(), server="uvicorn"))
    installed(monkeypatch, uvicorn="0.54.0", wsproto="1.2")
    assert "websockets-missing" not in found(case(app=app, server="uvicorn"))


def test_old_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, httptools="0.6.4", uvicorn="0.30.1", multipart="2.0.0")
    old = list(configuration.old_packages(case()))
    assert [each.text for each in old] == [
        "httptools 0.6.4 is too old: sketch is made for 0.9.0 and later",
        "uvicorn 0.30.1 is too old: sketch is made for 0.53.0 and later",
    ]
    assert [each.advice for each in old] == [
        "pip install --upgrade httptools",
        "pip install --upgrade 'sketch-web[uvicorn]'",
    ]


@pytest.mark.parametrize(("days", "name"), [(60, None), (3, "certificate-ends-soon"), (-1, "certificate-expired")])
def test_the_time_of_a_certificate(days: int, name: str | None, tmp_path: Path) -> None:
    chain, key = write(tmp_path, NOW + timedelta(days=days, minutes=5))
    told = {each for each in found(case(ssl_certfile=chain, ssl_keyfile=key)) if each.startswith("certificate")}
    assert told == ({name} if name else set())


def test_a_certificate_that_no_server_can_use(tmp_path: Path) -> None:
    chain, _ = write(tmp_path, NOW + timedelta(days=60))
    (told,) = (each for each in found(case(ssl_certfile=chain)).values() if each.name.startswith("certificate"))
    assert told.name == "certificate-unusable"
    assert told.text.startswith(f"expected a private key behind the certificate in {chain}, got none")
    assert told.text.endswith("(ssl_certfile is from the command line)")


def test_a_certificate_for_development() -> None:
    assert "certificate-unusable" not in found(case(dev_cert=True))
    assert "got 0.0.0.0" in found(case(dev_cert=True, host="0.0.0.0"))["certificate-unusable"].text
