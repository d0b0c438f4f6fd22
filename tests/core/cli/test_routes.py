"""`sketch routes`: what it lists, and how it looks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pytest

from sketch import Application, Depends, Header, Request, Response, RouteGroup, View
from sketch.cli import main
from sketch.cli.routes import Row, list_routes, render
from sketch.middleware.proxy_headers import ProxyHeaders

PROGRAM = """
from functools import partial, wraps
from sketch import Application, ProxyHeaders, Response, View

async def tracing(request, handler):
    return await handler(request)

async def limited(request, handler, most=1):
    return await handler(request)

async def signed_in(request, handler):
    return await handler(request)

app = Application(middlewares=[tracing], outer_middlewares=[ProxyHeaders(["10.0.0.1"])])
api = app.group("/api", name="api", middlewares=[partial(limited, most=5)], tags=["public"])

@api.get("/users/{id:int}", name="user", middlewares=[signed_in], tags=["users"])
async def user(id): ...

class Order(View):
    async def get(self, id): ...
    async def delete(self, id): ...

app.add_view("/orders/{id}", Order)
app.re_route(r"/y/\\d{4}", methods=["POST", "GET"], host="shop.example")(user_by_year := lambda: Response())

@app.websocket("/chat/{room}")
async def chat(ws, room): ...

shop = Application("shop", middlewares=[signed_in])
shop.add_route("*", "/", lambda: Response(), name="index")
inner = Application("inner")
inner.add_get("/deep", lambda: Response(), name="deep")
shop.mount("/inner", inner)
app.mount("/{tenant}/shop", shop, name="shop")

async def legacy(scope, receive, send): ...
app.mount("/legacy", legacy, name="old")

