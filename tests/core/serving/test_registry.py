"""Backends by name: which there are, and which options each can honour."""

from __future__ import annotations

import ssl
import sys
import tomllib
from pathlib import Path

import pytest

from sketch.application import Application
from sketch.serving import registry
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.registry import load_served, load_server
from sketch.serving.server_limits import ServerLimits
from tests.core.serving.support import Recorder, app, failure, foreign


def test_entry_points_do_not_replace_built_in_backends(recorder: type[Recorder]) -> None:
    assert registry.server_names()["native"] == registry.BUILT_IN["native"]
    assert not isinstance(load_server("native"), recorder)


def test_entry_points_are_the_built_in_servers() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"][registry.GROUP] == registry.BUILT_IN


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_built_in_backends_know_only_options_that_exist(name: str) -> None:
    assert load_server(name).options <= set(ServeOptions.__dataclass_fields__)


def test_unknown_server(capsys: pytest.CaptureFixture[str], recorder: type[Recorder]) -> None:
    message = failure(capsys, server="apache")
    assert message == "expected a server of granian, hypercorn, native, recorder, uvicorn, got 'apache'"


@pytest.mark.parametrize("package", ["uvicorn", "hypercorn", "granian"])
def test_missing_package(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == package or name.endswith("uvicorn_runner")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert f"pip install 'sketch-web[{package}]'" in failure(capsys, server=package)


def test_missing_loop(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    for server in ("native", "hypercorn"):
        assert "pip install 'sketch-web[fast]'" in failure(capsys, server=server, loop="uvloop", port=0)


def test_option_that_a_backend_cannot_honour(capsys: pytest.CaptureFixture[str]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    message = failure(capsys, server="granian", ssl=context)
    assert message == "server 'granian' cannot honour the option 'ssl'; servers that can: native, uvicorn, hypercorn"
    assert failure(capsys, server="uvicorn", server_limits=ServerLimits(head=5)).endswith("servers that can: native")
    for server in ("uvicorn", "hypercorn", "granian"):
        assert failure(capsys, server=server, proxy_protocol=True).endswith("servers that can: native")


def test_option_that_no_built_in_backend_can_honour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "BUILT_IN", {})
    with pytest.raises(ServeError, match="no built-in server can"):
        registry.check_supported(Recorder(), ServeOptions(root_path="/a"))


def test_what_the_native_server_serves() -> None:
    assert load_served(app, ServeOptions()) is app
    wrapped = Application()
    wrapped.wrap_asgi(lambda inner: inner)
    for one in (foreign, wrapped):
        served = load_served(one, ServeOptions())
        assert served is not one
        assert hasattr(served, "respond")


def test_load_asgi() -> None:
    from sketch_asgi.app import ASGIApplication

    assert registry.load_asgi() is ASGIApplication
