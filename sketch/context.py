"""The current request and application, for code that does not get them as arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from sketch.context_vars import find_app, request_var

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.request import BaseRequest, Request


def _request() -> BaseRequest:
    request: BaseRequest | None = request_var.get()
    if request is None:
        raise RuntimeError("no current request: current_request works in handlers, middleware and what they call")
    return request


def _app() -> Application:
    app: Application | None = find_app()
    if app is None:
        raise RuntimeError("no current application: current_app works in requests, hooks and `with app.context():`")
    return app


class _Proxy:
    """Forwards each use to the object that `find` returns at that moment; without one, `find` raises RuntimeError.

    Inspection alone works without one: `repr()`, `isinstance()` and special attributes show the proxy itself, so that
    `help()`, doctest and debuggers do not stumble over a module that holds it.
    """

    __slots__ = ("_find", "_name")

    def __init__(self, find: Callable[[], Any], name: str = "proxy") -> None:
        object.__setattr__(self, "_find", find)
        object.__setattr__(self, "_name", name)

    def __getattr__(self, name: str) -> Any:
        try:
            target = self._find()
        except RuntimeError:
            if name.startswith("__"):
                raise AttributeError(f"{self._name} is not bound and has no attribute {name!r}") from None
            raise
        return getattr(target, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._find(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._find(), name)

    def __getitem__(self, key: Any) -> Any:
        return self._find()[key]

    def __setitem__(self, key: Any, value: object) -> None:
        self._find()[key] = value

    def __delitem__(self, key: Any) -> None:
        del self._find()[key]

    def __iter__(self) -> Any:
        return iter(self._find())

    def __contains__(self, item: object) -> bool:
        return item in self._find()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._find()(*args, **kwargs)

    def __bool__(self) -> bool:
        return bool(self._find())

    def __eq__(self, other: object) -> bool:
        return bool(self._find() == other)

    def __hash__(self) -> int:
        return hash(self._find())

    def __repr__(self) -> str:
        try:
            return repr(self._find())
        except RuntimeError:
            return f"<{self._name}, not bound>"

    # Read-only: isinstance() reads it, nothing sets it.
    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        try:
            return type(self._find())
        except RuntimeError:
            return _Proxy


# Typed as the objects that they forward to, so that editors and type checkers see the real attributes.
current_request: Request = cast("Request", _Proxy(_request, "current_request"))
current_app: Application = cast("Application", _Proxy(_app, "current_app"))
