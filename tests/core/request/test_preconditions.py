"""Conditions that a handler checks before it acts (RFC 9110 section 13, RFC 6585 section 3)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPException, HTTPNotModified, HTTPPreconditionFailed, HTTPPreconditionRequired
from sketch.request import Request
from tests.support.requests import answer, in_loop, make_request

TIME = 784_111_777
BEFORE, AT = (f"Sun, 06 Nov 1994 08:49:{second} GMT" for second in (36, 37))


def request(method: str, **conditions: str) -> Request:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in conditions.items()]
    return make_request(method=method, headers=[(b"host", b"x"), *fields])


def status(method: str, conditions: dict[str, str], **current: Any) -> int | None:
    """What it raises, None for nothing."""
    try:
        request(method, **conditions).check_preconditions(**current)
    except HTTPException as exc:
        return exc.status
    return None


@pytest.mark.parametrize(
    ("conditions", "etag", "expected"),
    [
        ({}, '"v1"', None),
        ({"if_match": '"v1"'}, '"v1"', None),
        ({"if_match": '"v0", "v1"'}, '"v1"', None),
        ({"if_match": '"v0"'}, '"v1"', 412),
        ({"if_match": 'W/"v1"'}, 'W/"v1"', 412),
        ({"if_match": "*"}, '"v1"', None),
        ({"if_match": "*"}, None, 412),
        ({"if_match": '"v1"'}, None, 412),
        ({"if_none_match": "*"}, '"v1"', 412),
        ({"if_none_match": "*"}, None, None),
        ({"if_none_match": '"v1"'}, '"v1"', 412),
        ({"if_none_match": '"v0"'}, '"v1"', None),
        ({"if_match": "garbage"}, '"v1"', 412),
        ({"if_none_match": "garbage"}, '"v1"', None),
    ],
)
def test_entity_tags(conditions: dict[str, str], etag: str | None, expected: int | None) -> None:
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        assert status(method, conditions, etag=etag) == expected


@pytest.mark.parametrize("last_modified", [TIME, TIME + 0.9, datetime.fromtimestamp(TIME, UTC)])
def test_dates(last_modified: Any) -> None:
    assert status("PUT", {"if_unmodified_since": AT}, last_modified=last_modified) is None
    assert status("PUT", {"if_unmodified_since": BEFORE}, last_modified=last_modified) == 412
    assert status("PUT", {"if_unmodified_since": BEFORE}) is None
    assert status("PUT", {"if_unmodified_since": "x"}, last_modified=last_modified) is None
    assert status("PUT", {"if_modified_since": AT}, last_modified=last_modified) is None
    assert status("GET", {"if_modified_since": AT}, last_modified=last_modified) == 304


def test_reading() -> None:
    with pytest.raises(HTTPNotModified) as caught:
        request("GET", if_none_match='"v1"').check_preconditions(etag='"v1"', last_modified=TIME)
    assert caught.value.headers == {"ETag": '"v1"', "Last-Modified": AT}
    assert status("HEAD", {"if_none_match": '"v0"'}, etag='"v1"') is None
    assert status("GET", {"if_match": '"v0"'}, etag='"v1"') == 412


def test_required() -> None:
    with pytest.raises(HTTPPreconditionRequired, match="send If-Match with the ETag that you have seen"):
        request("PUT", range="bytes=0-1").check_preconditions(etag='"v1"', required=True)
    for name in ("if_match", "if_none_match"):
        assert status("PUT", {name: "*"}, etag='"v1"', required=True) in (None, 412)
    assert status("PUT", {"if_unmodified_since": AT}, last_modified=TIME, required=True) is None
    assert status("GET", {}, etag='"v1"', required=True) is None


@pytest.mark.parametrize(
    ("current", "error", "message"),
    [
        ({"etag": "v1"}, ValueError, "expected an ETag like"),
        ({"etag": b"v1"}, TypeError, "expected an entity tag as a str or None, got b'v1'"),
        ({"last_modified": AT}, TypeError, "expected a time as a datetime or as seconds since 1970, got 'Sun"),
        ({"last_modified": True}, TypeError, "expected a time as a datetime"),
        ({"required": 1}, TypeError, "required"),
    ],
)
def test_mistakes(current: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        request("PUT").check_preconditions(**current)


@in_loop
async def test_answers() -> None:
    app = Application()

    @app.route("/", methods=["GET", "PUT"])
    async def show(request: Request) -> None:
        request.check_preconditions(etag='"v1"')

    for method, name, expected in (("GET", b"if-none-match", 304), ("PUT", b"if-none-match", 412)):
        wire = await answer(app, "/", method=method, headers=[(b"host", b"x"), (name, b'"v1"')])
        assert wire.status == expected
        assert ((b"etag", b'"v1"') in wire.fields) == (expected == 304)
        assert any(name == b"content-type" for name, _ in wire.fields) == (expected == 412)
    with pytest.raises(HTTPPreconditionFailed, match="get it again, and repeat the change"):
        request("PUT", if_match='"x"').check_preconditions(etag='"v1"')
