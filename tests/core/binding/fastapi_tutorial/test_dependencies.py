# What other functions give: the pages from "Dependencies" to "Dependencies with yield", and "Testing Dependencies".
# Annotations are evaluated at once here, as some name functions and classes of the test.
import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from annotated_types import Le

from sketch import (
    Application,
    Body,
    Cookie,
    Depends,
    Header,
    HTTPForbidden,
    HTTPNotFound,
    HTTPUnauthorized,
    Request,
    Response,
    ResponseParts,
    RouteGroup,
)
from sketch.testing import TestClient, override
from tests.core.binding.fastapi_tutorial.cases import GET, Case, faulty, page
from tests.support.requests import in_loop


async def paging(q: str | None = None, skip: int = 0, limit: Annotated[int, Le(100)] = 100) -> dict[str, Any]:
    return {"q": q, "skip": skip, "limit": limit}


Paging = Annotated[dict[str, Any], Depends(paging)]


@page
def test_dependencies(app: Application) -> list[Case]:
    @app.get("/teas")
    async def teas(page: Paging) -> dict[str, Any]:
        return page

    @app.get("/buyers")
    def buyers(page: Paging) -> dict[str, Any]:
        return page

    def plain(q: str = "x") -> str:  # called in a thread
        return q

    @app.get("/plain")
    async def both(found: Annotated[str, Depends(plain)], q: int = 0) -> list[str | int]:
        return [found, q]

    return [
        GET("/teas?skip=2", {"q": None, "skip": 2, "limit": 100}),
        GET("/buyers?limit=5", {"q": None, "skip": 0, "limit": 5}),
        GET("/teas?limit=101", faulty(("query", "limit", "expected at most 100"))),
        GET("/plain?q=7", ["7", 7]),
    ]


class Page:
    def __init__(self, q: str | None = None, skip: int = 0, limit: int = 100) -> None:
        self.q, self.skip, self.limit = q, skip, limit


@page
def test_classes_as_dependencies(app: Application) -> list[Case]:
    @app.get("/named")
    async def named(page: Annotated[Page, Depends(Page)]) -> list[int]:
        return [page.skip, page.limit]

    @app.get("/short")
    async def short(page: Annotated[Page, Depends()]) -> list[int]:
        return [page.skip, page.limit]

    class Has:  # an object that is called, with arguments of its own
        def __init__(self, word: str) -> None:
            self.word = word

        def __call__(self, q: str = "") -> bool:
            return self.word in q

    @app.get("/object")
    async def by_object(has_tea: Annotated[bool, Depends(Has("tea"))]) -> bool:
        return has_tea

    return [
        GET("/named?skip=1", [1, 100]),
        GET("/short?limit=1", [0, 1]),
        GET("/object?q=green tea", True),
        GET("/object?q=coffee", False),
    ]


@page
def test_sub_dependencies(app: Application) -> list[Case]:
    calls: list[str] = []

    def query(q: str | None = None) -> str | None:
        calls.append("query")
        return q

    def last_or(
        q: Annotated[str | None, Depends(query)], last: Annotated[str | None, Cookie("last")] = None
    ) -> str | None:
        return q or last

    @app.get("/last")
    async def last(
        found: Annotated[str | None, Depends(last_or)], q: Annotated[str | None, Depends(query)]
    ) -> list[str | None]:
        return [found, q]

    @app.get("/fresh")
    async def fresh(
        q: Annotated[str | None, Depends(query)], again: Annotated[str | None, Depends(query, use_cache=False)]
    ) -> list[str | None]:
        return [q, again]

    @app.get("/calls")
    async def count() -> int:
        return len(calls)

    return [
        GET("/last?q=x", ["x", "x"], cookies={"last": "y"}),
        GET("/calls", 1),  # once for a request
        GET("/last", ["y", None], cookies={"last": "y"}),
        GET("/fresh?q=x", ["x", "x"]),
        GET("/calls", 4),
    ]


async def token(x_token: Annotated[str, Header()]) -> None:
    if x_token != "leaf":
        raise HTTPUnauthorized("expected the right X-Token", headers={"WWW-Authenticate": "X-Token"})


async def key(x_key: Annotated[str, Header()]) -> str:
    if x_key != "tea":
        raise HTTPForbidden("expected the right X-Key")
    return x_key


@page
def test_dependencies_in_path_operation_decorators(app: Application) -> list[Case]:
    @app.get("/teas", dependencies=[Depends(token), Depends(key)])
    async def teas(number: int = 0) -> list[str]:
        return ["Assam"]

    return [
        GET("/teas", ["Assam"], headers={"X-Token": "leaf", "X-Key": "tea"}),
        GET("/teas", ..., 401, headers={"X-Token": "coffee", "X-Key": "tea"}),
        GET("/teas", ..., 403, headers={"X-Token": "leaf", "X-Key": "coffee"}),
        GET("/teas?number=x", ..., 401, headers={"X-Token": "coffee"}),  # guards come before the handler's inputs
        GET("/teas", faulty(("header", "x-token", "is required"), ("header", "x-key", "is required"))),
    ]


