"""The JSON of what handlers return: nothing of the declared type is lost, whatever writes it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

import pytest

from sketch.application import Application
from sketch.binding.answers.options import AnswerOptions
from sketch.binding.answers.writers import find_writer
from sketch.request import Request
from sketch.response import Response, json_response
from sketch.testing import TestClient
from tests.support.requests import in_loop, make_request

msgspec = pytest.importorskip("msgspec")
pydantic = pytest.importorskip("pydantic")


@dataclass
class Tea:
    name: str
    price: float = 1.0
    tags: list[str] = field(default_factory=list)


SENT, WHOLE = {"name": "a"}, {"name": "a", "price": 1.0, "tags": []}


@pytest.mark.parametrize("json", ["stdlib", "msgspec"])
@in_loop
async def test_the_defaults_of_a_dataclass_go_out_again(json: str) -> None:
    app = Application(json=json)

    @app.post("/one")
    async def one(tea: Tea) -> Tea:
        return tea

    @app.post("/all")
    async def every(teas: list[Tea]) -> list[Tea]:
        return teas

    @app.post("/by-hand")
    async def by_hand(request: Request) -> Response:
        return json_response(await request.json(type=Tea))

    @app.post("/read-elsewhere")
    async def read_elsewhere(tea: Tea) -> list[Tea]:
        return [msgspec.convert(SENT, Tea)]

    async with TestClient(app) as client:
        for path, sent, whole in [
            ("/one", SENT, WHOLE),
            ("/all", [SENT], [WHOLE]),
            ("/by-hand", SENT, WHOLE),
            ("/read-elsewhere", SENT, [WHOLE]),
        ]:
            assert await (await client.post(path, json=sent)).json() == whole


def test_a_dataclass_that_is_whole_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    write = find_writer(Tea, AnswerOptions())
    tea, made = Tea("a"), []
    monkeypatch.setattr(Tea, "__setattr__", lambda *_: made.append(1), raising=False)
    assert write(make_request(), tea) == b'{"name":"a","price":1.0,"tags":[]}'
    assert not made


def test_without_msgspec_the_codec_of_the_application_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    monkeypatch.setitem(sys.modules, "msgspec.json", None)
    write = find_writer(list[Tea], AnswerOptions())
    request: Any = make_request(app=Application())
    assert write(request, [Tea("a")]) == b'[{"name":"a","price":1.0,"tags":[]}]'


def test_an_answer_is_no_value_of_a_model() -> None:
    class Model(pydantic.BaseModel):
        name: str

    for kind in (Model, Tea):
        with pytest.raises(TypeError):
            find_writer(kind, AnswerOptions())(make_request(app=Application()), Response("x"))
