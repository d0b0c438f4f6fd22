"""The session as a mapping, and as a parameter of typed handlers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
import pydantic
import pytest

from sketch import Application, Depends, Request, Session, Sessions, WebSocket
from sketch.request.session_state import KeptSession, SessionState
from sketch.testing import TestClient
from tests.support.requests import in_loop, make_request

SECRET = "a secret of exactly 32 bytes ..."


def session_of(body: bytes | None = None) -> Session:
    kept = None if body is None else KeptSession("its-id", 1, 1, body)
    return Session(SessionState(lambda: kept))


def test_it_is_a_mapping() -> None:
    session = session_of(b'[{"a":1}]')
    assert not session.accessed
    assert (dict(session), len(session), session["a"], "b" in session, session.get("b")) == (
        {"a": 1},
        1,
        1,
        False,
        None,
    )
    assert (session.accessed, session.modified, session.is_new, session.id) == (True, False, False, "its-id")
    session["b"] = [2]
    session.update(c=3)
    assert session.pop("a") == 1
    assert (session == {"b": [2], "c": 3}, session.modified) == (True, True)
    session.clear()
    assert (bool(session), session.modified) == (False, True)


def test_faults_of_its_users() -> None:
    session = session_of()
    with pytest.raises(KeyError):
        session["unknown"]
    with pytest.raises(KeyError):
        del session["unknown"]
    with pytest.raises(TypeError, match="a key of str in the session, got 1: JSON has no others"):
        session[1] = 2  # type: ignore[index]
    with pytest.raises(TypeError, match=r"`session: Session\[Model\]`"):
        _ = session.content
    assert session.is_new


def test_its_text_has_no_secrets() -> None:
    session = session_of(b'[{"token":"hunter2"}]')
    assert repr(session) == "<Session, not read>"
    assert session["token"]
    assert repr(session) == "<Session of 1 values>"


@in_loop
async def test_a_request_without_the_middleware() -> None:
    with pytest.raises(RuntimeError, match=r"write Application\(outer_middlewares=\[Sessions\(secret\)\]\)"):
        _ = make_request("/").session


# -- typed handlers ---------------------------------------------------------------------------------------------------


@dataclass
class Cart:
    items: list[str] = field(default_factory=list)


class Basket(msgspec.Struct, rename="camel"):
    last_items: list[str] = []


class Bag(pydantic.BaseModel):
    items: list[str] = pydantic.Field(default=[], alias="Things")


def app_with(*handlers: Any) -> Application:
    app = Application(outer_middlewares=[Sessions(SECRET)])
    for handler in handlers:
        app.add_get(f"/{handler.__name__}", handler)
    return app


def user_of(session: Session) -> str:
    return str(session["by"])


def note(session: Session) -> str:
    session["noted"] = True
    return "noted"


@in_loop
async def test_the_annotation_gives_it() -> None:
    async def plain(session: Session) -> str:
        session["by"] = "plain"
        return type(session).__name__

    async def annotated(session: Annotated[Session[Any], "a note"], request: Request) -> str:
        assert session is request.session
        return str(session["by"])

    async def optional(*, visit: Session | None) -> str:
        assert visit is not None
        return str(visit["by"])

    def in_thread(session: Session) -> str:
        session["by"] = "thread"
        return "-"

    async def dependent(user: Annotated[str, Depends(user_of)]) -> str:
        return user

    app = app_with(plain, annotated, optional, in_thread, dependent)
    async with TestClient(app) as client:
        paths = ("/plain", "/annotated", "/optional", "/in_thread", "/dependent")
        answers = [await (await client.get(path)).text() for path in paths]
        assert answers == ["Session", "plain", "plain", "-", "thread"]


@in_loop
async def test_models_of_its_content() -> None:
    async def cart(item: str, session: Session[Cart]) -> int:
        session.content.items.append(item)
        return len(session.content.items)

    async def basket(item: str, session: Annotated[Session[Basket], "a note"]) -> int:
        session.content.last_items.append(item)
        return len(session.content.last_items)

    async def bag(item: str, session: Session[Bag]) -> int:
        session.content.items.append(item)
        return len(session.content.items)

    async def both(session: Session[Cart], other: Session[Basket]) -> list[list[str]]:
        return [session.content.items, other.content.last_items]

    async def content(request: Request) -> dict[str, Any]:
        assert request.session.as_model(Cart).items == request.session["items"]
        return dict(request.session)

    async with TestClient(app_with(cart, basket, bag, both, content)) as client:
        for path in ("/cart", "/basket", "/bag"):
            assert [await (await client.get(path, params={"item": item})).json() for item in "ab"] == [1, 2]
        assert await (await client.get("/both")).json() == [["a", "b"], ["a", "b"]]
        expected = {"items": ["a", "b"], "lastItems": ["a", "b"], "Things": ["a", "b"]}
        assert await (await client.get("/content")).json() == expected
        response = await client.get("/both")
        assert "Set-Cookie" not in response.headers


@in_loop
async def test_websockets_and_their_dependencies_take_it() -> None:
    app = app_with()

    @app.websocket("/ws")
    async def socket(ws: WebSocket, session: Session[Cart], noted: Annotated[str, Depends(note)]) -> None:
        await ws.send_json([session.content.items, noted, dict(session)])

    async with TestClient(app) as client:
        async with client.websocket("/ws") as ws:
            assert await ws.receive_json() == [[], "noted", {"noted": True}]
        assert "session" in client.cookies


@pytest.mark.parametrize("model", [dict[str, int], int, object()])
def test_what_is_no_model(model: Any) -> None:
    if model == dict[str, int]:
        Session.__request_reader__(model)  # an empty session fits it
    else:
        with pytest.raises(ValueError, match="a model whose fields all have defaults, as a new session is empty, got"):
            Session.__request_reader__(model)


def test_a_model_without_defaults_is_refused_with_its_route() -> None:
    class Needs(msgspec.Struct):
        user: str

    async def index(session: Session[Needs]) -> None: ...

    index.__annotations__["session"] = Session[Needs]
    with pytest.raises(ValueError, match=r"a model whose fields all have defaults.*Needs.*user"):
        Application().add_get("/", index)


def test_the_document_of_an_application_does_not_show_it() -> None:
    from sketch.openapi import OpenAPI

    async def cart(item: str, session: Session[Cart]) -> int:
        return 1

    app = app_with(cart)
    document = OpenAPI(title="Cart", version="1")
    document.attach(app)
    app.freeze()
    assert "session" not in str(document.document())
    assert "item" in str(document.document())
