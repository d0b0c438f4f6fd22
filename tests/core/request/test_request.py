"""Requests: what was sent, decoded when it is asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPBadRequest, HTTPContentTooLarge, HTTPUnprocessableContent
from sketch.limits import Limits
from sketch.transport import ClientDisconnected
from tests.support.requests import Peer, in_loop, make_request

# -- the target --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "path", "query", "url"),
    [
        ("/", "/", "", "http://example.com/"),
        ("/a%20b?x=1", "/a b", "x=1", "http://example.com/a%20b?x=1"),
        ("/a?b?c", "/a", "b?c", "http://example.com/a?b?c"),
        ("/%C3%A9%2Fx", "/é/x", "", "http://example.com/%C3%A9%2Fx"),
        ("/%ff", "/\ufffd", "", "http://example.com/%ff"),
        ("//evil/x", "//evil/x", "", "http://example.com//evil/x"),
        ("http://other:81/p?q", "/p", "q", "http://other:81/p?q"),
        ("http://other", "/", "", "http://other/"),
        ("http://other?q=1", "/", "q=1", "http://other/?q=1"),
        ("https://other//two", "//two", "", "http://other//two"),
        ("http:///p", "/p", "", "http://example.com/p"),
        ("http://:80/p", "/p", "", "http://example.com/p"),
        ("*", "*", "", "http://example.com"),
    ],
)
def test_targets(target: str, path: str, query: str, url: str) -> None:
    request = make_request(target)
    assert (request.path, request.query_string) == (path, query)
    assert str(request.url).rstrip("/") == url.rstrip("/")
    assert request.url is request.url, "built once"


@pytest.mark.parametrize(
    ("host", "url_host"),
    [(b"[::1]:8080", "::1"), (b"example.com:80", "example.com"), (b"1.2.3.4", "1.2.3.4"), (b"h:", "h")],
)
def test_hosts(host: bytes, url_host: str) -> None:
    request = make_request("//evil/x", headers=[(b"host", host)])
    assert request.host == host.decode()
    assert (request.url.host, request.url.path) == (url_host, "//evil/x")


@pytest.mark.parametrize(
    ("server", "host"),
    [(("10.0.0.1", 8080), "10.0.0.1:8080"), (("::1", 8080), "[::1]:8080"), (("h", 0), "h"), (None, "localhost")],
)
@pytest.mark.parametrize("headers", [[], [(b"host", b"")], [(b"host", b":80")]])
def test_without_a_host_it_is_the_address_that_the_client_connected_to(server: Any, host: str, headers: Any) -> None:
    request = make_request("//evil/x", headers=headers, connection=Peer(server))
    assert request.host == host
    assert str(request.url) == f"http://{host}//evil/x"


@pytest.mark.parametrize(
    ("target", "path", "url"),
    [
        ("/api/x", "/x", "http://example.com/api/x"),
        ("/api", "/", "http://example.com/api/"),
        ("/apix", "/apix", "http://example.com/api/apix"),
        ("/x", "/x", "http://example.com/api/x"),
        ("/api/api/x", "/api/x", "http://example.com/api/api/x"),
    ],
)
def test_root_path_is_taken_off_once(target: str, path: str, url: str) -> None:
    request = make_request(target, root_path="/api")
    assert (request.raw_path, str(request.url)) == (path, url)


# -- query, cookies, fields --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        ("", []),
        ("a=1&b=2&a=3", [("a", "1"), ("b", "2"), ("a", "3")]),
        ("q=x%20y&r=1+2", [("q", "x y"), ("r", "1 2")]),
        ("c=&d&=e", [("c", ""), ("d", ""), ("", "e")]),
        ("a;b=1", [("a;b", "1")]),
        ("%C3%A9=%ff", [("é", "\ufffd")]),
        ("a=%zz&&b=%", [("a", "%zz"), ("b", "%")]),
    ],
)
def test_query(query: str, pairs: list[tuple[str, str]]) -> None:
    request = make_request(f"/?{query}", app=Application())
    assert list(request.query.items()) == pairs
    assert request.query is request.query


def test_query_of_too_many_fields_is_a_400() -> None:
    app = Application(limits=Limits(query_fields=3))
    assert len(make_request("/?a&b&c", app=app).query) == 3
    with pytest.raises(HTTPBadRequest, match="at most 3 query fields"):
        _ = make_request("/?a&b&c&d", app=app).query


def test_header_views() -> None:
    fields = [(b"x-tag", b"one"), (b"accept", b"*/*"), (b"x-tag", b"two"), (b"x-name", b"caf\xe9")]
    request = make_request(headers=fields)
    assert request.headers.getall("X-TAG") == ["one", "two"]
    assert request.headers["X-Name"] == "café"
    assert request.headers is request.headers
    assert (request.header(b"x-tag"), request.header(b"none")) == (b"one", None)
    assert (request.combined_header(b"x-tag"), request.combined_header(b"none")) == (b"one, two", None)


def test_cookies() -> None:
    request = make_request(headers=[(b"cookie", b"a=1; b=2"), (b"cookie", b"c=3")])
    assert request.cookies == {"a": "1", "b": "2", "c": "3"}
    assert request.cookies is request.cookies
    assert make_request(headers=[]).cookies == {}


@pytest.mark.parametrize(
    ("sent", "length"),
    [(b"0", 0), (b"12", 12), (b"", None), (b"-1", None), (b"+1", None), (b"1_0", None), (b"\xb2", None),
     (b"9" * 5000, None)],
)  # fmt: skip
def test_content_length(sent: bytes, length: int | None) -> None:
    assert make_request(headers=[(b"content-length", sent)]).content_length == length
    assert make_request(headers=[]).content_length is None


def test_media_type() -> None:
    request = make_request(headers=[(b"content-type", b"Text/Plain; charset=Latin-1")])
    assert (request.content_type, request.charset) == ("text/plain", "Latin-1")
    bare = make_request(headers=[])
    assert (bare.content_type, bare.charset) == ("", None)


def test_attributes_of_the_connection() -> None:
    peer = Peer(scheme="https")
    peer.state = {"pool": 1}
    peer.trailers = [(b"x-sum", b"1"), (b"x-sum", b"2")]
    request = make_request(connection=peer)
    assert (request.client, request.scheme) == (("127.0.0.1", 50000), "https")
    request.state["mine"] = 2
    assert request.state == {"pool": 1, "mine": 2}
    assert peer.state == {"pool": 1}
    assert request.trailers.getall("X-Sum") == ["1", "2"]


@in_loop
async def test_wait_disconnected_ends_when_the_client_is_gone() -> None:
    peer = Peer()
    peer.gone.set()
    await make_request(connection=peer).wait_disconnected()


def test_any_attribute_may_be_set() -> None:
    request = make_request()
    assert not hasattr(request, "user")
    request.user = "anne"  # type: ignore[attr-defined]
    assert request.user == "anne"  # type: ignore[attr-defined]
    assert getattr(request, "nothing", "default") == "default"


def test_repr() -> None:
    assert repr(make_request("/a?b", method="POST")) == "<Request POST /a>"


# -- the body ----------------------------------------------------------------------------------------------------------


@in_loop
async def test_read_joins_the_chunks_and_keeps_them() -> None:
    request = make_request(body=[b"ab", b"c"], app=Application())
    assert request.has_body
    assert [await request.read(), await request.read()] == [b"abc", b"abc"]
    assert [chunk async for chunk in request.stream()] == [b"abc"]
    assert await request.text() == "abc"


@pytest.mark.parametrize("body", [None, []])
@in_loop
async def test_an_empty_body_may_be_read_again_and_again(body: list[bytes] | None) -> None:
    request = make_request(body=body, app=Application())
    for _ in range(3):
        assert await request.read() == b""
        assert await request.text() == ""
        assert [chunk async for chunk in request.stream()] == []


@in_loop
async def test_stream_gives_each_chunk_once() -> None:
    request = make_request(body=[b"ab", b"c"], app=Application())
    assert [chunk async for chunk in request.stream()] == [b"ab", b"c"]
    with pytest.raises(RuntimeError, match="streamed before"):
        await request.read()
    with pytest.raises(RuntimeError, match="streamed before"):
        await anext(request.stream())


@pytest.mark.parametrize("accessor", ["read", "text", "json"])
@in_loop
async def test_a_body_cut_short_is_never_complete(accessor: str) -> None:
    request = make_request(body=[b"[1", ClientDisconnected("gone")], app=Application())
    for _ in range(2):
        with pytest.raises(ClientDisconnected):
            await getattr(request, accessor)()
    with pytest.raises(ClientDisconnected):
        await anext(request.stream())


@in_loop
async def test_a_cancelled_read_cannot_be_repeated() -> None:
    request = make_request(body=[b"[1", asyncio.CancelledError()], app=Application())
    with pytest.raises(asyncio.CancelledError):
        await request.read()
    with pytest.raises(RuntimeError, match="reading it was cancelled"):
        await request.read()


@in_loop
async def test_a_body_cut_short_while_it_is_streamed() -> None:
    request = make_request(body=[b"[1", ClientDisconnected("gone")], app=Application())
    stream = request.stream()
    assert await anext(stream) == b"[1"
    with pytest.raises(ClientDisconnected):
        await anext(stream)


@in_loop
async def test_body_limit_is_counted_as_it_arrives() -> None:
    app = Application(limits=Limits(body=3))
    assert await make_request(body=[b"ab", b"c"], app=app).read() == b"abc"
    for consume in (lambda r: r.read(), lambda r: _drain(r)):
        with pytest.raises(HTTPContentTooLarge, match="at most 3 bytes"):
            await consume(make_request(body=[b"ab", b"cd", AssertionError("read on")], app=app))
    request = make_request(body=[b"ab", b"cd", b"e"], app=app)
    for _ in range(2):
        with pytest.raises(HTTPContentTooLarge):
            await request.read()


async def _drain(request: Any) -> None:
    async for _ in request.stream():
        pass


def test_announced_length_is_checked() -> None:
    app = Application(limits=Limits(body=3))
    make_request(headers=[(b"content-length", b"3")], body=[], app=app).check_announced_length()
    make_request(headers=[], body=[], app=app).check_announced_length()
    make_request(headers=[], app=app).check_announced_length()
    with pytest.raises(HTTPContentTooLarge):
        make_request(headers=[(b"content-length", b"4")], body=[], app=app).check_announced_length()


@pytest.mark.parametrize(
    ("charset", "body", "text"),
    [
        ("", "é".encode(), "é"),
        ("; charset=iso-8859-1", b"\xe9", "é"),
        ('; charset="utf-16"', "é".encode("utf-16"), "é"),
    ],
)
@in_loop
async def test_text(charset: str, body: bytes, text: str) -> None:
    headers = [(b"content-type", f"text/plain{charset}".encode())]
    assert await make_request(headers=headers, body=[body], app=Application()).text() == text


@pytest.mark.parametrize(
    ("charset", "body", "message"),
    [
        ("utf-8", b"\xff", "expected a body in utf-8"),
        ("ascii", b"\xc3", "expected a body in ascii"),
        ("nonsense", b"", "expected a known charset, got 'nonsense'"),
        ("zlib", b"", "known charset"),
        ("rot13", b"a", "known charset"),
        ("punycode", b"a-" * 9, "known charset"),
        ('"\xe9"', b"", "known charset"),
    ],
)
@in_loop
async def test_text_that_cannot_be_decoded_is_a_400(charset: str, body: bytes, message: str) -> None:
    headers = [(b"content-type", f"text/plain; charset={charset}".encode("latin-1"))]
    with pytest.raises(HTTPBadRequest, match=message):
        await make_request(headers=headers, body=[body], app=Application()).text()


@in_loop
async def test_json_is_parsed_anew_each_time() -> None:
    request = make_request(body=[b'{"a": ', b"[1]}"], app=Application())
    first, second = await request.json(), await request.json()
    assert first == second == {"a": [1]}
    assert first is not second


@pytest.mark.parametrize("body", [b"0", b"[]", b"null", b'""'])
@in_loop
async def test_json_that_is_falsy_is_read_once(body: bytes) -> None:
    request = make_request(body=[body], app=Application())
    assert not await request.json()
    assert not await request.json()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"NaN", b"-Infinity", b'"\xff"', b'"\xed\xa0\x80"', b"[" * 200_000, b"9" * 5000]
)
@in_loop
async def test_malformed_json_is_a_400(body: bytes) -> None:
    with pytest.raises(HTTPBadRequest, match="expected a body in JSON"):
        await make_request(body=[body], app=Application()).json()


@pytest.mark.parametrize("codec", ["stdlib", "orjson", "msgspec"])
@in_loop
async def test_every_codec_answers_malformed_json_alike(codec: str) -> None:
    if codec != "stdlib":
        pytest.importorskip(codec)
    app = Application(json=codec)
    assert await make_request(body=[b'{"a":', b" [1, null]}"], app=app).json() == {"a": [1, None]}
    for body in (b"", b"{", b"NaN", b"-Infinity", b'"\xff"', b"[1] 2", b"\x00", b"[" * 200_000):
        with pytest.raises(HTTPBadRequest, match="expected a body in JSON"):
            await make_request(body=[body], app=app).json()


@pytest.mark.parametrize("codec", ["stdlib", "orjson", "msgspec"])
@in_loop
async def test_json_of_a_type(codec: str) -> None:
    pytest.importorskip("msgspec")
    if codec != "stdlib":
        pytest.importorskip(codec)
    app = Application(json=codec)
    request = make_request(body=[b"[1, 2]"], app=app)
    assert await request.json(type=list[int]) == [1, 2]
    assert await request.json() == [1, 2]
    with pytest.raises(
        HTTPUnprocessableContent, match=r"not as it should be: Expected `str`, got `int` - at `\$\[0\]`"
    ):
        await request.json(type=list[str])
    with pytest.raises(HTTPBadRequest, match="expected a body in JSON"):
        await make_request(body=[b"[1"], app=app).json(type=list[int])
    with pytest.raises(HTTPBadRequest, match="expected a body in JSON"):
        await make_request(body=[b"[" * 200_000], app=app).json(type=list[Any])


@in_loop
async def test_a_used_body_names_what_used_it() -> None:
    for take in (lambda r: r.stream().__anext__(), lambda r: asyncio.sleep(0, r.take_body())):
        request = make_request(body=[b"ab"], app=Application())
        await take(request)
        with pytest.raises(RuntimeError, match=r"streamed before \(by stream\(\), multipart\(\) or form\(\)\)"):
            await request.read()


def test_wait_outside_a_thread_says_what_to_do() -> None:
    request = make_request(app=Application())
    with pytest.raises(RuntimeError, match="use `await`"):
        request.wait(request.read())
