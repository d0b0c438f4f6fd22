"""Typed handlers: which kinds of callables they may be, how each is called, and mistakes of their results.

Annotations are objects here: functions that are local to a test exist at run time.
"""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial, wraps
from typing import Annotated, Any

import pytest

from sketch.application import Application
from sketch.binding.response_parts import ResponseParts
from sketch.binding.sources import Body, Depends, Header
from sketch.exceptions import HTTPConflict
from sketch.request import Request
from sketch.response import Response
from sketch.routing import Router
from sketch.routing.views import View
from sketch.transport import Chunks
from tests.core.binding.support import JSON, ask, faults, heard, refusal, run, send, serving, text, told
from tests.support.requests import answer, exchange, finished, make_request


async def one() -> int:
    return 1


async def coroutine(q: int, d: Annotated[int, Depends(one)]) -> Response:
    return told(q, d)


def blocking(q: int, d: Annotated[int, Depends(one)]) -> Response:
    assert threading.current_thread() is not threading.main_thread()
    return told(q, d)


def returns_awaitable(q: int, d: Annotated[int, Depends(one)]) -> Any:
    return coroutine(q, d)


class Methods:
    async def method(self, q: int, d: Annotated[int, Depends(one)]) -> Response:
        return told(q, d)

    @staticmethod
    async def static(q: int, d: Annotated[int, Depends(one)]) -> Response:
        return told(q, d)

    @classmethod
    async def of_class(cls, q: int, d: Annotated[int, Depends(one)]) -> Response:
        return told(q, d)

    async def __call__(self, q: int, d: Annotated[int, Depends(one)]) -> Response:
        return told(q, d)


class BlockingCallable:
    def __call__(self, q: int, d: Annotated[int, Depends(one)]) -> Response:
        return told(q, d)


