"""The same twenty routes in FastAPI and in sketch."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

import fastapi
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field

import sketch
from sketch.openapi import OpenAPI

T = TypeVar("T")


class Kind(Enum):
    BLACK = "black"
    GREEN = "green"


class Tea(BaseModel):
    """A tea."""

    name: Annotated[str, Field(min_length=1, max_length=40, examples=["Assam"])]
    kind: Kind = Kind.BLACK
    grams: Annotated[int, Field(ge=0)]


class Maker(BaseModel):
    name: str
    founded: date | None = None


class Blend(BaseModel):
    parts: list[Tea]
    maker: Maker | None = None


class Page(BaseModel, Generic[T]):
    items: list[T]
    more: bool


class Computed(BaseModel):
    """Has other fields as input than as output."""

    price: Decimal = Decimal(1)
    at: datetime


class Filters(BaseModel):
    skip: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(le=50)] = 10


class Cat(BaseModel):
    pet: Literal["cat"]
    lives: int


class Dog(BaseModel):
    pet: Literal["dog"]
    tricks: list[str]


Pet = Annotated[Cat | Dog, Field(discriminator="pet")]


def make_theirs() -> fastapi.FastAPI:
    app = fastapi.FastAPI(title="Twenty", version="1")
    bearer = HTTPBearer()

    @app.get("/one/{number}")
    async def one(number: int) -> Tea: ...

    @app.get("/two/{name}")
    async def two(name: str, q: str) -> list[Tea]: ...

    @app.get("/three")
    async def three(skip: int = 0, limit: Annotated[int, fastapi.Query(le=50)] = 10) -> Page[Tea]: ...

    @app.get("/four")
    async def four(tag: Annotated[list[str], fastapi.Query()], kind: Kind | None = None) -> dict[str, int]: ...

    @app.get("/five")
    async def five(x_token: Annotated[str, fastapi.Header()], visit: Annotated[str, fastapi.Cookie()]) -> bool: ...

    @app.get("/six")
    async def six(on: date, at: datetime, ident: UUID, ratio: float, deep: bool = False) -> float: ...

    @app.post("/seven", status_code=201)
    async def seven(tea: Tea) -> Tea: ...

    @app.post("/eight")
    async def eight(teas: list[Tea]) -> list[Tea]: ...

    @app.post("/nine")
    async def nine(tea: Tea, maker: Maker) -> Blend: ...

    @app.put("/ten/{ident}")
    async def ten(ident: UUID, blend: Blend) -> Blend: ...

    @app.delete("/eleven/{number}", status_code=204)
    async def eleven(number: int) -> None: ...

    @app.post("/twelve")
    async def twelve(computed: Computed) -> Computed: ...

    @app.get("/thirteen")
    async def thirteen(filters: Annotated[Filters, fastapi.Query()]) -> Page[int]: ...

    @app.post("/fourteen")
    async def fourteen(title: Annotated[str, fastapi.Form()], count: Annotated[int, fastapi.Form()] = 1) -> int: ...

    @app.post("/fifteen")
    async def fifteen(picture: fastapi.UploadFile, title: Annotated[str, fastapi.Form()]) -> int: ...

    @app.post("/sixteen")
    async def sixteen(pet: Annotated[Pet, fastapi.Body()]) -> Pet: ...

    @app.get("/seventeen", dependencies=[fastapi.Depends(bearer)])
    async def seventeen() -> list[int]: ...

    @app.get("/eighteen", deprecated=True, tags=["old"], summary="The old one", description="Do not use it.")
    async def eighteen() -> str: ...

    @app.get("/nineteen", operation_id="nineteen", responses={404: {"description": "None.", "model": Maker}})
    async def nineteen() -> Maker | None: ...

    @app.patch("/twenty/{kind}/{on}")
    async def twenty(kind: Kind, on: date, note: Annotated[str, fastapi.Body(embed=True)]) -> Literal["a", "b"]: ...

    return app


class Bearer:
    """Says what FastAPI's `HTTPBearer` does."""

    def __call__(self, authorization: Annotated[str, sketch.Header()]) -> str:
        return authorization

    def openapi_security(self) -> dict[str, Any]:
        return {"HTTPBearer": {"type": "http", "scheme": "bearer"}}


def make_ours() -> sketch.Application:
    app = sketch.Application("twenty")
    bearer = Bearer()

    @app.get("/one/{number}")
    async def one(number: int) -> Tea: ...

    @app.get("/two/{name}")
    async def two(name: str, q: str) -> list[Tea]: ...

    @app.get("/three")
    async def three(skip: int = 0, limit: Annotated[int, Field(le=50)] = 10) -> Page[Tea]: ...

    @app.get("/four")
    async def four(tag: Annotated[list[str], sketch.Query()], kind: Kind | None = None) -> dict[str, int]: ...

    @app.get("/five")
    async def five(x_token: Annotated[str, sketch.Header()], visit: Annotated[str, sketch.Cookie()]) -> bool: ...

    @app.get("/six")
    async def six(on: date, at: datetime, ident: UUID, ratio: float, deep: bool = False) -> float: ...

    @app.post("/seven", status=201)
    async def seven(tea: Tea) -> Tea: ...

    @app.post("/eight")
    async def eight(teas: list[Tea]) -> list[Tea]: ...

    @app.post("/nine")
    async def nine(tea: Tea, maker: Maker) -> Blend: ...

    @app.put("/ten/{ident}")
    async def ten(ident: UUID, blend: Blend) -> Blend: ...

    @app.delete("/eleven/{number}")
    async def eleven(number: int) -> None: ...

    @app.post("/twelve")
    async def twelve(computed: Computed) -> Computed: ...

    @app.get("/thirteen")
    async def thirteen(filters: Annotated[Filters, sketch.Query()]) -> Page[int]: ...

    @app.post("/fourteen")
    async def fourteen(title: Annotated[str, sketch.Form()], count: Annotated[int, sketch.Form()] = 1) -> int: ...

    @app.post("/fifteen")
    async def fifteen(picture: sketch.UploadedFile, title: Annotated[str, sketch.Form()]) -> int: ...

    @app.post("/sixteen")
    async def sixteen(pet: Annotated[Pet, sketch.Body()]) -> Pet: ...

    @app.get("/seventeen", dependencies=[sketch.Depends(bearer)])
    async def seventeen() -> list[int]: ...

    @app.get("/eighteen", deprecated=True, tags=["old"], summary="The old one", description="Do not use it.")
    async def eighteen() -> str: ...

    @app.get("/nineteen", operation_id="nineteen", responses={404: {"description": "None.", "model": Maker}})
    async def nineteen() -> Maker | None: ...

    @app.patch("/twenty/{kind}/{on}")
    async def twenty(kind: Kind, on: date, note: Annotated[str, sketch.Body(embed=True)]) -> Literal["a", "b"]: ...

    OpenAPI(title="Twenty", version="1").attach(app)
    return app
