# What a body gives: the pages from "Request Body" to "Request Forms and Files", and "Body - Updates".
# Annotations are evaluated at once here, as some name the models of the library that is tested.
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any
from uuid import UUID

from annotated_types import Gt, MaxLen
from msgspec import UNSET, Struct, UnsetType, structs
from pydantic import BaseModel, ConfigDict, HttpUrl

from sketch import Application, Body, Form, UploadedFile
from tests.core.binding.fastapi_tutorial.cases import LIBRARIES, PATCH, POST, PUT, STRICT, Case, faulty, page

TEA = {"name": "Assam", "price": 3.5}
WHOLE_TEA = {"name": "Assam", "price": 3.5, "notes": None, "tax": None}


@LIBRARIES
@page
def test_request_body(app: Application, models: ModuleType) -> list[Case]:
    @app.post("/teas")
    async def create(tea: models.Tea) -> models.Tea:
        return tea

    @app.put("/teas/{number}")
    async def change(number: int, tea: models.Tea, q: str | None = None) -> dict[str, object]:
        return {"number": number, "tea": tea, "q": q}

    json = {"content-type": "application/json"}
    return [
        POST("/teas", WHOLE_TEA, json=TEA),
        POST("/teas", WHOLE_TEA, json={**TEA, "colour": "red"}),  # what is not declared is left out
        POST("/teas", faulty(("body", "", "/price", "is required")), json={"name": "Assam"}),
        POST("/teas", faulty(("body", "", "/name", "expected text")), json={"name": 5, "price": 1}),
        POST("/teas", faulty(("body", "", "is required"))),
        POST("/teas", ..., 400, body=b'{"name": ', headers=json),
        POST("/teas", ..., 415, body=b"<tea/>", headers={"content-type": "application/xml"}),
        POST("/teas", WHOLE_TEA, body=b'{"name": "Assam", "price": 3.5}'),  # no media type: as JSON
        PUT("/teas/3?q=x", {"number": 3, "tea": WHOLE_TEA, "q": "x"}, json=TEA),
        PUT(
            "/teas/3?q=x&q=y",
            faulty(("query", "q", "expected one value"), ("body", "", "/price", "is required")),
            json={"name": "Assam"},
        ),
    ]


@LIBRARIES
@page
def test_body_multiple_parameters(app: Application, models: ModuleType) -> list[Case]:
    @app.put("/optional")
    async def optional(tea: models.Tea | None = None) -> bool:
        return tea is None

    @app.put("/both")
    async def both(tea: models.Tea, buyer: models.Buyer) -> list[str]:
        return [tea.name, buyer.name]

    @app.put("/three")
    async def three(tea: models.Tea, buyer: models.Buyer, amount: Annotated[int, Body(), Gt(0)], q: str = "") -> str:
        return f"{tea.name} {buyer.name} {amount} {q}"

    @app.put("/embedded")
    async def embedded(tea: Annotated[models.Tea, Body(embed=True)]) -> str:
        return str(tea.name)

    @app.put("/number")
    async def number(amount: Annotated[int, Body()]) -> int:
        return amount

    ada = {"name": "Ada"}
    return [
        PUT("/optional", True),
        PUT("/optional", False, json=TEA),
        PUT("/both", ["Assam", "Ada"], json={"tea": TEA, "buyer": ada}),
        PUT("/both", faulty(("body", "buyer", "is required")), json={"tea": TEA}),
        PUT("/both", faulty(("body", "tea", "/price", "is required")), json={"tea": {"name": "x"}, "buyer": ada}),
        PUT("/three?q=x", "Assam Ada 2 x", json={"tea": TEA, "buyer": ada, "amount": 2}),
        PUT(
            "/three",
            faulty(
                ("body", "tea", "is required"),
                ("body", "buyer", "is required"),
                ("body", "amount", "expected more than 0"),
            ),
            json={"amount": 0},
        ),
        PUT("/embedded", "Assam", json={"tea": TEA}),
        PUT("/embedded", faulty(("body", "tea", "is required")), json=TEA),
        PUT("/number", 5, json=5),
    ]


