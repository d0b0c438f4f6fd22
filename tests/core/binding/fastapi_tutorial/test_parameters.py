# What a path, a query, header fields and cookies give: the pages from "First Steps" to "Header Parameter Models".
# Annotations are evaluated at once here, as some name the models of the library that is tested.
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import ModuleType
from typing import Annotated, Literal
from uuid import UUID

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from msgspec import Meta
from pydantic import AfterValidator

from sketch import Application, Cookie, Header, Path, Query
from tests.core.binding.fastapi_tutorial.cases import GET, LIBRARIES, PUT, STRICT, Case, faulty, page


@page
def test_first_steps(app: Application) -> list[Case]:
    @app.get("/")
    async def index() -> dict[str, str]:
        return {"message": "Tea?"}

    @app.get("/plain")
    def plain() -> str:
        return "Tea."

    return [GET("/", {"message": "Tea?"}), GET("/plain", "Tea.")]


class Kind(Enum):
    GREEN = "green"
    BLACK = "black"


@page
def test_path_parameters(app: Application) -> list[Case]:
    @app.get("/teas/{number}")
    async def tea(number: int) -> dict[str, int]:
        return {"number": number}

    @app.get("/teas/best")  # a literal path comes first, wherever it is written
    async def best() -> dict[str, int]:
        return {"number": 7}

    @app.get("/kinds/{kind}")
    async def kind(kind: Kind) -> dict[str, str]:
        return {"kind": kind.value, "name": kind.name}

    @app.get("/files/{name:path}")
    async def file(name: str) -> str:
        return name

    return [
        GET("/teas/3", {"number": 3}),
        GET("/teas/-3", {"number": -3}),
        GET("/teas/best", {"number": 7}),
        GET("/teas/three", ..., 404),  # names nothing; there it is a 422
        GET("/teas/4.2", ..., 404),
        GET("/kinds/green", {"kind": "green", "name": "GREEN"}),
        GET("/kinds/white", ..., 404),
        GET("/files/a/b.txt", "a/b.txt"),
    ]


@page
def test_query_parameters(app: Application) -> list[Case]:
    @app.get("/teas")
    async def teas(skip: int = 0, limit: int = 10) -> list[int]:
        return [skip, limit]

    @app.get("/teas/{number}")
    async def tea(number: str, needed: str, q: str | None = None, short: bool = False) -> list[str | bool | None]:
        return [number, needed, q, short]

    return [
        GET("/teas", [0, 10]),
        GET("/teas?skip=20", [20, 10]),
        GET(
            "/teas?skip=x&limit=y",
            faulty(("query", "skip", "expected an integer"), ("query", "limit", "expected an integer")),
        ),
        GET("/teas?skip=1&skip=2", faulty(("query", "skip", "expected one value"))),  # there the last one counts
        GET("/teas/a?needed=x", ["a", "x", None, False]),
        GET("/teas/a?needed=x&q=&short=on", ["a", "x", None, True]),  # empty is None where that is possible
        GET("/teas/a?needed=x&short=Yes", ["a", "x", None, True]),
        GET("/teas/a?needed=x&short=0", ["a", "x", None, False]),
        GET("/teas/a?needed=x&short=maybe", faulty(("query", "short", "expected true or false"))),
        GET("/teas/a", faulty(("query", "needed", "is required"))),
    ]


def known(isbn: str) -> str:
    if not isbn.startswith("isbn-"):
        raise ValueError("must begin with isbn-")
    return isbn


