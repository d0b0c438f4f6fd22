"""Where servers enter: ASGI, RSGI, `run`. The adapters have tests of their own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from sketch import Application, Response


def test_an_adapter_is_loaded_when_a_server_asks_for_it() -> None:
    code = (
        "import asyncio, sys; from sketch import Application; app = Application(); loop = asyncio.new_event_loop();"
        "before = 'sketch_rsgi' in sys.modules; app.__rsgi_init__(loop); app.__rsgi_del__(loop); loop.close();"
        "print(before, 'sketch_rsgi' in sys.modules, 'sketch_asgi' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=True)
    assert done.stdout.split() == ["False", "True", "False"]


def test_a_call_by_rsgi_is_a_coroutine_of_the_adapter() -> None:
    app = Application()
    coroutine = app.__rsgi__(None, None)
    assert asyncio.iscoroutine(coroutine)
    coroutine.close()
    assert app._rsgi is not None


def test_raw_asgi_middleware_is_refused_once_a_server_has_entered() -> None:
    app = Application()
    app.add_get("/", lambda: Response("hello"))
    app.__rsgi__(None, None).close()

    def middleware(inner: Any) -> Any:
        raise AssertionError

    with pytest.raises(RuntimeError, match="expected ASGI middleware before the application starts"):
        app.wrap_asgi(middleware)
    with pytest.raises(TypeError, match="expected ASGI middleware, called as"):
        app.wrap_asgi(7)  # type: ignore[arg-type]


def test_middleware_is_wrapped_in_order() -> None:
    app = Application()
    assert not app.is_wrapped
    app.wrap_asgi(lambda inner, name: (name, inner), name="inner")
    app.wrap_asgi(lambda inner: ("outer", inner))
    wrapped: Any = app.wrapped("application")  # type: ignore[arg-type]
    assert (app.is_wrapped, wrapped) == (True, ("outer", ("inner", "application")))