@LIBRARIES
@page
def test_body_fields(app: Application, models: ModuleType) -> list[Case]:
    @app.put("/teas/{number}")
    async def change(number: int, tea: Annotated[models.Tea, Body(embed=True)]) -> str | None:
        return tea.notes  # type: ignore[no-any-return]

    return [
        PUT("/teas/1", "sweet", json={"tea": {**TEA, "notes": "sweet"}}),
        PUT("/teas/1", faulty(("body", "tea", "/price", "expected more than 0.0")), json={"tea": {**TEA, "price": 0}}),
        PUT(
            "/teas/1",
            faulty(("body", "tea", "/notes", "expected text of at most 20 characters")),
            json={"tea": {**TEA, "notes": 21 * "x"}},
        ),
    ]


@LIBRARIES
@page
def test_body_nested_models(app: Application, models: ModuleType) -> list[Case]:
    @app.put("/boxes")
    async def pack(box: models.Box) -> models.Box:
        return box

    @app.post("/pictures")
    async def pictures(pictures: list[models.Picture]) -> int:
        return len(pictures)

    @app.post("/weights")
    async def weights(weights: dict[int, float]) -> dict[int, float]:
        return {number: 2 * weight for number, weight in weights.items()}

    picture = {"url": "https://example.com/a.png", "width": 3}
    box = {"name": "a", "teas": [TEA], "tags": ["x", "x"], "picture": picture}
    return [
        PUT("/boxes", {"name": "a", "teas": [WHOLE_TEA], "tags": ["x"], "picture": picture}, json=box),
        PUT("/boxes", faulty(("body", "", "/teas/1/price", "is required")), json={**box, "teas": [TEA, {"name": "x"}]}),
        PUT(
            "/boxes",
            faulty(("body", "", "/picture/width", "expected an integer")),
            json={**box, "picture": {"url": "x", "width": "wide"}},
        ),
        POST("/pictures", 2, json=[picture, picture]),
        POST("/pictures", faulty(("body", "", "expected an array")), json=picture),
        POST("/weights", {"1": 2.0, "2": 5.0}, json={"1": 1, "2": 2.5}),
        POST("/weights", faulty(("body", "", "in one of its names: expected an integer")), json={"a": 1}),
    ]


class Linked(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"url": "https://example.com/tea"}]})

    url: HttpUrl


@page
def test_special_types_and_example_data(app: Application) -> list[Case]:
    @app.post("/links")
    async def link(link: Linked) -> Linked:
        return link

    return [
        POST("/links", {"url": "https://example.com/tea"}, json={"url": "https://example.com/tea"}),
        POST("/links", faulty(("body", "", "/url", "expected a URL")), json={"url": "tea"}),
    ]


@page
def test_extra_data_types(app: Application) -> list[Case]:
    @dataclass
    class Order:
        number: UUID
        tags: frozenset[str]
        key: bytes = b""

    @app.post("/orders")
    async def order(order: Order) -> Order:
        return order

    number = "0b6f1b5c-6c1e-4f0e-9d0b-0c7b1c8f4f7e"
    return [
        POST(
            "/orders",
            {"number": number, "tags": ["a"], "key": "dGVh"},
            json={"number": number, "tags": ["a", "a"], "key": "dGVh"},
        ),
        POST("/orders", faulty(("body", "", "/number", "expected a UUID")), json={"number": "7", "tags": []}),
    ]


# -- forms and files --------------------------------------------------------------------------------------------------


@page
def test_form_data(app: Application) -> list[Case]:
    @app.post("/login")
    async def login(name: Annotated[str, Form()], password: Annotated[str, Form()]) -> str:
        return f"{name} {len(password)}"

    return [
        POST("/login", "ada 3", data={"name": "ada", "password": "tea"}),
        POST("/login", faulty(("form", "password", "is required")), data={"name": "ada"}),
        POST("/login", ..., 415, json={"name": "ada", "password": "tea"}),
    ]