def transparent(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await handler(*args, **kwargs)

    return wrapper


def by_keywords(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    async def wrapper(**kwargs: Any) -> Any:
        return await handler(**kwargs)

    return wrapper


def asks_for_request(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    async def wrapper(request: Request, /, *args: Any, **kwargs: Any) -> Any:
        assert type(request) is Request
        return await handler(*args, **kwargs)

    return wrapper


def asks_for_a_header(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator with a parameter of its own."""

    @wraps(handler)
    async def wrapper(*args: Any, agent: Annotated[str, Header()] = "none", **kwargs: Any) -> Any:
        assert agent == "none"
        return await handler(*args, **kwargs)

    return wrapper


async def needs_more(q: int, d: Annotated[int, Depends(one)], more: Any) -> Response:
    assert more == "more"
    return told(q, d)


@pytest.mark.parametrize(
    "handler",
    [
        coroutine,
        blocking,
        returns_awaitable,
        Methods().method,
        Methods.static,
        Methods.of_class,
        Methods(),
        BlockingCallable(),
        partial(coroutine),
        partial(blocking),
        partial(needs_more, more="more"),
        transparent(coroutine),
        by_keywords(coroutine),
        asks_for_request(coroutine),
        transparent(asks_for_request(coroutine)),
        asks_for_a_header(coroutine),
        transparent(Methods().method),
        partial(transparent(coroutine)),
    ],
)
def test_kinds_of_handlers(handler: Callable[..., Any]) -> None:
    assert heard(handler, "/?q=3") == "(3, 1)"
    assert faults(handler, "/?q=x") == ["query q: expected an integer"]


async def plain(q: int) -> Response:
    return told(q)


def plain_blocking(q: int) -> Response:
    return told(q, threading.current_thread() is threading.main_thread())


@pytest.mark.parametrize(
    ("handler", "given"),
    [
        (plain, "3"),
        (plain_blocking, "(3, False)"),
        (transparent(plain), "3"),
        (by_keywords(plain), "3"),
        (partial(plain), "3"),
        (partial(plain, q=5), "5"),
    ],
)
def test_handlers_that_need_the_head_alone(handler: Callable[..., Any], given: str) -> None:
    assert heard(handler, "/?q=3") == given


def test_a_response_passes_unchanged() -> None:
    kept = Response("kept", status=202)

    async def handler(q: int) -> dict[str, int] | Response:
        return kept

    async def annotated(q: int) -> str:
        return kept  # type: ignore[return-value]

    for each in (handler, annotated):
        wire = ask(each, "/?q=1")
        assert (wire.status, wire.payload) == (202, b"kept")


def test_what_is_no_response_without_a_declared_result(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(q: int):  # type: ignore[no-untyped-def]
        return 5

    assert ask(handler, "/?q=1").status == 500
    assert "got 5" in caplog.text


@pytest.mark.parametrize("path", ["/", "/?q=1"])
def test_errors_of_handlers_are_raised_as_they_are(path: str) -> None:
    async def handler(q: int = 0) -> Response:
        raise HTTPConflict

    assert ask(handler, path).status == 409


def test_an_error_has_no_fault_as_context() -> None:
    """The first fault, after which all inputs are read again, is not the error's history."""

    async def handler(q: int) -> Response:
        raise AssertionError

    seen: list[BaseException] = []
    app = serving(handler)

    @app.error_handler(422)
    async def note(request: Any, exc: Exception) -> Response:
        seen.append(exc)
        return Response()

    run(send(app, "/?q=x"))
    assert seen[0].__context__ is None
    assert str(seen[0]) == "query q: expected an integer"


def test_the_error_holds_what_was_declared_and_what_is_wrong() -> None:
    async def dependency(a: int = 0) -> int:
        return a

    async def handler(q: int, size: int = 3) -> Response:
        raise AssertionError

    async def with_dependency(q: int, d: Annotated[int, Depends(dependency)]) -> Response:
        raise AssertionError

    seen: list[Any] = []
    for each in (handler, with_dependency):
        app = serving(each)

        @app.error_handler(422)
        async def note(request: Any, exc: Exception) -> Response:
            seen.append(exc)
            return Response()

        run(send(app, "/?q=x"))
    assert seen[0].errors == [{"in": "query", "name": "q", "pointer": "", "message": "expected an integer"}]
    assert [[each.name for each in exc.inputs] for exc in seen] == [["q", "size"], ["q", "a"]]


# -- class-based views ------------------------------------------------------------------------------------------------


class Page(View):
    prefix = "page"

    def setup(self) -> None:
        self.ready = True

    async def get(self, id: int, q: int = 0) -> Response:
        return told(self.prefix, self.ready, id, q)

    async def post(self, id: int, item: dict[str, int], d: Annotated[int, Depends(one)]) -> Response:
        return told(id, item, d)

    def put(self, id: int, d: Annotated[int, Depends(one)]) -> Response:
        return told(id, d, threading.current_thread() is threading.main_thread())

    @staticmethod
    async def patch(q: int) -> Response:
        return told(q)

    @classmethod
    async def delete(cls, q: int) -> Response:
        return told(cls.__name__, q)


async def send_to_page(method: str, target: str, view: Any = Page, **options: Any) -> Any:
    app = serving(view, "/{id}", "*")
    try:
        return await send(app, target, JSON, method=method, **options)
    finally:
        app.threads.close()


@pytest.mark.parametrize(
    ("method", "target", "content", "given"),
    [
        ("GET", "/7?q=2", None, "('page', True, 7, 2)"),
        ("POST", "/7", b'{"a": 1}', "(7, {'a': 1}, 1)"),
        ("PUT", "/7", None, "(7, 1, False)"),
        ("PATCH", "/7?q=2", None, "2"),
        ("DELETE", "/7?q=2", None, "('Page', 2)"),
    ],
)
@pytest.mark.parametrize("view", [Page, Page.as_view(prefix="page")])
def test_views(method: str, target: str, content: bytes | None, given: str, view: Any) -> None:
    assert text(run(send_to_page(method, target, view, content=content))) == given


def test_the_path_and_faults_of_views() -> None:
    assert run(send_to_page("GET", "/x")).status == 404
    assert text(run(send_to_page("GET", "/7?q=x"))) == "query q: expected an integer"
    assert run(send_to_page("HEAD", "/7?q=x")).status == 422


def test_dispatch() -> None:
    class Dispatching(Page):
        async def dispatch(self, user: Annotated[str, Header()] = "none") -> Any:  # type: ignore[override]
            response = await super().dispatch()
            response.headers["X-User"] = user
            return response

    wire = run(send_to_page("GET", "/7", Dispatching))
    assert (text(wire), dict(wire.fields)[b"x-user"]) == ("('page', True, 7, 0)", b"none")


def test_a_body_of_the_method_get() -> None:
    class Wrong(View):
        async def get(self, item: dict[str, int]) -> Response: ...

    assert refusal(Wrong, method="*") == (
        "expected no body on GET (RFC 9110 section 9.3.1), got 'item: dict[str, int]': take it from the query by"
        " `Annotated[..., Query()]`, or use POST or QUERY, in test_a_body_of_the_method_get.<locals>.Wrong.get"
    )


def test_methods_of_a_view_that_disagree_about_the_path() -> None:
    class Wrong(View):
        async def get(self, id: int) -> Response: ...

        async def post(self, id: float) -> Response: ...

    assert refusal(Wrong, "/{id}", "*").startswith(
        "expected one type for the path parameter 'id', got two that take different text, in "
    )


def test_a_method_without_an_annotation_takes_what_the_other_has_chosen() -> None:
    class Mixed(View):
        async def get(self, id: int) -> Response:
            return told(id)

        async def post(self, id) -> Response:  # type: ignore[no-untyped-def]
            return told(id)

    assert [text(run(send_to_page(method, "/7", Mixed))) for method in ("GET", "POST")] == ["7", "7"]


def test_a_decorated_view() -> None:
    """The path has no types then: its text is converted as that of a regular expression is."""
    view = transparent(Page.as_view())
    assert text(run(send_to_page("GET", "/7?q=2", view))) == "('page', True, 7, 2)"
    assert run(send_to_page("GET", "/x", view)).status == 404
    assert text(run(send_to_page("GET", "/7?q=x", view))) == "query q: expected an integer"


def test_a_generator_runs_too_late_for_the_head() -> None:
    async def handler(parts: ResponseParts) -> AsyncIterator[bytes]:
        yield b""

    assert refusal(handler).startswith("expected no ResponseParts in a generator, which runs once the head is sent: ")

    def named(parts: ResponseParts) -> None:
        parts.headers["X-Name"] = "tea"

    async def right(_: Annotated[None, Depends(named)]) -> AsyncIterator[bytes]:
        yield b"tea"

    assert dict(ask(right).fields)[b"x-name"] == b"tea"


# -- generators and options -------------------------------------------------------------------------------------------


def test_generators_that_declare_no_result() -> None:
    async def handler(q: int):  # type: ignore[no-untyped-def]
        yield b""

    def blocking(q: int):  # type: ignore[no-untyped-def]
        yield b""

    def declared(q: int) -> Iterator[bytes]:
        yield b""

    async def anything(q: int) -> Any:
        yield b""

    for each in (handler, blocking, anything):
        assert refusal(each) == (
            "expected a handler that returns a Response, got a generator: return StreamResponse(...), or declare what"
            " it yields, as `-> AsyncIterator[bytes]`"
        )
    assert "AsyncIterator[...] in an `async def` to stream it" in refusal(declared)


@pytest.mark.parametrize(("option", "value"), [("status", 201), ("exclude_none", True), ("by_alias", False)])
def test_options_without_a_declared_result(option: str, value: Any) -> None:
    async def handler(q: int = 0) -> Response: ...

    def untyped(request):  # type: ignore[no-untyped-def]
        ...

    for each in (handler, untyped):
        with pytest.raises(ValueError, match="expected a handler with a declared result for") as caught:
            Router().add_get("/", each, **{option: value})
        assert option in str(caught.value)
        assert "declare what it returns" in str(caught.value)


def test_generators_with_dependencies() -> None:
    """The body is produced before the exits. What ends in the scope of the handler would end before."""
    calls: list[str] = []

    def make(name: str) -> Callable[..., Any]:
        async def dependency() -> AsyncIterator[str]:
            yield name
            calls.append(f"-{name}")

        return dependency

    async def stream(
        q: int, a: Annotated[str, Depends(make("a"))], b: Annotated[str, Depends(make("b"))]
    ) -> AsyncIterator[bytes]:
        for index in range(q):
            calls.append(str(index))
            yield str(index).encode()

    async def main() -> None:
        app = serving(stream)
        wire, request = await exchange(app, "/?q=2")
        async with Chunks(wire.payload) as chunks:  # type: ignore[arg-type]
            while await chunks.next():
                pass
        await finished(app, request, wire)
        assert (await send(app, "/?q=x")).status == 422

    run(main())
    assert calls[:4] == ["0", "1", "-b", "-a"]

    async def closed(a: Annotated[str, Depends(make("a"), scope="handler")]) -> AsyncIterator[bytes]:
        yield b""

    with pytest.raises(ValueError, match="to last while the stream is sent, got the scope 'handler'"):
        serving(closed)

    async def misnamed() -> str:  # type: ignore[misc]
        yield ""

    with pytest.raises(ValueError, match="expected the type of an async generator as AsyncIterator"):
        serving(misnamed)


def test_a_body_is_read_once_for_all_faults() -> None:
    """The second look for faults uses what was read."""

    async def handler(q: int, n: Annotated[list[int], Body()]) -> Response:
        raise AssertionError

    assert faults(handler, "/?q=x", JSON, content=b'["a"]') == [
        "query q: expected an integer",
        "body at /0: expected an integer",
    ]


def test_an_untyped_handler_is_called_as_before() -> None:
    async def handler(request: Request) -> Response:
        return Response()

    route = Router().add_get("/", handler)
    assert (route.call, route.bound.arguments) == (handler, ())


def test_a_fake_request_is_enough() -> None:
    """A request that was made in a test."""

    async def handler(q: int) -> Response:
        return told(q)

    route = Router().add_get("/", handler)
    response = run(route.call(make_request("/?q=3", app=Application())))
    assert response.status == 200


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_other_methods(method: str) -> None:
    async def handler(q: int) -> Response:
        return told(q)

    assert run(answer(serving(handler), "/?q=3", method=method)).status == (200 if method == "HEAD" else 204)
