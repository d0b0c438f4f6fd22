"""Header fields for browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sketch import (
    CSP,
    NONCE,
    Application,
    HTMLResponse,
    Request,
    Response,
    SecurityHeaders,
    StreamResponse,
    csp_nonce,
)
from sketch.testing import ClientResponse, TestClient
from tests.support.requests import in_loop, make_request

DEFAULTS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}


def app_of(given: dict[str, str] | None = None, **options: Any) -> Application:
    app = Application(outer_middlewares=[SecurityHeaders(**options)])

    @app.get("/")
    async def index() -> Response:
        return Response("x", headers=given)

    @app.get("/boom")
    async def boom() -> Response:
        raise LookupError

    return app


async def ask(app: Application, path: str = "/", scheme: str = "http") -> ClientResponse:
    async with TestClient(app, base_url=f"{scheme}://example.com", raise_errors=False) as client:
        return await client.get(path)


def shown(response: ClientResponse) -> dict[str, str]:
    others = ("Content-Type", "Content-Length", "Vary")
    return {name.title(): value for name, value in response.headers.items() if name.title() not in others}


@pytest.mark.parametrize("path", ["/", "/nowhere", "/boom"])
@in_loop
async def test_the_defaults(path: str) -> None:
    assert shown(await ask(app_of(), path)) == DEFAULTS


@in_loop
async def test_hsts_is_sent_over_https_only() -> None:
    assert "Strict-Transport-Security" not in (await ask(app_of())).headers
    assert (await ask(app_of(), scheme="https")).headers["Strict-Transport-Security"] == "max-age=31536000"
    own = "max-age=5; includeSubDomains; preload"
    for hsts, value in ((60, "max-age=60"), (0, "max-age=0"), (own, own), (None, None)):
        response = await ask(app_of(hsts=hsts), scheme="https")
        assert response.headers.get("Strict-Transport-Security") == value


@pytest.mark.parametrize(
    ("options", "options_field", "policy"),
    [
        ({"frames": "self"}, "SAMEORIGIN", "frame-ancestors 'self'"),
        ({"frames": None}, None, None),
        ({"csp": "default-src 'self';"}, "DENY", "default-src 'self'; frame-ancestors 'none'"),
        ({"csp": "default-src 'self'", "frames": None}, None, "default-src 'self'"),
        ({"csp": "frame-ancestors https://a.example"}, None, "frame-ancestors https://a.example"),
    ],
)
@in_loop
async def test_frames_and_policies(options: dict[str, Any], options_field: str | None, policy: str | None) -> None:
    headers = (await ask(app_of(**options))).headers
    assert (headers.get("X-Frame-Options"), headers.get("Content-Security-Policy")) == (options_field, policy)


@in_loop
async def test_fields_of_the_application() -> None:
    headers = {"Permissions-Policy": "camera=()", "Cross-Origin-Opener-Policy": "same-origin"}
    assert shown(await ask(app_of(referrer=None, headers=headers))) == {
        name: value for name, value in (DEFAULTS | headers).items() if name != "Referrer-Policy"
    }


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"x-frame-options": "SAMEORIGIN"}, {"X-Frame-Options": "SAMEORIGIN"}),
        ({"Referrer-Policy": ""}, {"Referrer-Policy": None}),
        ({"Content-Security-Policy": "default-src *"}, {"Content-Security-Policy": "default-src *"}),
        (
            {"Content-Security-Policy": "Frame-Ancestors https://a.example"},
            {"Content-Security-Policy": "Frame-Ancestors https://a.example", "X-Frame-Options": None},
        ),
    ],
)
@in_loop
async def test_fields_of_a_response_are_kept(given: dict[str, str], changed: dict[str, str | None]) -> None:
    headers = (await ask(app_of(given))).headers
    assert {name: headers.get(name) for name in DEFAULTS} == DEFAULTS | changed


def test_arguments() -> None:
    with pytest.raises(ValueError, match="expected frames as 'none', 'self' or None, got 'deny'"):
        SecurityHeaders(frames="deny")
    with pytest.raises(ValueError, match="expected hsts as a number of seconds, got -1"):
        SecurityHeaders(hsts=-1)
    with pytest.raises(TypeError, match="expected hsts as an int of seconds, a str or None, got False"):
        SecurityHeaders(hsts=False)
    with pytest.raises(ValueError, match="expected csp as a CSP"):
        SecurityHeaders(csp=f"script-src 'self' {NONCE}")


@in_loop
async def test_a_module_level_response_keeps_its_fields() -> None:
    """The fields are set in one step on a copy: the next request gets the same, and the response none."""
    app = Application(outer_middlewares=[SecurityHeaders()])
    response = Response("x")
    app.add_get("/", lambda: _returned(response))
    for _ in range(2):
        assert shown(await ask(app)) == DEFAULTS
    assert dict(response.headers) == {"Content-Type": "text/plain; charset=utf-8"}


async def _returned(response: Response) -> Response:
    return response


@in_loop
async def test_names_differ_in_case_alone() -> None:
    headers = (await ask(app_of(headers={"x-frame-options": "SAMEORIGIN"}))).headers
    assert headers.getall("X-Frame-Options") == ["DENY"]  # the first stands


# -- nonces -----------------------------------------------------------------------------------------------------------

POLICY = CSP(default_src=["'self'"], script_src=[NONCE])


def app_with_nonces(policy: CSP = POLICY, **options: Any) -> Application:
    app = app_of(csp=policy, **options)

    @app.get("/page")
    async def page(request: Request) -> HTMLResponse:
        return HTMLResponse(f"<script nonce={csp_nonce(request)}></script>{csp_nonce(request)}")

    @app.get("/late")
    async def late(request: Request) -> StreamResponse:
        async def body() -> AsyncIterator[str]:
            yield csp_nonce(request)

        return StreamResponse(body())

    return app


@in_loop
async def test_a_page_has_a_nonce_of_its_own() -> None:
    app, found = app_with_nonces(), set()
    for _ in range(2):
        response = await ask(app, "/page")
        first, _, second = (await response.text()).removeprefix("<script nonce=").partition("></script>")
        policy = response.headers["Content-Security-Policy"]
        assert policy == f"default-src 'self'; script-src 'nonce-{first}'; frame-ancestors 'none'"
        assert (first == second, response.headers["X-Frame-Options"]) == (True, "DENY")
        found.add(first)
    assert len(found) == 2
    assert min(map(len, found)) >= 22  # 128 bits
    for path in ("/", "/nowhere", "/boom"):  # none was asked for
        policy = (await ask(app, path)).headers["Content-Security-Policy"]
        assert policy == "default-src 'self'; script-src 'none'; frame-ancestors 'none'"


@in_loop
async def test_a_policy_that_is_only_reported() -> None:
    headers = (await ask(app_with_nonces(CSP(script_src=[NONCE], report_only=True)), "/page")).headers
    assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert headers["Content-Security-Policy-Report-Only"].startswith("script-src 'nonce-")


@in_loop
async def test_a_response_with_a_policy_of_its_own_keeps_it() -> None:
    app = app_with_nonces()

    @app.get("/own")
    async def own(request: Request) -> Response:
        return Response(csp_nonce(request), headers={"Content-Security-Policy": "default-src 'none'"})

    headers = (await ask(app, "/own")).headers
    assert (headers["Content-Security-Policy"], headers["X-Frame-Options"]) == ("default-src 'none'", "DENY")


@in_loop
async def test_a_nonce_that_no_policy_can_name(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError, match="expected SecurityHeaders\\(csp=CSP\\(script_src=\\[NONCE\\]\\)\\)"):
        csp_nonce(make_request())
    async with TestClient(app_with_nonces(), raise_errors=False) as client:
        response = await client.get("/late")
        with pytest.raises(ConnectionError):
            await response.read()
    assert "expected csp_nonce() before the head of the answer" in caplog.text


@in_loop
async def test_a_policy_as_an_object_decides_frames() -> None:
    headers = (await ask(app_of(csp=CSP(frame_ancestors=["'self'"])))).headers
    assert ("X-Frame-Options" in headers, headers["Content-Security-Policy"]) == (False, "frame-ancestors 'self'")
    with pytest.raises(TypeError, match="expected csp as a CSP or a str, got \\['default-src'\\]"):
        SecurityHeaders(csp=["default-src"])  # type: ignore[arg-type]
