"""HTTP errors: one class per status, each an answer."""

from __future__ import annotations

import copy
import inspect
import pickle
from functools import partial
from typing import Any

import pytest

import sketch
from sketch import exceptions
from sketch.exceptions import (
    HTTPClientError,
    HTTPConflict,
    HTTPException,
    HTTPFound,
    HTTPMethodNotAllowed,
    HTTPNotFound,
    HTTPNotModified,
    HTTPRedirection,
    HTTPSeeOther,
    HTTPServerError,
)
from sketch.http.status import PHRASES

CLASSES = [
    value
    for name, value in inspect.getmembers(exceptions, inspect.isclass)
    if issubclass(value, HTTPException) and value.__name__ == name and hasattr(value, "default_status")
]


@pytest.mark.parametrize("kind", CLASSES)
def test_each_class_has_the_phrase_of_its_status(kind: Any) -> None:
    error = kind("/x") if issubclass(kind, HTTPRedirection) else kind()
    response = error.to_response()
    phrase = PHRASES[error.status]
    assert str(error) == f"{error.status} {phrase}"
    assert kind.__name__.lower() == "http" + "".join(filter(str.isalnum, phrase.removeprefix("HTTP "))).lower()
    assert (response.status, response.body) == (error.status, f"{error.status} {phrase}".encode())
    family = {3: HTTPRedirection, 4: HTTPClientError, 5: HTTPServerError}[error.status // 100]
    assert issubclass(kind, family) or kind is HTTPNotModified, "which points nowhere"


def test_no_status_twice_and_all_are_exported() -> None:
    statuses = [kind.default_status for kind in CLASSES]
    assert len(set(statuses)) == len(statuses)
    assert {kind.__name__ for kind in CLASSES} <= set(sketch.__all__)


def test_older_names() -> None:
    assert sketch.HTTPRequestEntityTooLarge is sketch.HTTPContentTooLarge
    assert sketch.HTTPUnprocessableEntity is sketch.HTTPUnprocessableContent
    assert sketch.HTTPRequestURITooLong is sketch.HTTPURITooLong
    assert sketch.HTTPRequestRangeNotSatisfiable is sketch.HTTPRangeNotSatisfiable


def test_reason_is_the_body_and_headers_are_added() -> None:
    error = HTTPNotFound("no such order", headers={"X-A": "1"})
    response = error.to_response()
    assert (str(error), response.body) == ("no such order", b"no such order")
    assert response.headers["X-A"] == "1"
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_the_reason_is_the_phrase_by_default() -> None:
    assert (HTTPNotFound().reason, HTTPNotFound().detail) == ("Not Found", None)
    assert (HTTPNotFound("none").reason, HTTPNotFound("none").detail) == ("none", "none")
    assert (HTTPNotFound("").reason, HTTPException(499).reason) == ("", "Unknown Status")
    error = HTTPNotFound()
    error.reason = "changed"
    assert (error.reason, error.to_response().body) == ("changed", b"changed")
    with pytest.raises(TypeError, match=r"return JSONResponse\(data, status=...\)"):
        error.reason = {"why": 1}  # type: ignore[assignment]
    error.reason = None
    assert (error.reason, error.detail) == ("Not Found", None)


def test_any_error_status() -> None:
    assert HTTPException(499).to_response().body == b"499 Unknown Status"
    assert HTTPException(418, "short").to_response().body == b"short"


@pytest.mark.parametrize("status", [200, 299, 600, 0, -1])
def test_other_statuses_are_refused(status: int) -> None:
    with pytest.raises(ValueError, match="from 300 to 599"):
        HTTPException(status)


@pytest.mark.parametrize("status", ["404", "x", True, 404.0, None])
def test_a_status_of_another_type_is_refused(status: Any) -> None:
    with pytest.raises(TypeError, match=f"expected a status as an int, got {status!r}"):
        HTTPException(status)


@pytest.mark.parametrize("make", [HTTPNotFound, partial(HTTPException, 404), partial(HTTPFound, "/")])
def test_a_reason_is_text(make: Any) -> None:
    with pytest.raises(TypeError, match=r"a str or None, got {'error': 1}: return JSONResponse\(data, status=...\)"):
        make({"error": 1})
    with pytest.raises(TypeError, match="a str or None, got b'a'"):
        make(b"a")


def test_each_response_is_its_own() -> None:
    error = HTTPNotFound(headers={"X-A": "1"})
    first = error.to_response()
    first.headers["X-A"] = "2"
    assert error.to_response().headers["X-A"] == "1"


def test_redirections() -> None:
    assert HTTPFound("/x").to_response().headers["Location"] == "/x"
    assert HTTPFound("//evil/a b").headers == {"Location": "/evil/a%20b"}
    assert HTTPSeeOther("/x", "see there", headers={"X-A": "1"}).headers == {"X-A": "1", "Location": "/x"}


def test_method_not_allowed_names_the_methods() -> None:
    error = HTTPMethodNotAllowed(["POST", "GET", "GET"])
    assert (error.allowed, error.headers) == (["GET", "POST"], {"Allow": "GET, POST"})
    assert HTTPMethodNotAllowed().headers == {"Allow": ""}


class Custom(HTTPConflict):
    def __init__(self, order: int, *, user: str) -> None:
        super().__init__(f"order {order} of {user}")
        self.order = order


@pytest.mark.parametrize(
    "error",
    [
        HTTPException(499, "why", headers={"X-A": "1"}),
        HTTPNotFound(),
        HTTPNotFound("gone", headers={"X-A": "1"}),
        HTTPMethodNotAllowed(["GET", "POST"], "no"),
        HTTPFound("/x"),
        Custom(7, user="ada"),
    ],
    ids=repr,
)
def test_exceptions_can_be_pickled_and_copied(error: HTTPException) -> None:
    error.add_note("a note")
    for same in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(same) is type(error)
        assert (vars(same), same.args, str(same)) == (vars(error), error.args, str(error))
        same.headers = {"X-B": "2"}
        assert "X-B" not in error.headers
