"""Measures what typed handlers cost, in sketch and in other frameworks: `python -m benchmarks.binding`.

An ASGI call without a server, as in `benchmarks.inprocess`. Each framework declares the same inputs and results in its
own way; *by hand* is the same work on sketch with untyped handlers, which call msgspec or pydantic themselves.
"""

import argparse
import json
import sys
from collections.abc import Callable
from statistics import median
from typing import Annotated, Any

import msgspec
import pydantic

from benchmarks.cases import Case
from benchmarks.inprocess import ASGI, measure
from benchmarks.settings import ENVIRONMENT
from sketch.bench import BenchError, Cores, Load
from sketch.bench.program import run_pinned

ROUNDS = 7

ORDER = {
    "id": 1, "name": "a thing", "price": 2.5, "count": 3, "tags": ["blue", "round"], "city": "Bern", "zip": "3000",
    "paid": True, "note": None, "weight": 1.5,
}  # fmt: skip
"""Ten fields."""


class Order(msgspec.Struct):
    id: int
    name: str
    price: float
    count: int
    tags: list[str]
    city: str
    zip: str
    paid: bool
    note: str | None
    weight: float


class Model(pydantic.BaseModel):
    id: int
    name: str
    price: float
    count: int
    tags: list[str]
    city: str
    zip: str
    paid: bool
    note: str | None
    weight: float


_BODY = json.dumps(ORDER).encode()
_JSON = (("Content-Type", "application/json"),)
_INPUTS = Load("/items/7?q=abc&limit=5", headers=(("X-Token", "abcdef"),))
CASES = {
    "inputs": Case(
        "inputs", "path, query, header", _INPUTS, b'{"id": 7, "q": "abc", "limit": 5, "token": "abcdef"}'
    ),
    "body": Case("body", "JSON body", Load("/orders", "POST", _JSON, _BODY), _BODY),
    "pydantic": Case("pydantic", "JSON body, pydantic", Load("/models", "POST", _JSON, _BODY), _BODY),
}  # fmt: skip


# -- the frameworks ---------------------------------------------------------------------------------------------------


def sketch() -> ASGI:
    from sketch import Application, Header

    app = Application(json="msgspec")

    @app.get("/items/{id}")
    async def item(id: int, q: str, limit: int, x_token: Annotated[str, Header()]) -> dict[str, int | str]:
        return {"id": id, "q": q, "limit": limit, "token": x_token}

    @app.post("/orders")
    async def order(order: Order) -> Order:
        return order

    @app.post("/models")
    async def model(model: Model) -> Model:
        return model

    return app


def by_hand() -> ASGI:
    from sketch import Application, Request, Response

    app = Application()
    encode, decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(Order).decode
    adapter = pydantic.TypeAdapter(Model)

    @app.get("/items/{id:int}")
    async def item(request: Request, id: int) -> Response:
        values = {"id": id, "q": request.query["q"], "limit": int(request.query["limit"])}
        return answer(encode({**values, "token": request.headers["X-Token"]}))

    @app.post("/orders")
    async def order(request: Request) -> Response:
        return answer(encode(decode(await request.read())))

    @app.post("/models")
    async def model(request: Request) -> Response:
        return answer(adapter.dump_json(adapter.validate_json(await request.read())))

    def answer(body: bytes) -> Response:
        return Response(body, content_type="application/json")

    return app


def fastapi() -> ASGI:
    """FastAPI knows only models of pydantic."""
    from fastapi import FastAPI, Header

    app = FastAPI()

    @app.get("/items/{id}")
    async def item(id: int, q: str, limit: int, x_token: Annotated[str, Header()]) -> dict[str, int | str]:
        return {"id": id, "q": q, "limit": limit, "token": x_token}

    @app.post("/models")
    @app.post("/orders")
    async def model(model: Model) -> Model:
        return model

    return app


