"""Groups and mounted applications behave alike in every transport."""

from __future__ import annotations

import pytest

from tests.contract.transports import Transport


async def test_a_handler_of_a_mounted_application(transport: Transport) -> None:
    reply = await transport.get("/t%20x/part/where/3")
    assert reply.status == 200
    assert reply.json() == {
        "app": ["part", "part"],
        "root_path": "/t%20x/part",
        "path": "/where/3",
        "template": "/{tenant}/part/where/{id:int}",
        "parameters": {"tenant": "t x", "id": 3},
        "url": "/t x/part/where/4",
        "state": ["part", "pool"],
    }
    assert reply.header("x-part") == "part"


async def test_a_miss_is_the_mounted_applications_own(transport: Transport) -> None:
    reply = await transport.get("/t/part/nowhere")
    assert (reply.status, reply.text, reply.header("x-part")) == (404, "part has no /nowhere", "part")
    reply = await transport.request("DELETE", "/t/part/read")
    assert (reply.status, reply.header("allow"), reply.header("x-part")) == (405, "OPTIONS, POST", "part")


async def test_an_error_is_answered_by_the_nearest_handler(transport: Transport) -> None:
    assert (await transport.get("/t/part/fails")).text == "the part's answer"
    assert (await transport.get("/group/fails")).text == "the group's answer"


async def test_limits_of_a_mounted_application(transport: Transport) -> None:
    assert (await transport.post("/t/part/read", b"12345678")).body == b"12345678"
    reply = await transport.post("/t/part/read", b"123456789")
    assert (reply.status, reply.header("x-part")) == (413, "part")


async def test_a_stream_of_an_application_in_a_mounted_one(transport: Transport) -> None:
    reply = await transport.get("/t/part/deep/stream/x")
    assert reply.text == "x of deep at /t/part/deep"


async def test_a_group(transport: Transport) -> None:
    reply = await transport.get("/group/inner/3")
    assert (reply.text, reply.all("x-order")[0]) == ("/group/inner/4", "group")
    assert (await transport.post("/group", b"1234")).body == b"1234"
    assert (await transport.post("/group", b"12345")).status == 413


@pytest.mark.core_rule
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], "plain"),
        ([("Host", "ONE.example.com:81")], "host"),
        ([("Host", "two.example.com")], "below"),
        ([("Host", "example.com")], "plain"),
        ([("X-Version", "2")], "header"),
        ([("X-Version", "3")], "plain"),
    ],
)
async def test_conditions(transport: Transport, headers: list[tuple[str, str]], expected: str) -> None:
    assert (await transport.get("/conditions", headers)).text == expected


async def test_where_no_condition_fits_nothing_is_there(transport: Transport) -> None:
    assert (await transport.get("/conditions/only")).status == 404
    assert (await transport.get("/conditions/only", [("Host", "one.example.com")])).text == "only"


async def test_a_redirect_to_the_slash_is_relative_and_keeps_the_query(transport: Transport) -> None:
    reply = await transport.get("/slash/soft?a=1&b=%2F")
    assert (reply.status, reply.header("location")) == (308, "./soft/?a=1&b=%2F")
    assert (await transport.get("/slash/soft/")).text == "soft"
    assert (await transport.get("/slash/hard")).status == 404


async def test_the_prefix_of_a_mounted_application_is_redirected_to_its_root(transport: Transport) -> None:
    reply = await transport.get("/soft?a=1&b=%2F")
    assert (reply.status, reply.header("location")) == (308, "./soft/?a=1&b=%2F")
    assert (await transport.get("/soft/")).text == "root"


async def test_urls_are_those_that_the_client_sees(transport: Transport) -> None:
    full, path = (await transport.get("/links", [("Host", "example.com:81")])).json()
    assert full.partition("://")[2] == "example.com:81/a%2Fb/part/where/1"
    assert path == "/group/inner/2"
    proxied = [("X-Proxies", "1"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "shop.example")]
    reply = await transport.get("/links", [*proxied, ("X-Forwarded-For", "203.0.113.9")])
    assert reply.json()[0] == "https://shop.example/a%2Fb/part/where/1"
