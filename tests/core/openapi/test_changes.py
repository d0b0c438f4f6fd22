"""What differs between two documents, in words."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from sketch import Application, Depends, Form, Header, Query
from sketch.openapi.changes import compare
from tests.core.openapi.support import document


@dataclass
class Tea:
    name: str
    grams: int = 0


class Key:
    def __call__(self, key: Annotated[str, Header()] = "") -> None: ...

    def openapi_security(self) -> dict[str, Any]:
        return {"key": {"type": "apiKey", "in": "header", "name": "key"}}


def shop() -> dict[str, Any]:
    app = Application()

    @app.get("/teas/{number}", tags=["teas"])
    async def show(number: int, q: Annotated[str, Query()] = "") -> Tea: ...

    @app.post("/teas")
    async def add(tea: Tea) -> None: ...

    @app.post("/form", dependencies=[Depends(Key())])
    async def form(title: Annotated[str, Form()]) -> str: ...

    return document(app)


def test_nothing_differs() -> None:
    assert compare(shop(), shop()) == []


def test_servers_do_not_count() -> None:
    assert compare(shop(), {**shop(), "servers": [{"url": "/elsewhere"}]}) == []


def edit(document: Any, *steps: Any, value: Any = None) -> None:
    """Set what stands at a place, or remove it."""
    *above, last = steps
    for step in above:
        document = document[step]
    if value is None:
        del document[last]
    else:
        document[last] = value


SHOW, ADD, FORM = ("paths", "/teas/{number}", "get"), ("paths", "/teas", "post"), ("paths", "/form", "post")
Q = {"name": "q", "in": "query", "schema": {"type": "string", "default": ""}}
NUMBER = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}

EDITS: list[tuple[tuple[Any, ...], Any, list[str]]] = [
    (ADD, None, ["breaking: POST /teas: is gone"]),
    (("paths", "/new"), {"get": {"responses": {}}}, ["compatible: GET /new: is new"]),
    (
        (*SHOW, "operationId"),
        "show",
        ["breaking: GET /teas/{number}: is show in generated clients, was get_teas_number"],
    ),
    ((*SHOW, "deprecated"), True, ["compatible: GET /teas/{number}: is deprecated"]),
    ((*SHOW, "summary"), "Other", ["compatible: GET /teas/{number}: has other notes: summary"]),
    ((*SHOW, "security"), [{"key": []}], ["breaking: GET /teas/{number}: needs other credentials: key"]),
    ((*FORM, "security"), None, ["compatible: POST /form: needs other credentials: none"]),
    ((*SHOW, "parameters", 1), None, ["breaking: GET /teas/{number} query q: is gone"]),
    ((*SHOW, "parameters", 1), {**Q, "required": True}, ["breaking: GET /teas/{number} query q: is required"]),
    (
        (*SHOW, "parameters", 1),
        {**Q, "description": "D"},
        ["compatible: GET /teas/{number} query q: has another description"],
    ),
    (
        (*SHOW, "parameters", 1),
        {**Q, "schema": {"type": "integer"}},
        ["breaking: GET /teas/{number} query q: is integer, was string"],
    ),
    ((*SHOW, "parameters", 0), NUMBER, []),
    ((*ADD, "parameters"), [Q], ["compatible: POST /teas query q: is new"]),
    ((*ADD, "parameters"), [{**Q, "required": True}], ["breaking: POST /teas query q: is new, and required"]),
    ((*ADD, "requestBody"), None, ["breaking: POST /teas body: is gone"]),
    (
        (*SHOW, "requestBody"),
        {"required": True, "content": {}},
        ["breaking: GET /teas/{number} body: is new, and required"],
    ),
    ((*SHOW, "requestBody"), {"content": {}}, ["compatible: GET /teas/{number} body: is new"]),
    ((*ADD, "requestBody", "required"), None, ["compatible: POST /teas body: may be missing"]),
    ((*ADD, "requestBody", "content", "text/csv"), {}, ["compatible: POST /teas body: may also be text/csv"]),
    (
        (*ADD, "requestBody", "content", "application/json"),
        None,
        ["breaking: POST /teas body: is no longer application/json"],
    ),
    ((*SHOW, "responses", "200"), None, ["breaking: GET /teas/{number} 200: is gone"]),
    ((*SHOW, "responses", "404"), None, ["compatible: GET /teas/{number} 404: is gone"]),
    ((*SHOW, "responses", "202"), {"description": "D"}, ["breaking: GET /teas/{number} 202: is new"]),
    ((*SHOW, "responses", "409"), {"description": "D"}, ["compatible: GET /teas/{number} 409: is new"]),
    ((*SHOW, "responses", "200", "description"), "D", ["compatible: GET /teas/{number} 200: has another description"]),
    (("info", "version"), "2", ["compatible: the document: has another 'info'"]),
    (
        ("components", "schemas", "Other"),
        {},
        ["compatible: the document: differs at /components/schemas/Other, which changes nothing for clients"],
    ),
    (
        ("components", "schemas", "Tea", "properties", "name"),
        None,
        [
            "breaking: GET /teas/{number} 200 name: is gone",
            "breaking: POST /teas body name: is gone",
        ],
    ),
]


@pytest.mark.parametrize(("steps", "value", "texts"), EDITS, ids=[" ".join(map(str, case[0])) for case in EDITS])
def test_one_edit(steps: tuple[Any, ...], value: Any, texts: list[str]) -> None:
    before, after = shop(), deepcopy(shop())
    edit(after, *steps, value=value)
    found = [str(change) for change in compare(before, after)]
    if steps == (*SHOW, "parameters", 0):
        assert found == [] or all("compatible" in each for each in found), "names of path parameters are not sent"
    else:
        assert found == texts


def test_path_parameters_have_no_names_on_the_wire() -> None:
    after = shop()
    after["paths"]["/teas/{id}"] = after["paths"].pop("/teas/{number}")
    after["paths"]["/teas/{id}"]["get"]["parameters"][0] = NUMBER
    (change,) = compare(shop(), after)
    assert str(change) == "compatible: GET /teas/{id}: names its path parameters otherwise, was /teas/{number}"


def test_what_breaks_comes_first() -> None:
    after = shop()
    after["paths"]["/new"] = {"get": {}}
    del after["paths"]["/teas"]
    assert [change.breaking for change in compare(shop(), after)] == [True, False]
