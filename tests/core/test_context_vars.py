"""`find_app`: the application of the current request or context."""

from __future__ import annotations

from sketch.application import Application
from sketch.context_vars import find_app, request_var
from tests.support.requests import make_request


def test_there_is_none_outside_a_context() -> None:
    assert find_app() is None


def test_it_is_the_application_whose_context_was_entered() -> None:
    app = Application()
    with app.context():
        assert find_app() is app
    assert find_app() is None


def test_the_application_of_the_request_comes_first() -> None:
    outer, inner = Application("outer"), Application("inner")
    request = make_request(app=outer)
    with outer.context():
        token = request_var.set(request)
        request.app = inner  # as a mounted application takes the request over
        assert find_app() is inner
        request_var.reset(token)
        assert find_app() is outer
