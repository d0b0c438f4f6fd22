"""Loads an application by its import string, and checks that it can be served."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeGuard

from sketch.serving.options import ServeError

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.serving.asgi import ASGIApp


def load_app(string: str) -> Application | ASGIApp:
    """Load the application that an import string names: `package.module:name`, or `package.module:function()`.

    The function may be a coroutine function, also without the parentheses if it takes no arguments: it can be nothing
    else. It runs in an event loop of its own, which is closed before the server starts: what needs the server's loop, a
    pool of connections say, belongs into a start-up hook.

    Raises:
        ServeError: if there is no such module or name, or it is no application. An error inside the module is raised
            unchanged, with the traceback that is needed then.
    """
    with _loads():
        return check_app(_load(string), string)


_loading: list[None] = []


@contextmanager
def _loads() -> Iterator[None]:
    _loading.append(None)
    try:
        yield
    finally:
        _loading.pop()


def is_loading() -> bool:
    """Whether an application is being loaded: its modules run, and may not serve by themselves."""
    return bool(_loading)


def _load(string: str) -> Any:
    path, _, name = string.partition(":")
    call = name.endswith("()")
    name = name.removesuffix("()")
    if not path or not name.replace(".", "").isidentifier():
        raise _mistaken(f"expected an application like 'package.module:app', got {string!r}", string)
    if path.startswith("."):
        raise _mistaken(f"expected the whole name of a module, got the relative one {path!r}, of {string!r}", string)
    found: Any = _import(path, string)
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ServeError(f"module {path!r} has no attribute {name!r}, of {string!r}", "app") from None
    return _made_by(found, string) if call or _is_async_factory(found) else found


def _is_async_factory(found: Any) -> bool:
    return inspect.iscoroutinefunction(found) and not inspect.signature(found).parameters


def _made_by(factory: Any, string: str) -> Any:
    if not callable(factory) or is_sketch_application(factory):
        raise ServeError(f"expected a function, got {factory!r} from {string!r}: leave out the parentheses", "app")
    found = factory()
    if not inspect.iscoroutine(found):
        return found
    from sketch.serving.loops import run_alone  # few factories are asynchronous

    return run_alone(found)


def _import(path: str, string: str) -> Any:
    try:
        return import_module(path)
    except ModuleNotFoundError as exc:
        # Only if the named module is missing: if a module that it imports is, that is a bug of the module.
        if exc.name is None or not f"{path}.".startswith(f"{exc.name}."):
            raise
        fault = f"there is no module {exc.name!r}, of {string!r} (looked in {sys.path[0] or '.'!r})"
        raise _mistaken(fault, string) from None


def _mistaken(fault: str, string: str) -> ServeError:
    """Make the error for a string that names no module; it has the import string that was probably meant."""
    from sketch.serving.discovery import string_for  # for mistakes only

    meant = string_for(string)
    return ServeError(f"{fault}: did you mean {meant!r}?" if meant not in (None, string) else fault, "app")


def check_app(found: Any, string: str | None = None) -> Application | ASGIApp:
    """Return a sketch application, or any ASGI 3 application, unchanged.

    Raises:
        ServeError: for anything else.
    """
    if not is_sketch_application(found):
        from sketch.serving.asgi import find_mistake  # a sketch application does not need it

        advice = find_mistake(found)
        if advice is not None:
            source = f" from {string!r}" if string else ""
            raise ServeError(f"expected a sketch Application, or any of ASGI 3, got {found!r}{source}: {advice}", "app")
    app: Application | ASGIApp = found
    return app


_NEEDED = ("startup", "shutdown", "cleanup", "handle", "stopping", "state")


def is_sketch_application(app: Any) -> TypeGuard[Application]:
    """Whether an object is a sketch `Application`, judged by the attributes that servers need."""
    return not isinstance(app, type) and all(hasattr(app, name) for name in _NEEDED)
