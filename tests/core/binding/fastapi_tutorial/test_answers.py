# What becomes of a result, and of errors: the pages "Response Model", "Extra Models", "Response Status Code", "Handling
# Errors", "Path Operation Configuration", "JSON Compatible Encoder", and those around: middleware, background, files.
# Annotations are evaluated at once here, as some name the models of the library that is tested.
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from sketch import (
    CORS,
    Application,
    Header,
    HTTPConflict,
    HTTPNotFound,
    InvalidInput,
    JSONResponse,
    RedirectResponse,
    Request,
    Response,
    ResponseParts,
    RouteGroup,
    json_response,
)
from sketch.middleware import Endpoint
from sketch.testing import TestClient, UnexpectedStatus
from tests.core.binding.fastapi_tutorial.cases import DELETE, GET, LIBRARIES, POST, Case, case, page
from tests.support.requests import in_loop

ADA = {"name": "Ada", "password": "tea", "full_name": None}
SHOWN = {"name": "Ada", "full_name": None}


@LIBRARIES
@page
def test_response_model_return_type(app: Application, models: ModuleType) -> list[Case]:
    @app.post("/subclass")
    async def subclass(account: models.NewAccount) -> models.Account:
        return account  # whose password does not leave

    @app.post("/list")
    async def many(account: models.NewAccount) -> list[models.Account]:
        return [account, account]

    @app.post("/dict")
    async def from_dict(account: models.NewAccount) -> models.Account:
        return {"name": account.name, "full_name": None, "password": account.password}

    @app.get("/portal")
    async def portal(teleport: bool = False) -> Response | dict[str, str]:
        return RedirectResponse("https://example.com/tea") if teleport else {"message": "here"}

    return [
        POST("/subclass", SHOWN, json=ADA),
        POST("/list", [SHOWN, SHOWN], json=ADA),
        POST("/dict", SHOWN, json=ADA),
        GET("/portal", {"message": "here"}),
        GET("/portal?teleport=1", ..., 307),
    ]


class Priced(BaseModel):
    name: str
    notes: str | None = None
    price: float
    tax: float = 10.5


STORE = {"a": Priced(name="Assam", price=50.2), "b": Priced(name="Bai", price=62, tax=20.2, notes="white")}


@page
def test_response_model_without_defaults(app: Application) -> list[Case]:
    @app.get("/unset/{name}", exclude_unset=True)
    async def unset(name: str) -> Priced:
        return STORE[name]

    @app.get("/defaults/{name}", exclude_defaults=True)
    async def defaults(name: str) -> Priced:
        return STORE[name]

    @app.get("/none/{name}", exclude_none=True)
    async def none(name: str) -> Priced:
        return STORE[name]

    return [
        GET("/unset/a", {"name": "Assam", "price": 50.2}),
        GET("/unset/b", {"name": "Bai", "notes": "white", "price": 62.0, "tax": 20.2}),
        GET("/defaults/a", {"name": "Assam", "price": 50.2}),
        GET("/none/a", {"name": "Assam", "price": 50.2, "tax": 10.5}),
    ]


@LIBRARIES
@page
def test_extra_models(app: Application, models: ModuleType) -> list[Case]:
    @app.get("/either/{which}")
    async def either(which: int) -> models.Picture | models.Buyer:
        return models.Picture(url="a", width=1) if which == 1 else models.Buyer(name="Ada")

    @app.get("/prices")
    async def prices() -> dict[str, float]:
        return {"assam": 2.3, "bai": 3.4}

    return [
        GET("/either/1", {"url": "a", "width": 1}),
        GET("/either/2", {"name": "Ada", "full_name": None}),
        GET("/prices", {"assam": 2.3, "bai": 3.4}),
    ]


@LIBRARIES
@page
def test_response_status_code(app: Application, models: ModuleType) -> list[Case]:
    @app.post("/teas", status=201)
    async def create(tea: models.Tea) -> models.Tea:
        return tea

    @app.put("/teas/{name}")
    async def change(name: str, response: ResponseParts) -> str:
        response.status = 200 if name == "assam" else 201
        response.headers["Location"] = f"/teas/{name}"
        response.set_cookie("last", name)
        return name

    @app.delete("/teas/{name}")
    async def delete(name: str) -> None:
        pass

    def located(response: Any) -> None:
        assert response.headers["Location"] == "/teas/bai"
        assert response.headers["Set-Cookie"].startswith("last=bai; ")

    put = case("PUT")
    return [
        POST("/teas", ..., 201, json={"name": "Assam", "price": 1}),
        put("/teas/assam", "assam"),
        put("/teas/bai", "bai", 201),
        put("/teas/bai", located, 201),
        DELETE("/teas/bai", "", 204),  # None: there it is `null` with a 200
    ]


class NoTea(Exception):
    def __init__(self, name: str) -> None:
        self.name = name


@page
def test_handling_errors(app: Application) -> list[Case]:
    @app.get("/teas/{name}")
    async def tea(name: str, number: int = 0) -> str:
        if name == "milk":
            raise NoTea(name)
        if name != "assam":
            raise HTTPNotFound("there is no such tea", headers={"X-Error": "spilled"})
        return name

    @app.error_handler(NoTea)
    async def no_tea(request: Request, error: NoTea) -> Response:
        return json_response({"message": f"{error.name} is no tea"}, status=418)

    @app.error_handler(InvalidInput)
    async def faulty(request: Request, error: InvalidInput) -> Response:
        return json_response({"detail": [f"{each['name']} {each['message']}" for each in error.errors]}, status=400)

    def spilled(response: Any) -> None:
        assert response.headers["X-Error"] == "spilled"

    return [
        GET("/teas/assam", "assam"),
        GET("/teas/bai", "there is no such tea", 404, headers={"Accept": "*/*"}),
        GET("/teas/bai", spilled, 404),
        GET("/teas/milk", {"message": "milk is no tea"}, 418),
        GET("/teas/assam?number=x", {"detail": ["number expected an integer"]}, 400),
    ]


