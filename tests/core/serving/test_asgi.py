"""Which callables count as ASGI 3 applications."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from sketch import Application
from sketch.serving.asgi import check_asgi


async def function(scope: Any, receive: Any, send: Any) -> None: ...


async def with_more(scope: Any, receive: Any, send: Any, option: int = 1, *, other: int = 2) -> None: ...


def not_async(scope: Any, receive: Any, send: Any) -> Any:
    """A plain function that returns an awaitable, as some decorators make it."""
    return function(scope, receive, send)


def any_arguments(*args: Any, **kwargs: Any) -> Any: ...


class Object:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    async def method(self, scope: Any, receive: Any, send: Any) -> None: ...


class InASlot:
    """Keeps its `__call__` in a slot, as a well-known middleware does."""

    __slots__ = ("__call__",)

    def __init__(self) -> None:
        self.__call__ = function


class Unsigned:
    """Its signature cannot be known."""

    __signature__ = "none"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


@pytest.mark.parametrize(
    "app",
    [function, with_more, not_async, any_arguments, Object(), Object().method, InASlot(), Unsigned(), Application(),
     partial(with_more, option=3), partial(Unsigned())],
)  # fmt: skip
def test_applications(app: Any) -> None:
    check_asgi(app)


def of_two_calls(scope: Any) -> Any: ...


def wsgi(environ: Any, start_response: Any) -> Any: ...


def factory() -> Any: ...


async def handler(name: str) -> str: ...


@pytest.mark.parametrize(
    ("app", "advice"),
    [
        (Object, "it is a class, call it"),
        (None, "one is called as `await app(scope, receive, send)`"),
        ("module:app", "one is called as `await app(scope, receive, send)`"),
        (of_two_calls, "it looks like ASGI 2, wrap it in asgiref.compatibility.guarantee_single_callable"),
        (wsgi, "it looks like WSGI, wrap it in a2wsgi.WSGIMiddleware"),
        (partial(wsgi, None), "it looks like ASGI 2, wrap it in asgiref.compatibility.guarantee_single_callable"),
        (factory, "it takes no arguments, so it is a factory: call it, or write 'module:function()'"),
        (
            handler,
            "one is called as `await app(scope, receive, send)`; if this is a handler, name its application",
        ),
        (lambda a, b, c, d: None, "one is called as `await app(scope, receive, send)`"),
    ],
)
def test_mistakes(app: Any, advice: str) -> None:
    with pytest.raises(TypeError) as caught:
        check_asgi(app)
    assert str(caught.value) == f"expected an ASGI 3 application, got {app!r}: {advice}"


def test_a_coroutine_is_refused_as_what_it_is() -> None:
    async def create_app() -> None: ...

    with pytest.raises(TypeError, match=r"create_app.*: it is a coroutine, of a factory that is `async def`: await it"):
        check_asgi(create_app())
