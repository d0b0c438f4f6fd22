"""A documented interface: every kind of input and answer, described at `/openapi.json` as the handlers declare it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Generic, Literal, TypeVar
from uuid import UUID, uuid5

import msgspec
import pydantic
from annotated_types import Ge, Le, MaxLen

from sketch import (
    Application,
    Body,
    Cookie,
    Depends,
    Event,
    Form,
    Header,
    HTTPNotFound,
    HTTPUnauthorized,
    Query,
    Request,
    Response,
    RouteGroup,
    TextResponse,
    UploadedFile,
    View,
    run_app,
)
from sketch.openapi import OpenAPI

T = TypeVar("T")


class Kind(Enum):
    BLACK = "black"
    GREEN = "green"


class Tea(msgspec.Struct):
    """What is in stock."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=40, examples=["Assam"])]
    kind: Kind
    grams: Annotated[int, msgspec.Meta(ge=0, le=100_000)]
    price: Decimal | None = None


class Page(msgspec.Struct, Generic[T]):
    items: list[T]
    more: bool


class Address(pydantic.BaseModel):
    street: Annotated[str, pydantic.Field(max_length=100)]
    city: Annotated[str, pydantic.Field(max_length=100, examples=["Leipzig"])]


class Order(pydantic.BaseModel):
    tea: Annotated[str, pydantic.Field(max_length=40)]
    grams: Annotated[int, pydantic.Field(gt=0, le=1000, description="What is sent, in grams.")]
    to: Address
    gift: bool = False


class Receipt(pydantic.BaseModel):
    number: UUID
    order: Order
    due: date


@dataclass
class Paging:
    skip: Annotated[int, Ge(0)] = 0
    limit: Annotated[int, Ge(1), Le(50)] = 10


@dataclass
class Label:
    title: Annotated[str, MaxLen(20)]
    color: Literal["white", "brown"] = "brown"


class Bearer:
    """Asks for a token in `Authorization`, and says so in the document."""

    def __init__(self, users: dict[str, str]) -> None:
        self._users = users

    def __call__(self, authorization: Annotated[str, Header()] = "") -> str:
        scheme, _, token = authorization.partition(" ")
        user = self._users.get(token) if scheme.lower() == "bearer" else None
        if user is None:
            raise HTTPUnauthorized("expected a token", headers={"WWW-Authenticate": "Bearer"})
        return user

    def openapi_security(self) -> dict[str, object]:
        return {"bearer": {"type": "http", "scheme": "bearer", "description": "The token of a user."}}


signed_in = Bearer({"leaf": "ada"})
app = Application("teashop")
TEAS = {
    name: Tea(name, kind, 500, Decimal("4.20"))
    for name, kind in (("Assam", Kind.BLACK), ("Ceylon", Kind.BLACK), ("Sencha", Kind.GREEN))
}
HOUSE = UUID("0a8e3f5e-6f6e-4a0e-9b57-6c3f6b6a4d11")

teas = RouteGroup("/teas", tags=["teas"])


@teas.get("")
async def list_teas(
    paging: Annotated[Paging, Query()],
    kind: Kind | None = None,
    words: Annotated[list[str], Query("word")] = [],  # noqa: B006 - each request gets its own
    user_agent: Annotated[str | None, Header()] = None,
    last_visit: Annotated[date | None, Cookie("visit")] = None,
) -> Page[Tea]:
    """List the teas.

    With `kind`, those of one kind; with `word`, those with one of these words in their names.
    """
    found = [tea for tea in TEAS.values() if kind is None or tea.kind is kind]
    found = [tea for tea in found if not words or any(word in tea.name for word in words)]
    return Page(found[paging.skip : paging.skip + paging.limit], len(found) > paging.skip + paging.limit)


@teas.post("", status=201, dependencies=[Depends(signed_in)])
async def add_tea(tea: Tea) -> Tea:
    """Add a tea."""
    return tea


@teas.get("/{name}", responses={404: "There is no tea of this name."})
async def show_tea(name: str) -> Tea:
    """Show one tea."""
    if name not in TEAS:
        raise HTTPNotFound(f"there is no {name}")
    return TEAS[name]


@teas.delete("/{name}", dependencies=[Depends(signed_in)])
async def remove_tea(name: str) -> None:
    """Remove a tea. Nothing happens if there is none."""


@teas.put("/{name}/stock", deprecated=True)
async def count(name: str, grams: Annotated[int, Body(embed=True), Ge(0)]) -> str:
    """Count what is in stock."""
    return f"{grams} g of {name}"


@teas.post("/{name}/label")
async def print_label(name: str, label: Annotated[Label, Form()]) -> str:
    """Print a label."""
    return f"{name}: {label.title} on {label.color}"


@teas.put("/{name}/picture")
async def upload(name: str, picture: UploadedFile, caption: Annotated[str, Form()] = "") -> dict[str, str | int]:
    """Upload a picture."""
    return {"tea": name, "bytes": picture.size, "caption": caption}


@teas.get("/{name}/picture")
async def picture(name: str) -> bytes:
    """Show the picture."""
    return b"\x89PNG\r\n\x1a\n"


app.add_group(teas)
orders = Application("orders")


@orders.post("/", status=201, tags=["orders"])
async def place_order(order: Order, user: Annotated[str, Depends(signed_in)]) -> Receipt:
    """Order some tea."""
    return Receipt(number=uuid5(HOUSE, user), order=order, due=date(2026, 12, 24))


@orders.get("/{number}", tags=["orders"], responses={404: "There is no such order."})
async def show_order(number: UUID) -> Receipt:
    """Show an order."""
    raise HTTPNotFound(f"there is no order {number}")


app.mount("/orders", orders)


@app.get("/events", tags=["streams"])
async def events(count: Annotated[int, Ge(0), Le(10)] = 3) -> AsyncIterator[Event]:
    """Tell what is sold."""
    for number in range(count):
        yield Event({"sold": number}, id=number)


@app.get("/export", tags=["streams"])
async def export() -> AsyncIterator[Tea]:
    """Send all teas, one a line."""
    for tea in TEAS.values():
        yield tea


@app.route("/open", tags=["shop"])
class Open(View):
    """Whether the shop is open."""

    async def get(self) -> dict[str, bool]:
        return {"open": True}

    async def put(self, is_open: Annotated[bool, Body()]) -> dict[str, bool]:
        """Open or close the shop."""
        return {"open": is_open}


@app.get("/hello/{name}/{times:int}", tags=["shop"])
async def hello(request: Request, name: str, times: int) -> TextResponse:
    """Greet: this handler makes its response itself."""
    return TextResponse(f"Hello, {name}! " * min(times, 3))


@app.get("/health", include_in_schema=False)
async def health() -> Response:
    return Response(status=204)


OpenAPI(
    title="Teashop",
    version="1.0",
    description="Sells tea.",
    tags={"teas": "What is in stock.", "orders": "What is sold."},
).attach(app)

if __name__ == "__main__":
    run_app(app)
