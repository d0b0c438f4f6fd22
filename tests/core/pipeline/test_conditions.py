"""304 and 412 for any response with validators (RFC 9110 section 13)."""

from __future__ import annotations

from typing import Any

import pytest

from sketch.application import Application
from sketch.middleware.compression import Compression
from sketch.middleware.security_headers import SecurityHeaders
from sketch.request import Request
from sketch.response import Response
from sketch.streams.stream import StreamResponse
from tests.support.requests import answer, in_loop
from tests.support.responses import headers_of

BEFORE, AT, AFTER = (f"Sun, 06 Nov 1994 08:49:{second} GMT" for second in (36, 37, 38))
VALIDATORS = {"ETag": '"v1"', "Last-Modified": AT}


async def ask(response: Response, method: str = "GET", **conditions: str) -> Any:
    app = Application()
    app.add_route((method, "GET"), "/", lambda: response)
    fields = [(name.lower().replace("_", "-").encode(), value.encode("latin-1")) for name, value in conditions.items()]
    return await answer(app, "/", method=method, headers=[(b"host", b"x"), *fields])


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({}, 200),
        ({"if_none_match": '"v1"'}, 304),
        ({"if_none_match": '"v0", W/"v1"'}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": '"v0"'}, 200),
        ({"if_none_match": "v1"}, 200),
        ({"if_none_match": '"v0"', "if_modified_since": AFTER}, 200),
        ({"if_modified_since": AT}, 304),
        ({"if_modified_since": AFTER}, 304),
        ({"if_modified_since": BEFORE}, 200),
        ({"if_modified_since": "yesterday"}, 200),
        ({"if_match": '"v1"'}, 200),
        ({"if_match": "*"}, 200),
        ({"if_match": '"v0"'}, 412),
        ({"if_match": 'W/"v1"'}, 412),
        ({"if_unmodified_since": BEFORE}, 412),
        ({"if_unmodified_since": AT}, 200),
        ({"if_match": '"v0"', "if_none_match": '"v1"'}, 412),
        ({"range": "bytes=0-1"}, 200),
    ],
)
@in_loop
async def test_conditions_of_get_and_head(conditions: dict[str, str], status: int) -> None:
    for method in ("GET", "HEAD"):
        wire = await ask(Response("hello", headers=VALIDATORS), method, **conditions)
        assert wire.status == status
        assert (headers_of(wire)["etag"], headers_of(wire)["last-modified"]) == ('"v1"', AT)
        if status == 304:
            assert (wire.payload, wire.length) == (b"", None)
            assert "content-type" not in headers_of(wire)
        elif method == "GET":
            assert wire.payload == {200: b"hello", 412: b"412 Precondition Failed"}[status]


@in_loop
async def test_one_validator_alone() -> None:
    tagged, dated = {"ETag": 'W/"a"'}, {"Last-Modified": AT}
    assert (await ask(Response(headers=tagged), if_none_match='"a"')).status == 304
    assert (await ask(Response(headers=tagged), if_modified_since=AFTER)).status == 200
    assert (await ask(Response(headers=dated), if_none_match="*")).status == 304
    assert (await ask(Response(headers=dated), if_none_match='"a"', if_modified_since=AT)).status == 200
    assert (await ask(Response(headers=dated), if_match='"a"')).status == 412
    assert (await ask(Response(headers=dated), if_modified_since=AT)).status == 304


@pytest.mark.parametrize("headers", [{}, {"ETag": "v1"}, {"ETag": "é"}, {"Last-Modified": "now"}, {"X-ETag": '"v1"'}])
@in_loop
async def test_no_validator_or_a_malformed_one(headers: dict[str, str]) -> None:
    wire = await ask(Response("a", headers=headers), if_none_match='v1, "v1", \xe9', if_modified_since=AFTER)
    assert (wire.status, wire.payload) == (200, b"a")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "QUERY"])
@in_loop
async def test_other_methods_have_done_what_they_do(method: str) -> None:
    for conditions in ({"if_none_match": '"v1"'}, {"if_match": '"v0"'}):
        assert (await ask(Response("a", headers=VALIDATORS), method, **conditions)).status == 200