@page
def test_query_parameters_and_string_validations(app: Application) -> list[Case]:
    @app.get("/short")
    async def short(q: Annotated[str | None, MinLen(3), MaxLen(5)] = None) -> str | None:
        return q

    @app.get("/code")
    async def code(code: Annotated[str, Meta(pattern="^[a-z]+$")] = "abc") -> str:
        return code

    @app.get("/needed")
    async def needed(q: Annotated[str, Query(), MinLen(3)]) -> str:
        return q

    @app.get("/many")
    async def many(q: Annotated[list[str], Query()] = ["a", "b"]) -> list[str]:  # noqa: B006 - not changed
        return q

    @app.get("/alias")
    async def alias(q: Annotated[str | None, Query("item-query")] = None) -> dict[str, str | None]:
        return {"q": q}

    @app.get("/book")
    async def book(isbn: Annotated[str, AfterValidator(known)]) -> str:
        return isbn

    return [
        GET("/short", None),
        GET("/short?q=four", "four"),
        GET("/short?q=ab", faulty(("query", "q", "expected text of at least 3 characters"))),
        GET("/short?q=abcdef", faulty(("query", "q", "expected text of at most 5 characters"))),
        GET("/code", "abc"),
        GET("/code?code=A1", faulty(("query", "code", "expected text that matches ^[a-z]+$"))),
        GET("/needed", faulty(("query", "q", "is required"))),
        GET("/many", ["a", "b"]),
        GET("/many?q=x&q=y", ["x", "y"]),
        GET("/alias?item-query=x", {"q": "x"}),
        GET("/alias?q=x", {"q": None}),
        GET("/book?isbn=isbn-1", "isbn-1"),
        GET(
            "/book?isbn=1", faulty(("query", "isbn", "expected a valid value"))
        ),  # what a validator raises may hold the value
    ]


@page
def test_path_parameters_and_numeric_validations(app: Application) -> list[Case]:
    @app.get("/teas/{number}")
    async def tea(*, number: Annotated[int, Ge(1), Le(1000)], size: Annotated[float, Gt(0), Lt(10.5)]) -> list[float]:
        return [number, size]

    @app.get("/cups/{cup_number}")
    async def cup(number: Annotated[int, Path("cup_number")]) -> int:
        return number

    return [
        GET("/teas/1?size=0.5", [1, 0.5]),
        GET(
            "/teas/0?size=10.5",
            faulty(("path", "number", "expected at least 1"), ("query", "size", "expected less than 10.5")),
        ),
        GET("/teas/1?size=nan", faulty(("query", "size", "expected a number"))),
        GET("/teas/one?size=1", ..., 404),
        GET("/cups/5", 5),
    ]


@LIBRARIES
@page
def test_query_parameter_models(app: Application, models: ModuleType) -> list[Case]:
    @app.get("/teas")
    async def teas(search: Annotated[models.Search, Query()]) -> models.Search:
        return search

    return [
        GET("/teas", {"limit": 100, "offset": 0, "order": "name", "tags": []}),
        GET("/teas?limit=5&order=price&tags=a&tags=b", {"limit": 5, "offset": 0, "order": "price", "tags": ["a", "b"]}),
        GET(
            "/teas?limit=0&offset=x",
            faulty(("query", "limit", "expected more than 0"), ("query", "offset", "expected an integer")),
        ),
        GET("/teas?order=age", faulty(("query", "order", "expected one of 'name', 'price'"))),
        GET("/teas?tool=x", ...),
    ]


@STRICT
@page
def test_query_parameter_models_without_extra_parameters(app: Application, models: ModuleType) -> list[Case]:
    @app.get("/teas")
    async def teas(search: Annotated[models.StrictSearch, Query()]) -> int:
        return search.limit

    return [GET("/teas?limit=3", 3), GET("/teas?tool=x", faulty(("query", "tool", "expected no such field")))]


@page
def test_extra_data_types(app: Application) -> list[Case]:
    @app.put("/teas/{number}")
    async def tea(
        number: UUID, start: datetime, day: date, at: time, after: timedelta, price: Decimal, key: bytes
    ) -> dict[str, object]:
        return {"number": number, "end": start + after, "day": day, "at": at, "price": price, "key": key}

    number = "0b6f1b5c-6c1e-4f0e-9d0b-0c7b1c8f4f7e"
    query = "start=2026-12-24T18:00:00Z&day=2026-12-24&at=18:00:00&after=PT1H30M&price=12.50&key=dGVh"
    return [
        PUT(
            f"/teas/{number}?{query}",
            {
                "number": number,
                "end": "2026-12-24T19:30:00Z",
                "day": "2026-12-24",
                "at": "18:00:00",
                "price": "12.50",
                "key": "dGVh",
            },
        ),
        PUT("/teas/7", ..., 404),
        PUT(
            f"/teas/{number}?{query.replace('PT1H30M', '90').replace('12-24', '12-32')}",
            faulty(
                ("query", "start", "expected a date and time as 2024-05-31T12:30:00Z"),
                ("query", "day", "expected a date as 2024-05-31"),
                ("query", "after", "expected a duration as P1DT2H30M"),
            ),
        ),
    ]


