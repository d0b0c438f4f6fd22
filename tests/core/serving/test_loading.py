"""Import strings, and what may be served."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sketch.application import Application
from sketch.serving.loading import check_app, is_sketch_application, load_app
from sketch.serving.options import ServeError

HERE = "tests.core.serving.test_loading"
app = Application()


async def foreign(scope: Any, receive: Any, send: Any) -> None:
    """A foreign ASGI application."""


def create_app() -> Application:
    return Application("made")


async def create_later() -> Application:
    await asyncio.sleep(0)
    return Application("later")


async def create_nothing() -> None: ...


class Factory:
    @staticmethod
    async def create(name: str = "later") -> Application:
        return Application(name)


class Holder:
    inner = app


@pytest.mark.parametrize("string", [f"{HERE}:app", f"{HERE}:Holder.inner"])
def test_import_string(string: str) -> None:
    found = load_app(string)
    assert isinstance(found, Application)
    assert found.name == "sketch"


def test_factory_string() -> None:
    found = load_app(f"{HERE}:create_app()")
    assert isinstance(found, Application)
    assert found.name == "made"


@pytest.mark.parametrize("name", ["create_later", "create_later()", "Factory.create()"])
def test_a_factory_may_be_a_coroutine_function(name: str) -> None:
    found = load_app(f"{HERE}:{name}")
    assert isinstance(found, Application)
    assert found.name == "later"


def test_any_asgi_application() -> None:
    assert load_app(f"{HERE}:foreign") is foreign


@pytest.mark.parametrize(
    ("string", "message"),
    [
        ("pkg", "expected an application like 'package.module:app', got 'pkg'"),
        (":app", "expected an application like 'package.module:app', got ':app'"),
        ("pkg:a-b", "expected an application like 'package.module:app', got 'pkg:a-b'"),
        (".hello:app", "expected the whole name of a module, got the relative one '.hello', of '.hello:app'"),
        ("no_such_package.x:app", "there is no module 'no_such_package', of 'no_such_package.x:app'"),
        ("sketch.nothing:app", "there is no module 'sketch.nothing', of 'sketch.nothing:app'"),
        (f"{HERE}:nothing", f"module '{HERE}' has no attribute 'nothing', of '{HERE}:nothing'"),
        (f"{HERE}:create_app", "expected a sketch Application, or any of ASGI 3, got <function create_app"),
        (f"{HERE}:Factory.create", "expected a sketch Application, or any of ASGI 3, got <function Factory.create"),
        (f"{HERE}:create_nothing()", "expected a sketch Application, or any of ASGI 3, got None from"),
        (f"{HERE}:app()", f"expected a function, got <Application sketch> from '{HERE}:app()': leave out the parenthe"),
        (f"{HERE}:HERE()", f"expected a function, got '{HERE}' from '{HERE}:HERE()': leave out the parentheses"),
        (f"{HERE}:Holder", "expected a sketch Application, or any of ASGI 3, got <class"),
        (f"{HERE}:HERE", f"expected a sketch Application, or any of ASGI 3, got '{HERE}' from '{HERE}:HERE': one is "),
    ],
)
def test_bad_import_string(string: str, message: str) -> None:
    with pytest.raises(ServeError) as caught:
        load_app(string)
    assert str(caught.value).startswith(message)


def test_error_inside_the_module_keeps_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_app.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        load_app("broken_app:app")


def test_sketch_and_foreign_applications_are_told_apart() -> None:
    assert is_sketch_application(app)
    assert not is_sketch_application(Application)
    assert not is_sketch_application(foreign)
    assert check_app(app) is app
    with pytest.raises(ServeError, match=r"got None: one is called as `await app\(scope, receive, send\)`"):
        check_app(None)


def test_it_is_known_that_an_application_is_loaded() -> None:
    from sketch.serving.loading import is_loading

    seen: list[bool] = []

    def create() -> Application:
        seen.append(is_loading())
        return Application()

    globals()["create_seen"] = create
    load_app(f"{HERE}:create_seen()")
    with pytest.raises(ServeError):
        load_app(f"{HERE}:nothing")
    assert (seen, is_loading()) == ([True], False)