def litestar() -> ASGI:
    from litestar import Litestar, get, post
    from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody

    Token = Annotated[str, HeaderParameter(name="x-token")]  # noqa: N806 - a type

    @get("/items/{id:int}")
    async def item(id: FromPath[int], q: FromQuery[str], limit: FromQuery[int], token: Token) -> dict[str, int | str]:
        return {"id": id, "q": q, "limit": limit, "token": token}

    @post("/orders", status_code=200)
    async def order(data: JSONBody[Order]) -> Order:
        return data

    @post("/models", status_code=200)
    async def model(data: JSONBody[Model]) -> Model:
        return data

    return Litestar([item, order, model], openapi_config=None, logging_config=None)


def blacksheep() -> ASGI:
    """BlackSheep reads models of pydantic, and no structs of msgspec."""
    import orjson
    from blacksheep import Application, FromHeader, FromJSON, Router
    from blacksheep.settings.json import json_settings

    def dumps(value: Any) -> str:
        return orjson.dumps(value, default=Model.model_dump).decode()

    class FromToken(FromHeader[str]):
        name = "x-token"

    json_settings.use(orjson.loads, dumps)
    app = Application(router=Router())

    @app.router.get("/items/{id}")
    async def item(id: int, q: str, limit: int, token: FromToken) -> dict[str, int | str]:
        return {"id": id, "q": q, "limit": limit, "token": token.value}

    @app.router.post("/models")
    @app.router.post("/orders")
    async def model(data: FromJSON[Model]) -> Model:
        return data.value

    return app


FRAMEWORKS: dict[str, Callable[[], ASGI]] = {
    "sketch": sketch, "by hand": by_hand, "fastapi": fastapi, "litestar": litestar, "blacksheep": blacksheep,
}  # fmt: skip


# -- measuring --------------------------------------------------------------------------------------------------------

Rounds = dict[str, list[dict[str, float]]]
"""Microseconds of CPU time per call, by framework, round and case."""


def run(names: list[str], rounds: int) -> tuple[Rounds, dict[str, str]]:
    """Measure frameworks in turn, each time in a new process. Returns also why some could not be measured."""
    core = Cores.choose().server
    found: Rounds = {name: [] for name in names}
    skipped: dict[str, str] = {}
    for _ in range(rounds):
        for name in [name for name in names if name not in skipped]:
            command = [sys.executable, "-m", "benchmarks.binding", "--child", name]
            try:
                output = run_pinned(command, core, timeout=60, environment=ENVIRONMENT)
            except BenchError as exc:
                skipped[name] = str(exc)
            else:
                found[name].append(json.loads(output.splitlines()[-1]))
    return {name: figures for name, figures in found.items() if name not in skipped}, skipped


def table(found: Rounds) -> str:
    """The figures as a table in Markdown: the median of the rounds, and of what sketch took in the same round."""
    head = ["", *(case.title for case in CASES.values())]
    lines = [" | ".join(head), " | ".join(["---", *["---:"] * len(CASES)])]
    for name, rounds in found.items():
        lines.append(" | ".join([name, *(_cell(rounds, found.get("sketch", rounds), case) for case in CASES)]))
    return "\n".join(f"| {line} |" for line in lines)


def _cell(rounds: list[dict[str, float]], ours: list[dict[str, float]], case: str) -> str:
    ratio = median(mine[case] / one[case] for mine, one in zip(ours, rounds, strict=True))
    figure = f"{median(one[case] for one in rounds):.1f}"
    return figure if rounds is ours else f"{figure} ({ratio:.2f})"


def main(arguments: list[str] | None = None) -> None:
    """Measure all frameworks, or one in this process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.binding", description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", choices=FRAMEWORKS, help="a framework; repeatable")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"the median counts (default: {ROUNDS})")
    parser.add_argument("--child", choices=FRAMEWORKS, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.child:
        import uvloop

        print(json.dumps(uvloop.run(measure(FRAMEWORKS[given.child](), CASES))))
        return
    found, skipped = run(given.only or list(FRAMEWORKS), given.rounds)
    print(table(found))
    for name, reason in skipped.items():
        print(f"{name} is left out: {reason}")


if __name__ == "__main__":
    main()
