"""Scopes of every kind of server become the same request; malformed ones are refused."""

from __future__ import annotations

from typing import Any

import pytest

from sketch.application import Application
from sketch.request import Request
from sketch_asgi.connection import ScopeConnection
from sketch_asgi.scope import read_head, read_target
from sketch_gateway.deadlines import client_timer
from sketch_gateway.refusal import Refused
from tests.support.scripts import Script, http_scope

HOST = (b"host", b"test")


def head(**changes: Any) -> Request:
    scope = http_scope(**changes)
    return read_head(scope, exchange(scope), "", Request)


def exchange(scope: dict[str, Any]) -> ScopeConnection:
    app = Application()
    return ScopeConnection(app, client_timer(app), scope, Script().receive)


def without(name: str, scope: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in scope.items() if key != name}


def test_target_is_what_was_sent() -> None:
    assert head(target=b"/a%20b%2Fc?x=%20&y").target == b"/a%20b%2Fc?x=%20&y"
    assert head(target=b"").target == b"/"


@pytest.mark.parametrize(
    ("path", "target"),
    [("/a b/ä%", b"/a%20b/%C3%A4%25"), ("/plain;a=1,2", b"/plain;a=1,2"), ("http://h/p", b"http://h/p")],
)
def test_without_raw_path_the_path_is_quoted(path: str, target: bytes) -> None:
    assert read_target(without("raw_path", http_scope(path=path))) == target


@pytest.mark.parametrize("target", [b"/\xc3\xa9", b"/a b", b"/a#b", b"/\x00", b"/a?\n", b"/\x7f"])
def test_target_with_forbidden_bytes(target: bytes) -> None:
    with pytest.raises(Refused, match="request target"):
        head(target=target)


@pytest.mark.parametrize("raw", [b"/api/x", b"/x", b"http://h/x", b"/apihttp://h/x"])
def test_root_path_is_stripped_once(raw: bytes) -> None:
    request = head(target=raw, root_path="/api")
    assert request.raw_path == "/x"
    assert request.root_path == "/api"


def test_a_root_path_unknown_to_the_server_is_stripped() -> None:
    scope = http_scope(target=b"/api/x?y")
    request = read_head(scope, exchange(scope), "/api/", Request)
    assert (request.root_path, request.raw_path, request.query_string) == ("/api", "/x", "y")


@pytest.mark.parametrize(
    ("decoded", "sent"),
    [("/a b", "/a%20b"), ("/ä/日", "/%C3%A4/%e6%97%a5"), ("/a/b", "/a%2Fb"), ("/api", "/%61pi"), ("/a:b", "/a%3Ab")],
)
@pytest.mark.parametrize("path", ["/x", "/", "", "/a%20b/x"])
def test_a_root_path_that_the_scope_has_decoded(decoded: str, sent: str, path: str) -> None:
    request = head(target=f"{sent}{path}?y=/".encode(), root_path=decoded)
    assert (request.root_path, request.raw_path, request.query_string) == (sent, path or "/", "y=/")


@pytest.mark.parametrize("target", [b"/x", b"/a%20bc/x", b"/%20a/a%20b", b"/?a=/a%20b/"])
def test_a_decoded_root_path_that_is_not_in_the_path(target: bytes) -> None:
    request = head(target=target, root_path="/a b/")
    assert (request.root_path, request.raw_path) == ("/a%20b", target.partition(b"?")[0].decode())


def test_absolute_target_replaces_host() -> None:
    assert head(target=b"http://other/x").host == "other"


@pytest.mark.parametrize("host", [b"a b", b"user@host", b"h:99999", b"h/x", b"h?i"])
def test_malformed_host(host: bytes) -> None:
    with pytest.raises(Refused, match="Host"):
        head(headers=[(b"host", host)])


def test_repeated_host() -> None:
    with pytest.raises(Refused, match="Host"):
        head(headers=[HOST, (b"a", b"b"), HOST])


@pytest.mark.parametrize(("version", "refused"), [("1.1", True), ("1", False), ("1.0", False), ("2", False)])
def test_missing_host(version: str, refused: bool) -> None:
    if refused:
        with pytest.raises(Refused, match="Host"):
            head(headers=[], http_version=version)
    else:
        assert head(headers=[], http_version=version).host == "192.0.2.2:80"


def test_other_fields_may_be_repeated() -> None:
    request = head(headers=[HOST, (b"a", b"1"), (b"a", b"2")])
    assert request.headers.getall("a") == ["1", "2"]


def test_fields_added_later_by_the_server_are_not_seen() -> None:
    scope = http_scope()
    request = read_head(scope, exchange(scope), "", Request)
    scope["headers"].append((b"x-trailer", b"evil"))
    assert "x-trailer" not in request.headers


def test_version_of_granian() -> None:
    assert head(http_version="1").http_version == "1.0"


@pytest.mark.parametrize(
    ("fields", "version", "announced"),
    [
        ([], "1.1", False),
        ([(b"content-length", b"0")], "1.1", False),
        ([(b"content-length", b"0")], "2", False),
        ([(b"content-length", b"3")], "1.1", True),
        ([(b"transfer-encoding", b"chunked")], "1.1", True),
        ([], "2", True),
        ([], "3", True),
    ],
)
def test_when_a_body_is_announced(fields: list[tuple[bytes, bytes]], version: str, announced: bool) -> None:
    assert head(headers=[HOST, *fields], http_version=version).has_body is announced


@pytest.mark.parametrize("fields", [[b"x"], [b"-1"], [b"9" * 20], [b""], [b"1", b"2"]])
def test_malformed_content_length(fields: list[bytes]) -> None:
    with pytest.raises(Refused, match="Content-Length"):
        head(headers=[HOST, *((b"content-length", value) for value in fields)])
