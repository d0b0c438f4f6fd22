"""What becomes a request, and what is refused before any application sees it."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import Application, Request, Response
from tests.rsgi.scripted import Fields, Protocol, ask, scope
from tests.support.scripts import in_loop


def make_app() -> Application:
    app = Application()

    @app.get("/{rest:path}")
    async def show(request: Request) -> Response:
        return Response(f"{request.target.decode()} {request.host} {request.path}")

    @app.get("/item/{name}")
    async def item(request: Request) -> Response:
        return Response(request.match_info["name"])

    return app


async def get(path: str = "/", *fields: tuple[str, str], **others: Any) -> Protocol:
    return await ask(make_app(), scope("GET", path, *fields, **others), Protocol())


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("/", "", "/"),
        ("/a/b-c_d.e~f", "", "/a/b-c_d.e~f"),
        ("/a b", "", "/a%20b"),
        ("/caf\xe9", "q=%20", "/caf%C3%A9?q=%20"),
        ("/50%", "", "/50%25"),
        ("/a?b#c", "", "/a%3Fb%23c"),
        ("/a\r\nb", "", "/a%0D%0Ab"),
        ('/<"{|}>', "", "/%3C%22%7B%7C%7D%3E"),
    ],
)
@in_loop
async def test_the_target_is_encoded_again(path: str, query: str, target: str) -> None:
    protocol = await get(path, query_string=query)
    assert (protocol.status, protocol.body) == (200, f"{target} test {path}".encode())


@pytest.mark.parametrize("path", ["/item/\0", "/item/a\ufffdb", "/item/\ufffd"])
@in_loop
async def test_what_is_not_decodable_matches_nothing(path: str) -> None:
    assert (await get(path)).status == 404


@pytest.mark.parametrize(
    ("others", "status"),
    [
        ({"host": None}, 400),
        ({"host": None, "http_version": "1"}, 200),
        ({"host": "caf\xe9"}, 400),
        ({"host": "a b"}, 400),
        ({"host": "u@evil"}, 400),
        ({"authority": "u@evil"}, 400),
        ({"host": None, "http_version": "2", "authority": "u@evil"}, 400),
        ({"query_string": "caf\xe9"}, 400),
        ({"query_string": "a#b"}, 400),
        ({"query_string": "a b"}, 400),
        ({"method": "CONNECT", "path": ""}, 501),
        ({"path": ""}, 400),
    ],
)
@in_loop
async def test_heads_that_are_refused(others: dict[str, Any], status: int) -> None:
    arguments = {"method": "GET", "path": "/", **others}
    protocol = await ask(make_app(), scope(**arguments), Protocol())
    assert protocol.status == status


@pytest.mark.parametrize(
    "fields",
    [
        (("host", "other"),),
        (("content-length", "4x"),),
        (("content-length", "1" * 20),),
        (("content-length", "-1"),),
        (("content-length", "\xb2"),),
    ],
)
@in_loop
async def test_fields_that_are_refused(fields: tuple[tuple[str, str], ...]) -> None:
    protocol = await get("/", *fields)
    assert (protocol.status, protocol.iterated) == (400, 0)


@in_loop
async def test_an_absolute_target_names_the_host() -> None:
    protocol = await get("/a", authority="named:8000")
    assert protocol.body == b"http://named:8000/a named:8000 /a"


@in_loop
async def test_the_authority_of_http_2_is_the_host() -> None:
    app = Application()

    @app.get("/")
    async def show(request: Request) -> Response:
        return Response(f"{request.target.decode()} {request.host} {request.headers['host']} {request.http_version}")

    head = scope(host=None, http_version="2", authority="named")
    assert (await ask(app, head, Protocol())).body == b"/ named named 2"


@in_loop
async def test_fields_are_converted_when_they_are_asked_for() -> None:
    app = Application()

    @app.get("/none")
    async def none() -> Response:
        return Response("none")

    @app.get("/one")
    async def one(request: Request) -> Response:
        again = request.raw_headers is request.raw_headers
        return Response(f"{request.headers['x-a']} {again}")

    for path, times, body in (("/none", 0, b"none"), ("/one", 1, b"1 True")):
        head = scope("GET", path, ("x-a", "1"))
        protocol = await ask(app, head, Protocol())
        fields: Fields = head.headers
        assert (protocol.body, fields.converted) == (body, times)


@pytest.mark.parametrize(
    ("client", "expected"),
    [("192.0.2.1:80", ("192.0.2.1", 80)), ("[2001:db8::1]:443", ("2001:db8::1", 443)), ("unix:", None), ("", None)],
)
@in_loop
async def test_addresses(client: str, expected: Any) -> None:
    app = Application()
    seen = []

    @app.get("/")
    async def show(request: Request) -> Response:
        seen.append(request.client)
        return Response("")

    await ask(app, scope(client=client), Protocol())
    assert seen == [expected]


@in_loop
async def test_a_scope_of_another_kind_is_the_servers_error() -> None:
    with pytest.raises(RuntimeError, match="expected a scope of proto http or ws, got 'mail'"):
        await ask(make_app(), scope(proto="mail"), Protocol())


@pytest.mark.parametrize("others", [{"path": None}, {"headers": None}, {"http_version": None}, {"query_string": 7}])
@in_loop
async def test_a_scope_with_wrong_types_is_an_error_and_no_answer(others: dict[str, Any]) -> None:
    protocol = Protocol()
    with pytest.raises((TypeError, AttributeError)):
        await ask(make_app(), scope(**others), protocol)
    assert protocol.sent == []