empty = Application()
twice = Application()
twice.mount("/{id}", inside := Application())
inside.add_get("/{id}", lambda id: Response())
failing = lambda: 1 + "a"
broken = Application()
broken.middlewares.append(lambda request: None)
number = 7
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module in the working directory."""
    (tmp_path / "listed_program.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("listed_program", None)


@pytest.mark.usefixtures("program")
def test_every_route_with_its_names_and_middlewares(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["routes", "listed_program:app", "--json"]) == 0
    rows = {row["template"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == [
        "/api/users/{id:int}", "/orders/{id}", "/y/\\d{4}", "/chat/{room}", "/{tenant}/shop/",
        "/{tenant}/shop/inner/deep", "/legacy/*",
    ]  # fmt: skip
    assert rows["/api/users/{id:int}"] == {
        "methods": ["GET"], "template": "/api/users/{id:int}", "name": "api:user", "handler": "user",
        "place": f"{tmp_path / 'listed_program.py'}:17",
        "middlewares": ["ProxyHeaders", "tracing", "limited", "signed_in"], "conditions": [],
        "tags": ["public", "users"], "takes": [], "returns": None,
    }  # fmt: skip
    assert (rows["/orders/{id}"]["methods"], rows["/orders/{id}"]["handler"]) == (["DELETE", "GET"], "Order")
    assert rows["/y/\\d{4}"]["methods"] == ["GET", "POST"]
    assert rows["/y/\\d{4}"]["conditions"] == ["host=shop.example"]
    assert (rows["/chat/{room}"]["methods"], rows["/chat/{room}"]["handler"]) == (["WEBSOCKET"], "chat")
    index = rows["/{tenant}/shop/"]
    assert (index["methods"], index["name"]) == (["*"], "shop:index")
    assert index["middlewares"] == ["ProxyHeaders", "tracing", "signed_in"]
    assert rows["/{tenant}/shop/inner/deep"]["name"] == "shop:deep", "a mount without a name adds none"
    legacy = rows["/legacy/*"]
    assert (legacy["methods"], legacy["name"], legacy["handler"], legacy["place"]) == (["MOUNT"], "old", "legacy", None)


def test_names_are_those_of_url_for() -> None:
    app, shop = Application(), Application()
    group = RouteGroup("/g", name="g")
    group.add_get("/{id}", lambda: Response(), name="item")
    shop.add_group(group)
    app.mount("/shop", shop, name="shop")
    app.freeze()
    (row,) = list_routes(app)
    assert row.name is not None
    assert str(app.url_for(row.name, id=1)) == "/shop/g/1"


@pytest.mark.usefixtures("program")
def test_a_mounted_application_may_be_listed_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["routes", "listed_program:shop"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["METHODS", "TEMPLATE", "NAME"], ["*", "/", "index"], ["GET", "/inner/deep", "deep"],
    ]  # fmt: skip
    assert "tracing" not in "".join(lines)


@pytest.mark.usefixtures("program")
def test_closed_output_is_exit_code_1() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "sketch", "routes", "listed_program:app"]
    try:
        ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=30, check=False)
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, b"")


@pytest.mark.usefixtures("program")
def test_no_routes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["routes", "listed_program:empty"]) == 0
    assert main(["routes", "listed_program:empty", "--json"]) == 0
    assert capsys.readouterr().out == "no routes\n[]\n"


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(
    ("string", "error"),
    [
        ("no_such:app", "there is no module 'no_such'"),
        ("listed_program:nothing", "module 'listed_program' has no attribute 'nothing'"),
        ("listed_program:number", "expected a sketch Application, or any of ASGI 3, got 7"),
        ("listed_program:legacy", "expected a sketch Application, got <function legacy"),
        ("listed_program:broken", "expected a middleware `async (request, handler)`"),
        ("listed_program:twice", "expected unique parameter names, got 'id'"),
    ],
)
def test_mistakes_are_one_line(string: str, error: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["routes", string])
    assert caught.value.code == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert shown.err.startswith(f"error: {error}")


@pytest.mark.usefixtures("program")
def test_an_error_inside_the_module_keeps_its_traceback() -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        main(["routes", "listed_program:failing()"])


def test_what_handlers_declare() -> None:
    def signed_in(token: Annotated[str, Header()] = "") -> None: ...

    app = Application(dependencies=[Depends(signed_in)])

    @app.get("/teas/{number}")
    async def tea(number: int, on: date | None = None) -> list[Path]:
        return []

    @app.route("/stock")
    class Stock(View):
        async def get(self) -> None: ...

        async def put(self, amounts: dict[str, int]) -> str:
            return ""

    app.freeze()
    first, second = list_routes(app)
    assert first.takes == ["path number: int", "query on: date | None = None"]
    assert first.returns == "list[Path]"
    assert (second.takes, second.returns) == (["body: dict[str, int]"], "get None, put str")


# -- as text -----------------------------------------------------------------------------------------------------------


def row(template: str, **changes: Any) -> Row:
    values: dict[str, Any] = {
        "methods": ["GET"], "name": None, "handler": "show", "place": None, "middlewares": [], "conditions": [],
        "tags": [],
    }  # fmt: skip
    return Row(template=template, **(values | changes))


ROWS = [
    row("/", name="index"),
    row("/orders/{id:int}", methods=["GET", "POST"], handler="Orders", middlewares=["tracing", "signed_in"]),
]
TABLE = """\
METHODS   TEMPLATE          NAME   HANDLER  MIDDLEWARES
GET       /                 index  show
GET,POST  /orders/{id:int}         Orders   tracing, signed_in"""


@pytest.mark.parametrize("width", [None, 200, max(map(len, TABLE.splitlines()))])
def test_a_table_without_empty_columns(width: int | None) -> None:
    assert render(ROWS, width) == TABLE


def test_paragraphs_where_the_terminal_is_narrow() -> None:
    assert render(ROWS, max(map(len, TABLE.splitlines())) - 1).splitlines() == [
        "GET /", "    name: index", "    handler: show",
        "GET,POST /orders/{id:int}", "    handler: Orders", "    middlewares: tracing, signed_in",
    ]  # fmt: skip


def test_only_used_columns_are_shown() -> None:
    assert render([row("/", conditions=["host=a", "x-b=True"], tags=["c", "d"])], None).splitlines() == [
        "METHODS  TEMPLATE  HANDLER  CONDITIONS        TAGS",
        "GET      /         show     host=a, x-b=True  c, d",
    ]


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("columns", ["40", "400"])
def test_the_width_is_that_of_the_terminal(columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    main(["routes", "listed_program:app"])
    assert capsys.readouterr().out.startswith("METHODS"), "no terminal: always a table"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    main(["routes", "listed_program:app"])
    assert capsys.readouterr().out.startswith("METHODS" if columns == "400" else "GET /api/users/{id:int}\n    name:")
    assert os.environ["COLUMNS"] == columns


def test_middlewares_of_every_kind() -> None:
    class Gate:
        async def __call__(self, request: Request, handler: Any) -> Response:
            return await handler(request)  # type: ignore[no-any-return]

        async def check(self, request: Request, handler: Any) -> Response:
            return await handler(request)  # type: ignore[no-any-return]

    class Page(View):
        async def get(self) -> Response:
            return Response()

    app = Application(outer_middlewares=[ProxyHeaders(["10.0.0.1"])], middlewares=[Gate(), Gate().check])

    class Callable:
        async def __call__(self) -> Response:
            return Response()

        def __repr__(self) -> str:
            return "<callable (1)>"

    app.add_view("/", Page)
    app.add_get("/callable", Callable())
    app.freeze()
    shown, instance = list_routes(app)
    assert [name.rpartition(".")[2] for name in shown.middlewares] == ["ProxyHeaders", "Gate", "check"]
    assert shown.handler.endswith("Page")
    assert shown.place is not None
    assert shown.place.startswith(__file__)
    assert instance.handler.endswith("Callable"), "the class, not an address"
    assert instance.place is not None
    assert instance.place.startswith(__file__)