@in_loop
async def test_path_operation_configuration() -> None:
    app = Application()

    @app.get("/teas", tags=["teas"], status=202, name="all")
    async def teas() -> list[str]:
        """What FastAPI shows in its documentation."""
        return []

    (route,) = app.router.routes()
    assert (route.tags, route.name) == (("teas",), "all")
    async with TestClient(app) as client:
        assert (await client.get("/teas")).status == 202
        assert await client.call(teas) == []


@LIBRARIES
@page
def test_json_compatible_encoder(app: Application, models: ModuleType) -> list[Case]:
    at = datetime(2026, 12, 24, 18, tzinfo=UTC)
    tea = models.Tea(name="Assam", price=1.0)

    @app.get("/typed")
    async def typed() -> dict[str, models.Tea]:
        return {"tea": tea}

    @app.get("/response")
    async def response() -> Response:  # what is no type of JSON needs no encoder before
        return JSONResponse({"at": at, "tea": tea})

    whole = {"name": "Assam", "price": 1.0, "notes": None, "tax": None}
    return [GET("/typed", {"tea": whole}), GET("/response", {"at": "2026-12-24T18:00:00Z", "tea": whole})]


@page
def test_a_stream_of_what_is_yielded(app: Application) -> list[Case]:
    @app.get("/text")
    async def text() -> AsyncIterator[str]:
        yield "green "
        yield "tea"

    @app.get("/lines")
    async def lines(count: int = 2) -> AsyncIterator[dict[str, int]]:
        for number in range(count):
            yield {"number": number}

    return [
        GET("/text", "green tea"),
        GET("/lines", '{"number":0}\n{"number":1}\n'),
        GET("/lines?count=x", ..., 422),
    ]


# -- around the handlers ----------------------------------------------------------------------------------------------


@in_loop
async def test_middleware_and_cors() -> None:
    async def timed(request: Request, call_next: Endpoint) -> Response:
        response = await call_next(request)
        response.headers["X-Process-Time"] = "0.1"
        return response

    app = Application(middlewares=[timed], outer_middlewares=[CORS(["https://example.com"])])

    @app.get("/")
    async def index(q: int = 0) -> int:
        return q

    async with TestClient(app) as client:
        answer = await client.get("/?q=2", headers={"Origin": "https://example.com"})
        assert (answer.headers["X-Process-Time"], await answer.json()) == ("0.1", 2)
        assert answer.headers["Access-Control-Allow-Origin"] == "https://example.com"
        refused = await client.get("/?q=x", headers={"Origin": "https://example.com"})
        assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (422, "https://example.com")


@in_loop
async def test_background_tasks() -> None:
    sent: list[str] = []

    async def notify(address: str) -> None:
        sent.append(address)

    app = Application()

    @app.post("/with-a-response")
    async def with_a_response(address: str) -> Response:
        response = json_response({"message": "on its way"})
        response.background = partial(notify, address)
        return response

    @app.post("/spawned")
    async def spawned(address: str, app: Application) -> dict[str, str]:
        app.spawn(notify(address))
        return {"message": "on its way"}

    async with TestClient(app) as client:
        await client.post("/with-a-response?address=ada")
        assert await client.call(spawned, address="bob") == {"message": "on its way"}
    assert sorted(sent) == ["ada", "bob"]


@in_loop
async def test_bigger_applications() -> None:
    items = RouteGroup("/teas", tags=["teas"])

    @items.put("/{name}")
    async def change(name: str) -> dict[str, str]:
        if name != "assam":
            raise HTTPConflict("only Assam changes")
        return {"name": name}

    app = Application()
    app.add_group(items)
    async with TestClient(app) as client:
        assert await client.call(change, name="assam") == {"name": "assam"}
        assert (await client.put("/teas/bai")).status == 409


@in_loop
async def test_static_files(tmp_path: Path) -> None:
    (tmp_path / "tea.txt").write_text("green")
    app = Application()
    app.add_static("/static", tmp_path)
    async with TestClient(app) as client:
        assert await (await client.get("/static/tea.txt")).text() == "green"


@in_loop
async def test_testing() -> None:
    app = Application()

    @app.get("/teas/{number}")
    async def tea(number: int, x_token: Annotated[str, Header()]) -> dict[str, int]:
        if x_token != "leaf":
            raise HTTPNotFound
        return {"number": number}

    async with TestClient(app) as client:
        response = await client.get("/teas/7", headers={"X-Token": "leaf"})
        assert (response.status, await response.json()) == (200, {"number": 7})
        assert await client.call(tea, number=7, x_token="leaf") == {"number": 7}
        with pytest.raises(UnexpectedStatus, match="got 404"):
            await client.call(tea, number=7, x_token="milk")
        with pytest.raises(TypeError, match="expected values of 'number', 'x_token', got 'name'"):
            await client.call(tea, number=1, name="x")