@in_loop
async def test_a_guard_keeps_the_body_from_being_read() -> None:
    app = Application()

    @app.post("/teas", dependencies=[Depends(token)])
    async def create(name: Annotated[str, Body()]) -> str:
        return name

    pulled: list[str] = []

    async def chunks() -> AsyncIterator[bytes]:
        pulled.append("a chunk")
        yield b'"Assam"'

    async with TestClient(app) as client:
        assert (await client.post("/teas", body=chunks(), headers={"X-Token": "milk"})).status == 401
        assert (await client.post("/teas", body=chunks())).status == 422
        assert pulled == []
        assert await (await client.post("/teas", body=chunks(), headers={"X-Token": "leaf"})).text() == "Assam"


@in_loop
async def test_global_dependencies() -> None:
    app = Application(dependencies=[Depends(token)])
    group = RouteGroup("/inner", dependencies=[Depends(key)])

    @app.get("/")
    async def index() -> str:
        return "tea"

    @group.get("/")
    async def inner() -> str:
        return "more tea"

    app.add_group(group)
    async with TestClient(app) as client:
        assert (await client.get("/", headers={"X-Token": "x"})).status == 401
        assert await (await client.get("/", headers={"X-Token": "leaf"})).text() == "tea"
        assert (await client.get("/inner/", headers={"X-Token": "leaf", "X-Key": "x"})).status == 403
        assert (await client.get("/inner/", headers={"X-Token": "leaf", "X-Key": "tea"})).status == 200
        assert (await client.get("/nothing")).status == 404  # guards belong to routes


# -- with yield -------------------------------------------------------------------------------------------------------


class Owner(Exception):
    pass


@in_loop
async def test_dependencies_with_yield() -> None:
    seen: list[str] = []
    left = asyncio.Event()

    async def first() -> AsyncIterator[str]:
        try:
            yield "first"
        except Owner:
            seen.append("first saw it")
            raise
        finally:
            seen.append("first left")
            left.set()

    def second(name: Annotated[str, Depends(first)]) -> Iterator[str]:
        try:
            yield f"{name} second"
        finally:
            seen.append("second left")

    app = Application()

    @app.get("/{name}")
    async def show(name: str, value: Annotated[str, Depends(second)]) -> str:
        if name == "owner":
            raise Owner
        if name == "nothing":
            raise HTTPNotFound(f"there is no {name}")
        return f"{value} {seen}"

    @app.error_handler(Owner)
    async def owner(request: Request, error: Owner) -> Response:
        return Response("of another owner", status=400)

    async with TestClient(app) as client:
        assert await (await client.get("/tea")).text() == "first second []"  # exits run after the answer
        await left.wait()
        assert seen == ["second left", "first left"]
        seen.clear()
        left.clear()
        assert (await client.get("/nothing")).status == 404
        await left.wait()
        assert seen == ["second left", "first left"]
        seen.clear()
        left.clear()
        assert await (await client.get("/owner")).text() == "of another owner"
        await left.wait()
        assert seen == ["second left", "first saw it", "first left"]


@in_loop
async def test_an_exit_before_the_answer() -> None:
    seen: list[str] = []

    async def session() -> AsyncIterator[list[str]]:
        try:
            yield seen
        except HTTPNotFound:
            seen.append("rolled back")
            raise
        else:
            seen.append("committed")
            if "full" in seen:
                raise HTTPForbidden("the database is full")

    app = Application()

    @app.get("/{name}")
    async def show(name: str, store: Annotated[list[str], Depends(session, scope="handler")]) -> str:
        if name == "nothing":
            raise HTTPNotFound
        store.append(name)
        return name

    async with TestClient(app) as client:
        assert await (await client.get("/tea")).text() == "tea"
        assert (await client.get("/nothing")).status == 404
        assert (await client.get("/full")).status == 403  # what an exit raises is the answer
    assert seen == ["tea", "committed", "rolled back", "full", "committed"]


@in_loop
async def test_a_context_manager_as_dependency() -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def opened(q: str = "") -> AsyncIterator[str]:
        seen.append(f"open {q}")
        yield q
        seen.append(f"close {q}")

    app = Application()

    @app.get("/")
    async def index(value: Annotated[str, Depends(opened)]) -> str:
        return value

    async with TestClient(app) as client:
        assert await (await client.get("/?q=x")).text() == "x"
    assert seen == ["open x", "close x"]


# -- testing ----------------------------------------------------------------------------------------------------------


@in_loop
async def test_testing_dependencies_with_overrides() -> None:
    app = Application()

    @app.get("/teas")
    async def teas(page: Paging) -> dict[str, Any]:
        return page

    async def fixed(q: str | None = None) -> dict[str, Any]:
        return {"q": q, "skip": 5, "limit": 10}

    async with TestClient(app) as client:
        with override(app, paging, fixed):
            assert await (await client.get("/teas?q=x&skip=1")).json() == {"q": "x", "skip": 5, "limit": 10}
        assert await client.call(teas, q="x", skip=1) == {"q": "x", "skip": 1, "limit": 100}


@page
def test_a_dependency_adds_to_the_response(app: Application) -> list[Case]:
    async def count(response: ResponseParts) -> int:
        response.headers["X-Count"] = "1"
        return 1

    @app.get("/")
    async def index(number: Annotated[int, Depends(count)]) -> int:
        return number

    def counted(response: Any) -> None:
        assert response.headers["X-Count"] == "1"

    return [GET("/", 1), GET("/", counted)]
