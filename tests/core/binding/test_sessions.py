"""Sessions of websockets: their arguments, faulty ones before the handshake, and the ends of what they depend on.

Annotations are objects here: functions that are local to a test exist at run time.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial, wraps
from typing import Annotated, Any

import pytest

from sketch.application import Application
from sketch.binding.response_parts import ResponseParts
from sketch.binding.sources import Body, Cookie, Depends, Header, Query
from sketch.exceptions import HTTPForbidden
from sketch.keys import AppKey
from sketch.request import Request, WebSocketRequest
from sketch.request.forms.uploads import UploadedFile
from sketch.routing import Router
from sketch.transport import WireResponse
from sketch.websocket import WebSocket
from tests.core.binding.support import run
from tests.core.websocket.support import Pipe, handshake
from tests.support.requests import finished

LIMIT = AppKey[int]("limit")


def serving(session: Callable[..., Any], path: str = "/ws") -> Application:
    app = Application()
    app[LIMIT] = 5
    app.add_websocket(path, session)
    return app


def shake(
    session: Callable[..., Any], target: str = "/ws", *headers: tuple[bytes, bytes], path: str = "/ws"
) -> WireResponse:
    """The answer to a handshake; the session runs to its end if it is accepted."""

    async def main() -> WireResponse:
        app = serving(session, path)
        request = handshake(app, target, [*headers])
        try:
            wire = await app.handle(request)
            if wire.switch is not None:
                await wire.switch.run(request, Pipe())
            fault = request.error
            await finished(app, request, wire, fault=fault)  # type: ignore[arg-type]
            return wire
        finally:
            app.threads.close()

    return run(main())


def test_a_session_gets_what_its_handshake_holds() -> None:
    got: list[Any] = []

    async def one(request: Request) -> str:
        return request.raw_path

    async def session(
        ws: WebSocket,
        id: int,
        user: Annotated[str, Header()],
        name: Annotated[str, Cookie()],
        raw: Annotated[str, Depends(one)],
        limit: Annotated[int, LIMIT],
        application: Application,
        request: WebSocketRequest,
        token: str = "none",
        *,
        page: int = 1,
    ) -> None:
        got.append(
            (type(ws).__name__, id, user, name, raw, limit, type(application), ws.request is request, token, page)
        )

    headers = [(b"user", b"ann"), (b"cookie", b"name=n")]
    assert shake(session, "/ws/7?page=2", *headers, path="/ws/{id}").status == 101
    assert got == [("WebSocket", 7, "ann", "n", "/ws/7", 5, Application, True, "none", 2)]


def test_faulty_input_is_answered_before_the_handshake() -> None:
    async def dependency(size: int) -> int:
        raise AssertionError

    async def session(ws: WebSocket, token: int, size: Annotated[int, Depends(dependency)]) -> None:
        raise AssertionError

    wire = shake(session, "/ws?token=x")
    assert (wire.status, wire.switch) == (422, None)
    assert wire.payload == b"query size: is required\nquery token: expected an integer"
    assert shake(session, "/ws/x", path="/ws/{token}").status == 404


def test_a_dependency_may_refuse_the_handshake() -> None:
    async def refuse() -> None:
        raise HTTPForbidden

    async def session(ws: WebSocket, user: Annotated[None, Depends(refuse)]) -> None:
        raise AssertionError

    assert shake(session).status == 403


class Journal:
    def __init__(self) -> None:
        self.entries: list[str] = []

    def make(self, name: str) -> Callable[..., Any]:
        async def dependency() -> AsyncIterator[str]:
            self.entries.append(f"+{name}")
            try:
                yield name
            except BaseException as exc:
                self.entries.append(f"{name} sees {type(exc).__name__}")
                raise
            finally:
                self.entries.append(f"-{name}")

        return dependency

    def make_blocking(self, name: str) -> Callable[..., Any]:
        def dependency() -> Iterator[str]:
            self.entries.append(f"+{name}")
            yield name
            self.entries.append(f"-{name}")

        return dependency


def test_exits_of_both_scopes_run_after_the_session() -> None:
    journal = Journal()

    async def session(
        ws: WebSocket,
        a: Annotated[str, Depends(journal.make("a"), scope="handler")],
        b: Annotated[str, Depends(journal.make_blocking("b"), scope="handler")],
        c: Annotated[str, Depends(journal.make("c"))],
    ) -> None:
        journal.entries.append(f"session {a}{b}{c}")

    assert shake(session).status == 101
    assert journal.entries == ["+a", "+b", "+c", "session abc", "-c", "-b", "-a"]


@pytest.mark.parametrize("scope", ["request", "handler"])
def test_exits_see_what_the_session_raises(scope: Any) -> None:
    journal = Journal()

    async def session(ws: WebSocket, a: Annotated[str, Depends(journal.make("a"), scope=scope)]) -> None:
        raise ValueError

    shake(session)
    assert journal.entries == ["+a", "a sees ValueError", "-a"]


@pytest.mark.parametrize("scope", ["request", "handler"])
def test_exits_of_a_handshake_that_is_refused(scope: Any) -> None:
    journal = Journal()

    async def session(ws: WebSocket, token: int, a: Annotated[str, Depends(journal.make("a"), scope=scope)]) -> None:
        raise AssertionError

    assert shake(session).status == 422
    assert journal.entries == ["+a", "a sees InvalidInput", "-a"]


def by_keywords(function: Any) -> Any:
    @wraps(function)
    async def wrapper(**kwargs: Any) -> None:
        await function(**kwargs)

    return wrapper


def test_decorated_sessions_and_partials() -> None:
    got: list[Any] = []

    async def session(anything: WebSocket, token: int, limit: Annotated[int, LIMIT]) -> None:
        got.append((type(anything).__name__, token, limit))

    for each in (by_keywords(session), partial(session), partial(session, limit=5)):
        assert shake(each, "/ws?token=3").status == 101
    assert got == [("WebSocket", 3, 5)] * 3


def test_the_websocket_by_name_and_as_what_is_left() -> None:
    got: list[str] = []

    async def by_name(ws, token: int) -> None:  # type: ignore[no-untyped-def]
        got.append(type(ws).__name__)

    async def left(token: int, anything) -> None:  # type: ignore[no-untyped-def]
        got.append(type(anything).__name__)

    async def optional(socket: WebSocket | None, token: Annotated[int, Query()]) -> None:
        got.append(type(socket).__name__)

    for each in (by_name, left, optional):
        assert shake(each, "/ws?token=3").status == 101
    assert got == ["WebSocket"] * 3


async def body(ws: WebSocket, item: dict[str, int]) -> None: ...


async def scalar_body(ws: WebSocket, n: Annotated[int, Body()]) -> None: ...


async def file(ws: WebSocket, photo: UploadedFile) -> None: ...


def body_of_dependency(item: dict[str, int]) -> None: ...


async def in_dependency(ws: WebSocket, item: Annotated[None, Depends(body_of_dependency)]) -> None: ...


@pytest.mark.parametrize(
    ("session", "parameter"),
    [
        (body, "item: dict[str, int]"),
        (scalar_body, "n: Annotated[int, Body()]"),
        (file, "photo: sketch.request.forms.uploads.UploadedFile"),
        (in_dependency, "item: dict[str, int]"),
    ],
)
def test_a_handshake_has_no_body(session: Any, parameter: str) -> None:
    with pytest.raises(ValueError, match="expected no body in the handshake of a websocket, got ") as caught:
        Router().add_websocket("/ws", session)
    assert f"websocket, got {parameter!r}" in str(caught.value).replace("typing.", "")


def test_a_dependency_gets_no_websocket() -> None:
    """It runs before the handshake."""

    async def dependency(ws: WebSocket) -> None: ...

    async def session(ws: WebSocket, d: Annotated[None, Depends(dependency)]) -> None: ...

    with pytest.raises(
        ValueError, match=r"a type that a request can supply, got 'ws: .*WebSocket'.*, in the dependency"
    ):
        Router().add_websocket("/ws", session)


def test_options_of_answers() -> None:
    async def session(ws: WebSocket) -> None: ...

    with pytest.raises(ValueError, match="expected no options for answers, got some for a websocket"):
        Router().add_websocket("/ws", session, status=201)


def test_parts_of_the_response_of_a_handshake() -> None:
    """Its fields are those of the answer to the handshake, in a dependency and in the session."""

    async def dependency(parts: ResponseParts) -> None:
        parts.headers["X-Dependency"] = "1"
        parts.status = 201

    async def session(ws: WebSocket, d: Annotated[None, Depends(dependency)]) -> None: ...

    wire = shake(session)
    assert (wire.status, dict(wire.fields)[b"x-dependency"]) == (101, b"1")
