"""Which handler answers, with which parameters, and what is answered where none does."""

from __future__ import annotations

import uuid
from urllib.parse import quote

import pytest

from tests.contract.transports import Transport


async def test_get(transport: Transport) -> None:
    reply = await transport.get("/")
    assert (reply.status, reply.text) == (200, "hello")
    assert reply.header("content-type") == "text/plain; charset=utf-8"
    assert reply.header("content-length") == "5"


async def test_head_on_a_get_route_has_the_length_and_no_body(transport: Transport) -> None:
    reply = await transport.request("HEAD", "/get")
    assert (reply.status, reply.body, reply.header("content-length")) == (200, b"", "6")


async def test_options_names_the_methods(transport: Transport) -> None:
    reply = await transport.request("OPTIONS", "/get")
    assert (reply.status, reply.body, reply.header("content-length")) == (204, b"", None)
    assert reply.header("allow") == "GET, HEAD, OPTIONS"


async def test_a_wrong_method_is_405_with_the_right_ones(transport: Transport) -> None:
    reply = await transport.request("DELETE", "/get")
    assert (reply.status, reply.header("allow")) == (405, "GET, HEAD, OPTIONS")
    assert reply.text == "405 Method Not Allowed"


async def test_one_path_with_a_handler_per_method(transport: Transport) -> None:
    """The first route with the path does not hide the second."""
    assert (await transport.get("/same")).text == "get"
    assert (await transport.post("/same", b"")).text == "post"
    reply = await transport.request("PUT", "/same")
    assert (reply.status, reply.header("allow")) == (405, "GET, HEAD, OPTIONS, POST")


async def test_an_unknown_path_is_404(transport: Transport) -> None:
    reply = await transport.get("/nowhere")
    assert (reply.status, reply.text) == (404, "404 Not Found")


@pytest.mark.core_rule
@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/get/", 404),  # a slash at the end is another path
        ("/last", 200),  # the route that was added last is reached
        ("/lastly", 404),  # the whole path has to match
        ("/last%0A", 404),  # also where "$" would match before a line feed
        ("/f.json", 200),
        ("/fXjson", 404),  # a literal path is no regular expression
        ("/item/", 404),  # a parameter is not empty
        ("/item/a/b", 404),  # and holds no slash
        ("/item/%00", 404),
        ("/doc", 200),
        ("/help", 200),
        ("//evil.example/get", 404),
    ],
)
async def test_paths(transport: Transport, target: str, status: int) -> None:
    assert (await transport.get(target)).status == status


async def test_an_encoded_slash_stays_in_its_segment(transport: Transport) -> None:
    reply = await transport.get("/item/a%20b%2Fc")
    assert (reply.status, reply.json()) == (200, {"name": ["str", "a b/c"]})


@pytest.mark.parametrize("target", ["/item/%ff", "/item/%zz", "/item/%C3"])
async def test_undecodable_paths_match_nothing(transport: Transport, target: str) -> None:
    assert (await transport.get(target)).status == 404


@pytest.mark.core_rule
@pytest.mark.parametrize("value", ["jo-hn", "a.b", "é", "日本", "a+b", "a:b@c", "~x", "100%"])
async def test_parameters_are_any_text_decoded_once(transport: Transport, value: str) -> None:
    reply = await transport.get(f"/item/{quote(value, safe='')}")
    assert (reply.status, reply.json()) == (200, {"name": ["str", value]})


async def test_twice_encoded_is_decoded_once(transport: Transport) -> None:
    assert (await transport.get("/item/%2541")).json() == {"name": ["str", "%41"]}


UUID = str(uuid.UUID(int=7))


@pytest.mark.core_rule
@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("/int/7", {"n": ["int", "7"]}),
        ("/float/1.5", {"x": ["float", "1.5"]}),
        ("/float/2", {"x": ["float", "2.0"]}),
        (f"/uuid/{UUID}", {"u": ["UUID", UUID]}),
        ("/path/a/b%20c/d", {"rest": ["str", "a/b c/d"]}),
        ("/regex/123", {"code": ["str", "123"]}),
        ("/users/ann/posts/3", {"user": ["str", "ann"], "post": ["int", "3"]}),
    ],
)
async def test_converters(transport: Transport, target: str, found: object) -> None:
    reply = await transport.get(target)
    assert (reply.status, reply.json()) == (200, found)


HOSTILE = {
    "5000 digits": "1" * 5000,
    "Arabic digits": quote("٣"),
    "superscript": quote("²"),
    "full width": quote("\uff17"),
    "plus": "+1",
    "minus": "-1",
    "nothing": "",
    "space": "%201",
    "underscore": "1_000",
    "letters": "abc",
    "nan": "nan",
    "inf": "inf",
    "exponent": "1e5",
    "NUL": "1%00",
}


@pytest.mark.core_rule
@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
async def test_converters_do_not_fail(transport: Transport, value: str) -> None:
    """Text that a converter cannot read is a 404, never a 500."""
    for target in (f"/int/{value}", f"/uuid/{value}", f"/regex/{value}", f"/users/x/posts/{value}"):
        assert (await transport.get(target)).status == 404, target
    status = (await transport.get(f"/float/{value}")).status
    assert status == 404


async def test_arguments_by_name(transport: Transport) -> None:
    assert (await transport.get("/arguments/41/x%20y")).json() == [41, "x y", "GET"]


async def test_class_based_view(transport: Transport) -> None:
    assert (await transport.get("/view")).text == "view get"
    assert (await transport.post("/view", b"data")).text == "view post data"
    assert (await transport.request("HEAD", "/view")).header("content-length") == "8"
    reply = await transport.request("DELETE", "/view")
    assert (reply.status, reply.header("allow")) == (405, "GET, HEAD, OPTIONS, POST")


async def test_unusual_methods(transport: Transport) -> None:
    reply = await transport.request("QUERY", "/echo", body=b"select")
    assert (reply.json()["method"], reply.json()["body"]) == ("QUERY", "select")
    assert (await transport.request("PATCH", "/get")).status == 405
