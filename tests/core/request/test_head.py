"""The head of a request: what was sent, decoded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPBadRequest
from sketch.limits import Limits
from sketch.request.head import RequestHead, _parse_query
from tests.support.requests import Peer, make_request

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


def test_views_of_the_connection() -> None:
    peer = Peer(scheme="https")
    peer.trailers = [(b"x-sum", b"1"), (b"x-sum", b"2")]
    request = make_request(connection=peer)
    assert (request.client, request.scheme) == (("127.0.0.1", 50000), "https")
    assert request.trailers.getall("X-Sum") == ["1", "2"]


def test_another_origin() -> None:
    request = make_request("/x")
    assert str(request.url) == "http://example.com/x"
    request.replace_origin(Peer(scheme="https"), "other:81")
    assert (request.scheme, request.host, str(request.url)) == ("https", "other:81", "https://other:81/x")
    assert (request.named_host, request.headers["Host"]) == ("other:81", "example.com")


@pytest.mark.parametrize(("target", "named"), [("/x", None), ("*", None), ("http://other:81/x", "other:81")])
def test_a_host_that_is_named_elsewhere_than_in_its_field(target: str, named: str | None) -> None:
    request = make_request(target)
    assert request.named_host == named
    assert request.host == (named or "example.com")
    assert request.named_host == named, "the host that was sent is none"


def test_a_head_has_slots_alone_and_leaves_the_limits_to_the_request() -> None:
    head = RequestHead()
    with pytest.raises(AttributeError):
        head.user = "anne"  # type: ignore[attr-defined]
    with pytest.raises(NotImplementedError):
        _ = head.limits


QUERIES = [
    "",
    "&",
    "a",
    "a=",
    "=",
    "=b",
    "a=b",
    "a=b=c",
    "a&b&&c=1&",
    "a=1&a=2",
    "é=ü",
    "a=1;b=2",
    "a=b&c=%41",
    "a+b=c+d",
    "%zz",
]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("most", [None, 1, 2, 5])
def test_a_query_with_nothing_to_decode_is_parsed_as_any_other(query: str, most: int | None) -> None:
    def attempt(parse: Callable[[], list[tuple[str, str]]]) -> list[tuple[str, str]] | None:
        try:
            return parse()
        except ValueError:
            return None

    expected = attempt(lambda: parse_qsl(query, keep_blank_values=True, max_num_fields=most))
    assert attempt(lambda: _parse_query(query, most)) == expected


@pytest.mark.parametrize(
    ("field", "chosen"),
    [
        (None, "text/html; charset=utf-8"),
        (b"*/*", "text/html; charset=utf-8"),
        (b"application/json", "application/json"),
        (b"application/*;q=0.8, text/html;q=0.2", "application/json"),
        (b"text/html;q=0, */*;q=0.1", "application/json"),
        (b"text/html;q=2, ,;;, image/png, \xff, application/json;q=0.1", "application/json"),
        (b"image/png", None),
        (b"", None),
        (b"*/*;q=0", None),
    ],
)
def test_accept(field: bytes | None, chosen: str | None) -> None:
    headers = [(b"host", b"x")] if field is None else [(b"host", b"x"), (b"accept", field)]
    assert make_request(headers=headers).accept("text/html; charset=utf-8", "application/json") == chosen
