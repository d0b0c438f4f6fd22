"""Request targets of what a test gives: URLs, references, and what is refused."""

from __future__ import annotations

import pytest
from yarl import URL

from sketch import Application, Request, Response
from sketch.testing import TestClient
from sketch.testing.targets import Origin
from tests.support.requests import in_loop


@pytest.mark.parametrize(
    "url", ["example.org", "ftp://x", "http://", "http://x/path", "http://x?a=1", "http://x#f", "http://u:p@x"]
)
def test_base_urls_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="expected a base_url like 'http://host'"):
        Origin(url)


@pytest.mark.parametrize(
    ("given", "target"),
    [
        (URL("/a b?x=é"), b"/a%20b?x=%C3%A9"),
        (URL("http://shop:8080/tea?a=%2F"), b"/tea?a=/"),
        ("http://shop:8080", b"/"),
        ("http://SHOP:8080/x#fragment", b"/x"),
        ("ws://shop:8080/chat", b"/chat"),
        ("./x", b"/dir/x"),
        ("../x/", b"/x/"),
        ("?a=b c", b"/dir/page?a=b%20c"),
        ("#part", b"/dir/page?old=1"),
        ("*", b"*"),
        (b"no/slash", b"no/slash"),
    ],
)
def test_what_is_taken(given: str | bytes | URL, target: bytes) -> None:
    assert Origin("http://shop:8080").target(given, last=b"/dir/page?old=1") == target


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("x", ValueError, r"expected a path that starts with '/', got 'x': a relative one starts with './'"),
        ("http://shop/x", ValueError, "or a URL of http://shop:8080, got 'http://shop/x'"),
        ("https://shop:8080/x", ValueError, "or a URL of http://shop:8080"),
        ("http://shop:port/x", ValueError, "or a URL of http://shop:8080"),
        (7, TypeError, "expected a path of str, bytes or yarl.URL, got 7"),
    ],
)
def test_what_is_refused(given: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Origin("http://shop:8080").target(given)


def test_an_international_host_is_written_as_clients_look_it_up() -> None:
    assert Origin("http://bücher.example:81").authority == "xn--bcher-kva.example:81"


@pytest.mark.parametrize(("target", "path"), [(b"/\xff", "/%FF"), ("/é".encode(), "/%C3%A9"), ("/é", "/%C3%A9")])
def test_the_url_of_a_target_has_its_bytes(target: bytes | str, path: str) -> None:
    origin = Origin("http://shop")
    assert origin.url(origin.target(target)).raw_path == path


@in_loop
async def test_urls_of_the_application() -> None:
    app = Application()

    @app.get("/users/{name}", name="user")
    async def user(request: Request, name: str) -> Response:
        return Response(f"{name} {request.url_for('user', name='b')}")

    async with TestClient(app) as client:
        response = await client.get(app.url_for("user", name="a b"))
        text = await response.text()
        assert text == "a b http://testserver/users/b"
        assert (await client.get(text.split()[-1])).ok
        assert str(response.url) == "http://testserver/users/a%20b"
