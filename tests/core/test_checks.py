"""Checks of the arguments that users pass; also: who uses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sketch.application import Application
from sketch.checks import check_flags
from sketch.files.response import FileResponse
from sketch.files.static import StaticFiles
from sketch.middleware.cors import CORS
from sketch.middleware.request_id import RequestID
from sketch.response import Response
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.run import run_app, serve
from sketch.testing import TestClient
from sketch.websocket.policy import WebSocketPolicy
from tests.support.requests import in_loop


def test_flags() -> None:
    check_flags()
    check_flags(a=True, b=False)
    with pytest.raises(TypeError, match=r"expected b to be True or False, got 'x{199}$"):
        check_flags(a=True, b="x" * 500)


SWITCHES: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "debug": (Application, {}),
    "inline": (FileResponse, {"path": "/a"}),
    "precompressed": (StaticFiles, {"directory": "."}),
    "follow_symlinks": (StaticFiles, {"directory": "."}),
    "show_dotfiles": (StaticFiles, {"directory": "."}),
    "credentials": (CORS, {"origins": ["https://a.example"]}),
    "accept": (RequestID, {}),
    "compression": (WebSocketPolicy, {}),
    "raise_errors": (TestClient, {"app": Application()}),
    "secure": (Response().set_cookie, {"name": "a"}),
    "httponly": (Response().set_cookie, {"name": "a"}),
    "partitioned": (Response().delete_cookie, {"name": "a"}),
}


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("given", ["0", "no", 1, b"x"])
def test_switches_of_public_classes_are_bools(name: str, given: Any) -> None:
    """Text of an environment variable, `"0"` and `"no"` included, would switch on what it is to switch off."""
    make, needed = SWITCHES[name]
    make(**needed)
    with pytest.raises(TypeError, match=f"expected {name} to be True or False, got {given!r}"):
        make(**needed, **{name: given})


def test_debug_is_a_bool_at_any_time() -> None:
    app = Application()
    with pytest.raises(TypeError, match="expected debug to be True or False, got '0'"):
        app.debug = "0"  # type: ignore[assignment]
    assert app.debug is False


@pytest.mark.parametrize("name", ["access_log", "debug", "proxy_protocol", "reload"])
def test_switches_of_a_server(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for given in ("no", "", 0):
        with pytest.raises(ServeError, match=f"expected {name} to be True or False, got {given!r}"):
            ServeOptions(**{name: given})  # type: ignore[arg-type]
        with pytest.raises(ServeError, match=f"expected {name} to be True or False, got {given!r}"):
            serve(Application(), **{name: given})
    with pytest.raises(SystemExit):
        run_app(Application(), **{name: "no"})
    assert f"error: expected {name} to be True or False, got 'no'" in capsys.readouterr().err


@in_loop
async def test_background_work_with_a_wrong_switch_is_not_begun() -> None:
    async def work() -> None:
        raise AssertionError("it was begun")

    with pytest.raises(TypeError, match="expected endless to be True or False, got 'yes'"):
        Application().spawn(work(), endless="yes")  # type: ignore[arg-type]