@page
def test_cookie_parameters(app: Application) -> list[Case]:
    @app.get("/")
    async def index(ads_id: Annotated[str | None, Cookie()] = None) -> str | None:
        return ads_id

    return [GET("/", None), GET("/", "x1", cookies={"ads_id": "x1"})]


@page
def test_header_parameters(app: Application) -> list[Case]:
    @app.get("/agent")
    async def agent(user_agent: Annotated[str | None, Header()] = None) -> str | None:
        return user_agent

    @app.get("/strange")
    async def strange(strange: Annotated[str, Header("strange_header")]) -> str:  # with its underscore
        return strange

    @app.get("/tokens")
    async def tokens(x_token: Annotated[list[str], Header()]) -> list[str]:
        return x_token

    return [
        GET("/agent", "tea/1", headers={"User-Agent": "tea/1"}),
        GET("/strange", "x", headers={"strange_header": "x"}),
        GET("/tokens", ["foo", "bar"], headers=[("X-Token", "foo"), ("X-Token", "bar")]),
        GET("/tokens", faulty(("header", "x-token", "is required"))),
    ]


@LIBRARIES
@page
def test_cookie_parameter_models(app: Application, models: ModuleType) -> list[Case]:
    @app.get("/")
    async def index(visit: Annotated[models.Visit, Cookie()]) -> models.Visit:
        return visit

    return [
        GET("/", faulty(("cookie", "session_id", "is required"))),
        GET("/", {"session_id": "a", "last_seen": None}, cookies={"session_id": "a"}),
        GET(
            "/",
            faulty(("cookie", "last_seen", "expected a date as 2024-05-31")),
            cookies={"session_id": "a", "last_seen": "never"},
        ),
    ]


@STRICT
@page
def test_cookie_parameter_models_without_extra_cookies(app: Application, models: ModuleType) -> list[Case]:
    @app.get("/")
    async def index(visit: Annotated[models.StrictVisit, Cookie()]) -> str:
        return visit.session_id

    return [
        GET("/", "a", cookies={"session_id": "a"}),
        GET("/", faulty(("cookie", "santa", "expected no such field")), cookies={"session_id": "a", "santa": "x"}),
    ]


@LIBRARIES
@page
def test_header_parameter_models(app: Application, models: ModuleType) -> list[Case]:
    @app.get("/")
    async def index(sender: Annotated[models.Sender, Header()]) -> models.Sender:
        return sender

    fields = [("User-Agent", "tea/1"), ("X-Tag", "a"), ("X-Tag", "b")]
    return [
        GET("/", {"user_agent": "tea/1", "save_data": False, "x_tag": ["a", "b"]}, headers=fields),
        GET("/", faulty(("header", "save-data", "expected true or false")), headers=[*fields, ("Save-Data", "x")]),
    ]


@page
def test_a_literal_in_the_path_and_in_the_query(app: Application) -> list[Case]:
    @app.get("/sizes/{size}")
    async def size(size: Literal["small", "large"], milk: Literal[0, 1] = 0) -> str:
        return f"{size} {milk + 1}"

    return [
        GET("/sizes/small", "small 1"),
        GET("/sizes/large?milk=1", "large 2"),
        GET("/sizes/huge", ..., 404),
        GET("/sizes/large?milk=2", faulty(("query", "milk", "expected one of '0', '1'"))),
    ]
