"""The page that shows an unexpected error."""

from __future__ import annotations

import pytest

from sketch.debug import debug_response
from tests.core.support import make_request


def page(exc: BaseException, target: bytes = b"/x") -> str:
    response = debug_response(make_request(target), exc)
    assert response.status == 500
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert isinstance(response.body, bytes)
    return response.body.decode()


def test_it_shows_the_request_and_the_traceback() -> None:
    try:
        raise ValueError("broken order")
    except ValueError as exc:
        text = page(exc)
    assert "<h1>ValueError: broken order</h1><p>GET /x</p>" in text
    assert "Traceback (most recent call last)" in text
    assert "test_debug.py" in text


def test_everything_is_escaped() -> None:
    text = page(ValueError("<script>alert('m')</script>{0}"), b"/<script>p</script>")
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#x27;m&#x27;)&lt;/script&gt;{0}" in text


class Broken(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("error", "shown"),
    [(Broken(), "Broken: &lt;exception str() failed&gt;"), (OSError("name\udcff"), "name\\udcff"), (KeyError(), "")],
)
def test_an_error_without_a_text_that_can_be_sent(error: Exception, shown: str) -> None:
    assert shown in page(error)
