"""`CORS`: which other origins may read the answers."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sketch import CORS, Application, HTTPForbidden, Limits, Request, Response
from sketch.testing import ClientResponse, TestClient
from tests.support.requests import in_loop

PAGE = "https://example.com"
OTHER = "https://evil.example"


def app_of(origins: Any = (PAGE,), **options: Any) -> Application:
    app = Application(outer_middlewares=[CORS(origins, **options)], limits=Limits(body=10))

    @app.get("/")
    async def index() -> Response:
        return Response("index", headers={"X-Total": "1"})

    @app.post("/")
    async def upload(request: Request) -> Response:
        return Response(await request.read())

    @app.get("/boom")
    async def boom() -> Response:
        raise LookupError

    @app.get("/forbidden")
    async def forbidden() -> Response:
        raise HTTPForbidden

    @app.get("/own")
    async def own() -> Response:
        return Response("own", headers={"Access-Control-Allow-Origin": "https://own.example", "Vary": "Cookie"})

    return app


async def ask(app: Application, method: str = "GET", path: str = "/", **headers: str) -> ClientResponse:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    async with TestClient(app, raise_errors=False) as client:
        body = b"x" * 11 if method == "POST" else None
        response = await client.request(method, path, headers=fields, body=body)
        await response.read()
        return response


def preflight(app: Application, method: str = "PUT", path: str = "/", origin: str = PAGE, **headers: str) -> Any:
    return ask(app, "OPTIONS", path, Origin=origin, Access_Control_Request_Method=method, **headers)


def allowed(response: ClientResponse) -> dict[str, str]:
    """The `Access-Control-*` fields of a response, without that prefix."""
    prefix = "Access-Control-"
    fields = {name.title(): value for name, value in response.headers.items()}
    return {name.removeprefix(prefix): value for name, value in fields.items() if name.startswith(prefix)}


# -- answers -------------------------------------------------------------------------------------------------------


@in_loop
async def test_allowed_origins_may_read() -> None:
    response = await ask(app_of(), Origin=PAGE)
    assert allowed(response) == {"Allow-Origin": PAGE}
    assert (response.headers["Vary"], await response.text()) == ("Origin", "index")


@in_loop
async def test_other_origins_are_answered_without_permission() -> None:
    for headers in ({}, {"Origin": OTHER}, {"Origin": "null"}, {"Origin": PAGE + ".evil.example"}):
        response = await ask(app_of(), **headers)
        assert (response.status, allowed(response), response.headers["Vary"]) == (200, {}, "Origin")


@in_loop
async def test_any_origin_may_read() -> None:
    """The same answer for all: caches may keep one."""
    for headers in ({}, {"Origin": OTHER}, {"Origin": "null"}):
        response = await ask(app_of("*"), **headers)
        assert (allowed(response), "Vary" in response.headers) == ({"Allow-Origin": "*"}, False)


@in_loop
async def test_credentials_and_fields_to_read() -> None:
    response = await ask(app_of(credentials=True, expose=["X-Total", "ETag"]), Origin=PAGE)
    assert allowed(response) == {
        "Allow-Origin": PAGE,
        "Allow-Credentials": "true",
        "Expose-Headers": "X-Total, ETag",
    }
    assert allowed(await ask(app_of(expose="*"), Origin=PAGE))["Expose-Headers"] == "*"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("DELETE", "/", 405),
        ("POST", "/", 413),
        ("GET", "/boom", 500),
        ("GET", "/forbidden", 403),
    ],
)
@in_loop
async def test_errors_can_be_read_too(method: str, path: str, status: int) -> None:
    response = await ask(app_of(), method, path, Origin=PAGE)
    assert (response.status, allowed(response)) == (status, {"Allow-Origin": PAGE})
    assert "Origin" in response.headers["Vary"]


@in_loop
async def test_fields_of_the_application_are_kept() -> None:
    response = await ask(app_of(), "GET", "/own", Origin=PAGE)
    assert allowed(response) == {"Allow-Origin": "https://own.example"}
    assert response.headers["Vary"] == "Cookie"


# -- preflights ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/boom", "/nowhere"])
@in_loop
async def test_a_preflight_is_answered_before_routing(path: str) -> None:
    response = await preflight(app_of(), path=path)
    assert (response.status, await response.read()) == (204, b"")
    assert allowed(response) == {
        "Allow-Origin": PAGE,
        "Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
        "Max-Age": "600",
    }
    assert response.headers["Vary"] == "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


@in_loop
async def test_what_a_preflight_allows() -> None:
    app = app_of(methods=["put"], headers=["X-Token", "Content-Type"], credentials=True, max_age=5)
    response = await preflight(app, Access_Control_Request_Headers="x-token, content-type,accept")
    assert allowed(response) == {
        "Allow-Origin": PAGE,
        "Allow-Credentials": "true",
        "Allow-Methods": "PUT",
        "Allow-Headers": "X-Token, Content-Type",
        "Max-Age": "5",
    }
    assert (await preflight(app, "GET")).status == 204, "what needs no permission is always allowed"


@in_loop
async def test_any_field() -> None:
    for any_field in ("*", ["*"], ("*",)):
        response = await preflight(app_of(headers=any_field), Access_Control_Request_Headers="x-one, Authorization")
        assert allowed(response)["Allow-Headers"] == "x-one, Authorization"
    assert "Allow-Headers" not in allowed(await preflight(app_of(headers="*")))
    response = await preflight(app_of(headers="*"), Access_Control_Request_Headers="x one")
    assert (response.status, await response.text()) == (403, "a header field is not allowed here")


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        ({"origin": OTHER}, "the origin"),
        ({"origin": "null"}, "the origin"),
        ({"method": "PURGE"}, "the method"),
        ({"method": "put"}, "the method"),
        ({"Access_Control_Request_Headers": "x-token"}, "a header field"),
        ({"Access_Control_Request_Headers": "accept, authorization"}, "a header field"),
        ({"Access_Control_Request_Headers": "accept\xa0"}, "a header field"),
    ],
)
@in_loop
async def test_refused_preflights_name_the_reason(asked: dict[str, str], fault: str) -> None:
    response = await preflight(app_of(), **asked)
    assert (response.status, await response.text()) == (403, f"{fault} is not allowed here")
    assert (allowed(response), response.headers["Vary"][:6]) == ({}, "Origin")


@in_loop
async def test_an_options_request_that_is_no_preflight_is_the_applications() -> None:
    for headers in ({}, {"Origin": PAGE}, {"Access_Control_Request_Method": "PUT"}):
        response = await ask(app_of(), "OPTIONS", "/", **headers)
        assert "Allow" in response.headers
        assert "Allow-Methods" not in allowed(response)


# -- origins -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origins", "yes", "no"),
    [
        (["https://*.example.com"], "https://a.b.example.com", "https://example.com"),
        ([re.compile(r"https://(one|two)\.example")], "https://two.example", "https://two.example.org"),
        (["null"], "null", "nul"),
    ],
)
@in_loop
async def test_origins(origins: list[Any], yes: str, no: str) -> None:
    app = app_of([*origins, "https://unrelated.example"])
    assert allowed(await ask(app, Origin=yes)) == {"Allow-Origin": yes}
    assert allowed(await ask(app, Origin=no)) == {}


@pytest.mark.parametrize(
    ("origins", "options", "error", "message"),
    [
        (PAGE, {}, TypeError, "expected origins as a list"),
        (["https://example.com/"], {}, ValueError, "without a path, got 'https://example.com/'"),
        (["*"], {"credentials": True}, ValueError, "expected named origins with credentials"),
        ("*", {"credentials": True}, ValueError, "expected named origins with credentials"),
        (["null"], {"credentials": True}, ValueError, "expected named origins with credentials"),
        ([PAGE], {"methods": "PUT"}, TypeError, "expected methods as a list, got 'PUT'"),
        ([PAGE], {"methods": ["*"]}, ValueError, "expected methods of names"),
        ([PAGE], {"headers": ["X-A: b"]}, ValueError, "expected headers of names"),
        ([PAGE], {"expose": "*", "credentials": True}, ValueError, "expected named fields as expose with credentials"),
        ([PAGE], {"headers": ["*"], "credentials": True}, ValueError, "expected named fields as headers with cred"),
        (
            [PAGE],
            {"headers": "*", "credentials": True},
            ValueError,
            "expected named fields as headers with credentials",
        ),
        ([PAGE], {"headers": ["x-a", "*"]}, ValueError, "expected headers of names"),
        ([PAGE], {"max_age": -1}, ValueError, "expected max_age as a number of seconds, got -1"),
    ],
)
def test_arguments(origins: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        CORS(origins, **options)