@LIBRARIES
@page
def test_form_models(app: Application, models: ModuleType) -> list[Case]:
    @app.post("/login")
    async def login(login: Annotated[models.Login, Form()]) -> str:
        return str(login.name)

    return [
        POST("/login", "ada", data={"name": "ada", "password": "tea"}),
        POST("/login", faulty(("form", "name", "is required"), ("form", "password", "is required"))),
    ]


@STRICT
@page
def test_form_models_without_extra_fields(app: Application, models: ModuleType) -> list[Case]:
    @app.post("/login")
    async def login(login: Annotated[models.StrictLogin, Form()]) -> str:
        return str(login.name)

    return [
        POST(
            "/login",
            faulty(("form", "extra", "expected no such field")),
            data={"name": "ada", "password": "tea", "extra": "x"},
        )
    ]


@page
def test_request_files(app: Application) -> list[Case]:
    @app.post("/file")
    async def file(file: UploadedFile) -> list[object]:
        return [file.filename, file.size, (await file.read()).decode()]

    @app.post("/optional")
    async def optional(file: UploadedFile | None = None) -> bool:
        return file is None

    @app.post("/files")
    async def files(files: list[UploadedFile]) -> list[str]:
        return [each.filename for each in files]

    leaf = ("leaf.txt", b"green")
    return [
        POST("/file", ["leaf.txt", 5, "green"], files={"file": leaf}),
        POST("/file", faulty(("form", "file", "is required"))),
        POST("/file", faulty(("form", "file", "expected a file")), data={"file": "green"}),
        POST("/optional", True),
        POST("/optional", False, files={"file": leaf}),
        POST("/files", ["leaf.txt", "b.txt"], files=[("files", leaf), ("files", ("b.txt", b"x"))]),
    ]


@page
def test_request_forms_and_files(app: Application) -> list[Case]:
    @app.post("/both")
    async def both(file: UploadedFile, token: Annotated[str, Form()], amount: Annotated[int, Form()] = 1) -> str:
        return f"{file.filename} {token} {amount}"

    leaf = ("leaf.txt", b"green")
    return [
        POST("/both", "leaf.txt x 2", files={"file": leaf}, data={"token": "x", "amount": "2"}),
        POST(
            "/both",
            faulty(("form", "token", "is required"), ("form", "amount", "expected an integer")),
            files={"file": leaf},
            data={"amount": "two"},
        ),
    ]


# -- updates ----------------------------------------------------------------------------------------------------------


class Change(Struct):
    name: str | UnsetType = UNSET
    notes: str | UnsetType | None = UNSET


class PydanticChange(BaseModel):
    name: str = ""
    notes: Annotated[str, MaxLen(20)] | None = None


@page
def test_body_updates(app: Application) -> list[Case]:
    stored: dict[str, Any] = {"name": "Assam", "notes": "dark"}

    @app.put("/tea")
    async def replace(tea: PydanticChange) -> dict[str, Any]:
        return tea.model_dump()

    @app.patch("/pydantic")
    async def with_pydantic(change: PydanticChange) -> dict[str, Any]:
        return {**stored, **change.model_dump(exclude_unset=True)}

    @app.patch("/msgspec")
    async def with_msgspec(change: Change) -> dict[str, Any]:
        return {**stored, **{name: value for name, value in structs.asdict(change).items() if value is not UNSET}}

    return [
        PUT("/tea", {"name": "Ceylon", "notes": None}, json={"name": "Ceylon"}),
        *[
            each
            for path in ("/pydantic", "/msgspec")
            for each in (
                PATCH(path, {"name": "Ceylon", "notes": "dark"}, json={"name": "Ceylon"}),
                PATCH(path, {"name": "Assam", "notes": None}, json={"notes": None}),
            )
        ],
    ]
