"""A field of a form that a handler has yet to read."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sketch import Application, HTTPBadRequest
from sketch.middleware.csrf_fields import find_field
from sketch.request.forms.events import parser
from sketch.transport import ClientDisconnected
from tests.support.requests import in_loop, make_request

APP = Application()
TWO = (
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n2\r\n--b--\r\n'
)


def form(kind: str, *chunks: Any) -> Any:
    return make_request(method="POST", headers=[(b"content-type", kind.encode())], body=chunks, app=APP)


@in_loop
async def test_the_first_of_a_name_is_found() -> None:
    request = form("application/x-www-form-urlencoded", b"a=1&a", b"=2")
    assert await find_field(request, "a") == "1"
    assert (await request.form()).getall("a") == ["1", "2"]
    request = form("multipart/form-data; boundary=b", TWO[:20], TWO[20:])
    assert await find_field(request, "a") == "1"
    assert await find_field(request, "b") is None
    assert (await request.form()).getall("a") == ["1", "2"]
    assert await find_field(form("application/json", b'{"a": 1}'), "a") is None


@in_loop
async def test_bodies_that_are_no_forms() -> None:
    with pytest.raises(HTTPBadRequest):
        await find_field(form("application/x-www-form-urlencoded", b"a=%ff"), "a")
    for chunks in ([], [b"--b"], [TWO.replace(b'name="a"', b"", 1)]):
        assert await find_field(form("multipart/form-data; boundary=b", *chunks), "a") is None
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b"):
        with pytest.raises(ClientDisconnected):
            await find_field(form(kind, ClientDisconnected("gone")), "a")


@given(st.binary(max_size=80), st.integers(0, len(TWO)))
def test_any_bytes_have_the_field_or_not(data: bytes, place: int) -> None:
    @in_loop
    async def run() -> None:
        body = TWO[:place] + data + TWO[place:]
        request = form("multipart/form-data; boundary=b", body)
        assert await find_field(request, "a") in (None, "1") or data
        assert await request.read() == body

    run()


@in_loop
async def test_without_the_package_for_multipart_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    """No token is found: a client cannot make an error of a package that is not installed."""
    parser.cache_clear()
    monkeypatch.setitem(sys.modules, "multipart", None)
    try:
        request = form("multipart/form-data; boundary=b", TWO)
        assert await find_field(request, "a") is None
        assert await request.read() == TWO
    finally:
        parser.cache_clear()
