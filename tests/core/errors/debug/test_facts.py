"""The facts of the request on a debug page: masked and bounded."""

from __future__ import annotations

from sketch.application import Application
from sketch.errors.debug.facts import FIELDS, Fact, learn_request, request_facts
from sketch.errors.debug.masking import Masker
from sketch.http.fields import RawHeaders
from sketch.response import Response
from tests.support.requests import make_request


async def show() -> Response:
    return Response()


def facts(target: str = "/", *headers: tuple[bytes, bytes]) -> dict[str, list[Fact]]:
    """The facts of a request that was routed, by their titles."""
    app = Application("shop")
    app.add_get("/{name}", show, name="item")
    request = make_request(target, headers=list(headers), app=app)
    request.route, request.match_info = app.router.match("GET", request.raw_path)
    masker = Masker()
    learn_request(request, masker)
    return dict(request_facts(request, masker))


def test_the_request_and_its_route() -> None:
    found = facts("/tea?page=2")
    about = dict(found["Request"])
    assert about["Line"] == "GET /tea"
    assert about["Version"] == "HTTP/1.1 over http"
    assert about["Client"] == "127.0.0.1:50000"
    assert (about["Application"], about["Route"], about["Name of the route"]) == ("shop", "/{name}", "item")
    assert about["Handler"].startswith("show (")
    assert found["Path parameters"] == [("name", "'tea'")]
    assert found["Query"] == [("page", "2")]


def test_secrets_are_masked_wherever_they_appear() -> None:
    headers: RawHeaders = [(b"x-api-key", b"planted-7f3a"), (b"x-copy", b"planted-7f3a")]
    found = facts("/planted-7f3a?token=planted-7f3b&again=planted-7f3b", *headers)
    assert "planted" not in repr(found)
    assert [name for name, _ in found["Header fields"]] == ["x-api-key", "x-copy"]


def test_values_that_must_be_seen_keep_their_quotes() -> None:
    found = facts("/a?b=%00", (b"x-a", b"plain"), (b"x-b", b"\xff\x80"))
    assert found["Query"] == [("b", "'\\x00'")]
    assert found["Header fields"] == [("x-a", "plain"), ("x-b", "'ÿ\\x80'")]


def test_the_number_of_fields_is_bounded() -> None:
    headers: RawHeaders = [(b"x-a", b"1")] * (FIELDS + 50)
    found = facts("/a?" + "&".join(["b=1"] * (FIELDS + 50)), *headers)
    assert (len(found["Header fields"]), len(found["Query"])) == (FIELDS, FIELDS)