@pytest.mark.parametrize("status", [201, 206, 404, 500])
@in_loop
async def test_only_a_200_is_conditional(status: int) -> None:
    assert (await ask(Response("a", status=status, headers=VALIDATORS), if_none_match='"v1"')).status == status


@in_loop
async def test_the_fields_of_the_304() -> None:
    """Those that guide caches stay, and cookies; those that describe the content go."""
    response = Response("a", headers={**VALIDATORS, "Content-Language": "en", "Content-Length": "1", "Vary": "Cookie"})
    response.headers["Cache-Control"] = "private"
    response.set_cookie("a", "b")
    wire = await ask(response, if_none_match='"v1"')
    assert [name for name, _ in wire.fields] == [b"etag", b"last-modified", b"vary", b"cache-control", b"set-cookie"]
    assert (await ask(response)).payload == b"a", "the response itself is unchanged"


@in_loop
async def test_a_stream_is_closed_unsent() -> None:
    closed: list[bool] = []

    class Chunks:
        def __aiter__(self) -> Chunks:
            return self

        async def __anext__(self) -> bytes:
            raise AssertionError

        async def aclose(self) -> None:
            closed.append(True)

    wire = await ask(StreamResponse(Chunks(), headers=VALIDATORS), if_none_match='"v1"')
    assert (wire.status, wire.payload, closed) == (304, b"", [True])


@in_loop
async def test_what_middlewares_and_hooks_have_set_counts() -> None:
    app = Application(outer_middlewares=[SecurityHeaders()], middlewares=[Compression(minimum_size=1)])
    body = "hello " * 100
    app.add_get("/", lambda: Response(body, headers=VALIDATORS))
    app.add_get("/late", lambda: Response(body))

    @app.on_response_prepare
    async def tag(request: Request, response: Response) -> None:
        response.headers.setdefault("ETag", '"late"')

    host = (b"host", b"x")
    wire = await answer(app, "/late", headers=[host, (b"if-none-match", b'"late"')])
    assert (wire.status, headers_of(wire)["x-content-type-options"]) == (304, "nosniff")
    wire = await answer(app, "/", headers=[host, (b"accept-encoding", b"gzip")])
    tagged = headers_of(wire)["etag"]
    assert (tagged, headers_of(wire)["content-encoding"]) == ('W/"v1"', "gzip")
    wire = await answer(app, "/", headers=[host, (b"accept-encoding", b"gzip"), (b"if-none-match", tagged.encode())])
    assert (wire.status, headers_of(wire)["etag"], headers_of(wire)["vary"]) == (304, 'W/"v1"', "Accept-Encoding")
    assert "content-encoding" not in headers_of(wire)


@in_loop
async def test_background_work_is_done() -> None:
    done: list[bool] = []
    app, response = Application(), Response("a", headers=VALIDATORS)
    response.background = lambda: done.append(True)
    app.add_get("/", lambda: response)
    await app.startup()
    wire = await answer(app, "/", headers=[(b"host", b"x"), (b"if-none-match", b"*")])
    await app.shutdown()
    await app.cleanup()
    assert (wire.status, done) == (304, [True])


@in_loop
async def test_the_fast_path_says_the_same() -> None:
    """Fields that were given with a validator are sent as they were encoded, where the request has no condition."""
    given = Response("a", headers={"ETag": '"a"', "X": "1"})
    changed = Response("a", headers={"X": "1"})
    changed.headers["ETag"] = '"a"'
    for conditions in ({}, {"if_none_match": '"a"'}, {"if_match": '"b"'}, {"range": "bytes=0-0"}):
        one, two = [await ask(response, **conditions) for response in (given, changed)]
        assert (one.status, one.payload, sorted(one.fields)) == (two.status, two.payload, sorted(two.fields))
    given.headers["ETag"] = '"b"'
    assert (await ask(given, if_none_match='"a"')).status == 200
    assert (await ask(given.copy(), if_none_match='"b"')).status == 304
