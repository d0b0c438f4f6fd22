"""Pages: conditions of any answer, templates, and what a browser gets of an application that routes by itself."""

from __future__ import annotations

import re

from tests.contract.transports import Transport

WHEN = "Sun, 06 Nov 1994 08:49:37 GMT"


async def test_an_answer_with_a_validator_is_conditional(transport: Transport) -> None:
    for method in ("GET", "HEAD"):
        reply = await transport.request(method, "/conditional", headers=[("If-None-Match", 'W/"v1", "v0"')])
        assert (reply.status, reply.body, reply.header("etag")) == (304, b"", '"v1"')
        assert reply.header("content-type") is None
        assert str(reply.header("set-cookie")).startswith("seen=1")
    reply = await transport.get("/conditional/stream", [("If-Modified-Since", WHEN)])
    assert (reply.status, reply.body, reply.header("transfer-encoding")) == (304, b"", None)
    reply = await transport.get("/conditional/stream", [("If-None-Match", '"v1"'), ("If-Modified-Since", WHEN)])
    assert (reply.status, reply.body) == (200, b"hello")
    for fields, status in (([("If-Match", '"v1"')], 200), ([("If-Match", '"v0"')], 412), ([], 428)):
        reply = await transport.request("PUT", "/conditional", headers=fields, body=b"new")
        assert (reply.status, reply.body == b"new") == (status, status == 200)


async def test_a_page_of_a_template(transport: Transport) -> None:
    reply = await transport.get("/page/a&b")
    assert (reply.status, reply.header("content-type")) == (200, "text/html; charset=utf-8")
    prefix = reply.body.decode().partition('href="')[2].partition("/static")[0]
    link = f'<a href="{prefix}/static/a%20b.txt">a&amp;b</a>\n'
    found = re.fullmatch(
        rf'{link}<script src="({prefix}/static/app.js\?v=[0-9a-f]{{16}})"></script>', reply.body.decode()
    )
    assert found is not None, reply.body
    script = await transport.get(found[1])
    assert script.header("cache-control") == "public, max-age=31536000, immutable"
    assert (await transport.get("/page/a&b?block=name")).body == b"a&amp;b"
    reply = await transport.get("/page/abc/stream")
    assert (reply.status, len(reply.body) > 60_000, reply.header("content-length")) == (200, True, None)


async def test_what_a_browser_gets_that_routes_by_itself(transport: Transport) -> None:
    browser = ("Accept", "text/html,*/*;q=0.8")
    page = await transport.get("/spa/users/5", [browser])
    assert (page.status, page.body) == (200, (await transport.get("/static/")).body)
    for path, field in (("users/5", ("Accept", "*/*")), ("none.js", browser)):
        assert (await transport.get(f"/spa/{path}", [field])).status == 404
