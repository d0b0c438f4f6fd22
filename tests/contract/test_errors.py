"""Errors, middleware and hooks: what each of them sees, and what is answered."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from tests.contract.transports import Served, Transport

UNSENDABLE = ("number", "text", "status", "body")


async def test_an_unexpected_error_is_a_plain_500_and_the_application_goes_on(transport: Transport) -> None:
    for _ in range(3):
        reply = await transport.get("/boom")
        assert (reply.status, reply.text) == (500, "500 Internal Server Error")
        assert reply.header("content-type") == "text/plain; charset=utf-8"
        assert (await transport.get("/")).text == "hello"


@pytest.mark.core_rule
@pytest.mark.parametrize(
    "target",
    ["/none", "/dict", "/length-lie", "/foreign/unsendable", *(f"/unsendable/{what}" for what in UNSENDABLE)],
)
async def test_invalid_responses_are_a_500(transport: Transport, target: str) -> None:
    reply = await transport.get(target)
    assert (reply.status, reply.text) == (500, "500 Internal Server Error")
    assert reply.all("x-after") == ["once"]


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


@pytest.mark.core_rule
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
async def test_one_response_object_for_many_requests(transport: Transport, target: str, status: int) -> None:
    """What a hook adds to one answer does not appear in the next."""
    for _ in range(20):
        reply = await transport.get(target)
        assert (reply.status, reply.text, reply.all("x-after")) == (status, "shared", ["once"])


# -- forms -------------------------------------------------------------------------------------------------------------

TEXT, HTML, PROBLEM = "text/plain; charset=utf-8", "text/html; charset=utf-8", "application/problem+json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FORMS = {"*/*": TEXT, BROWSER: HTML, "application/json": PROBLEM, "text/plain;q=0.4, text/html;q=0.5": HTML}


@pytest.mark.core_rule
@pytest.mark.parametrize("accept", FORMS, ids=["anything", "browser", "json", "weights"])
async def test_errors_have_the_form_that_the_client_asks_for(transport: Transport, accept: str) -> None:
    fields = [("Accept", accept)]
    for method, target, status, phrase in (
        ("GET", "/nowhere", 404, "Not Found"),
        ("POST", "/get", 405, "Method Not Allowed"),
        ("GET", "/boom", 500, "Internal Server Error"),
        ("GET", "/problem/503", 503, "Service Unavailable"),
    ):
        reply = await transport.request(method, target, headers=fields)
        assert (reply.status, reply.header("content-type"), reply.header("vary")) == (status, FORMS[accept], "Accept")
        if FORMS[accept] == PROBLEM:
            assert reply.json() == {"type": "about:blank", "title": phrase, "status": status}
        else:
            assert f"{status} {phrase}" in reply.text
        if status == 405:
            assert reply.header("allow") == "GET, HEAD, OPTIONS"
        if status == 503:
            assert reply.header("retry-after") == "7"


@pytest.mark.core_rule
@pytest.mark.parametrize("accept", FORMS, ids=["anything", "browser", "json", "weights"])
async def test_head_of_an_error_has_the_fields_of_get(transport: Transport, accept: str) -> None:
    fields = [("Accept", accept)]
    get, head = [await transport.request(method, "/nowhere", headers=fields) for method in ("GET", "HEAD")]
    assert (head.status, head.body) == (404, b"")
    for name in ("content-type", "content-length", "vary"):
        assert head.header(name) == get.header(name)


async def test_the_detail_of_an_error_is_never_markup(transport: Transport) -> None:
    detail = "</p><script>alert(1)</script>\u00e9"
    target = f"/problem/409?detail={quote(detail)}"
    assert (await transport.get(target)).text == detail
    page = (await transport.get(target, [("Accept", BROWSER)])).text
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\u00e9</p>" in page
    assert (await transport.get(target, [("Accept", "application/json")])).json()["detail"] == detail


async def test_the_page_of_a_500_says_nothing(transport: Transport) -> None:
    for accept in FORMS:
        reply = await transport.get("/boom", [("Accept", accept)])
        assert re.search('secret|detail|Error(?! |<|"|$)|Traceback', reply.text) is None


@pytest.mark.transports("native-asyncio", "native-uvloop", "native-tls")
async def test_refusals_before_a_request_exists_are_plain_text(wired: Served) -> None:
    """The fields of a malformed head are not read."""
    reply = await wired.exchange(b"GET / HTTP/1.1\r\nHost: a b\r\nAccept: text/html\r\n\r\n")
    assert (reply.status, reply.header("content-type")) == (400, TEXT)
