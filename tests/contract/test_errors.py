"""Errors, middleware and hooks: who sees what, and what is answered."""

from __future__ import annotations

import pytest

from tests.contract.transports import Transport


async def test_an_unexpected_error_is_a_plain_500_and_the_application_goes_on(transport: Transport) -> None:
    for _ in range(3):
        reply = await transport.get("/boom")
        assert (reply.status, reply.text) == (500, "500 Internal Server Error")
        assert reply.header("content-type") == "text/plain; charset=utf-8"
        assert (await transport.get("/")).text == "hello"


@pytest.mark.parametrize("target", ["/none", "/dict", "/length-lie"])
async def test_what_is_no_response_is_a_500_and_no_hanging_client(transport: Transport, target: str) -> None:
    reply = await transport.get(target)
    assert (reply.status, reply.text) == (500, "500 Internal Server Error")


@pytest.mark.parametrize("how", ["raised", "returned"])
async def test_http_errors_may_be_raised_or_returned(transport: Transport, how: str) -> None:
    reply = await transport.get(f"/forbidden/{how}")
    assert (reply.status, reply.text, reply.header("x-why")) == (403, "no entry", "because")


async def test_an_http_error_needs_no_reason(transport: Transport) -> None:
    reply = await transport.get("/error-without-reason")
    assert (reply.status, reply.text) == (404, "404 Not Found")


async def test_the_exception_hook_may_answer(transport: Transport) -> None:
    reply = await transport.get("/teapot")
    assert (reply.status, reply.text) == (418, "short and stout")


async def test_an_exception_hook_that_fails_is_a_500(transport: Transport) -> None:
    assert (await transport.get("/teapot/broken")).status == 500


async def test_a_hook_before_the_handler_may_answer(transport: Transport) -> None:
    reply = await transport.get("/boom", [("X-Short-Circuit", "yes")])
    assert (reply.status, reply.text, reply.header("x-after")) == (202, "short", "once")


@pytest.mark.parametrize("target", ["/", "/nowhere", "/boom", "/forbidden/raised", "/stream/2"])
async def test_the_hook_after_sees_every_answer_once(transport: Transport, target: str) -> None:
    """A hook that returns nothing keeps the response."""
    assert (await transport.get(target)).all("x-after") == ["once"]


async def test_the_hook_after_may_replace_the_answer(transport: Transport) -> None:
    assert (await transport.get("/boom", [("X-Replace", "yes")])).text == "replaced"
    assert (await transport.get("/stream/2", [("X-Replace", "yes")])).text == "replaced"


async def test_the_first_middleware_is_the_outermost(transport: Transport) -> None:
    reply = await transport.get("/", [("X-Trace", "yes")])
    assert reply.all("x-trace") == ["inner after outer,inner", "outer after outer,inner"]


async def test_middleware_sees_errors_on_their_way_out(transport: Transport) -> None:
    """404 and 405, too: a path that matches nothing runs through the chain."""
    for target, status in (("/nowhere", 404), ("/forbidden/raised", 403)):
        reply = await transport.get(target, [("X-Trace", "yes")])
        assert (reply.status, reply.all("x-trace")) == (status, [])


@pytest.mark.parametrize(("target", "status"), [("/shared/response", 200), ("/shared/error", 403)])
async def test_one_response_object_for_a_hundred_requests(transport: Transport, target: str, status: int) -> None:
    """What a hook adds to one answer does not show in the next."""
    for _ in range(100):
        reply = await transport.get(target)
        assert (reply.status, reply.text, reply.all("x-after")) == (status, "shared", ["once"])
