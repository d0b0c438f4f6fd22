"""To whom tokens are bound."""

from __future__ import annotations

import pytest

from sketch.middleware.csrf_tokens import Tokens
from sketch.middleware.csrf_visitors import CookieVisitor, SessionVisitor, Visit
from sketch.request.base import SESSION
from sketch.request.session import Session
from sketch.request.session_state import KeptSession, SessionState
from sketch.response import Response
from tests.support.requests import make_request

ID = "a" * 43


def test_a_visitor_by_a_cookie() -> None:
    visitor = CookieVisitor(make_request(headers=[(b"cookie", b"a=b; csrf=" + ID.encode())]))
    assert (visitor.known(), visitor.current()) == (f"cookie {ID}", f"cookie {ID}")
    visitor.complete(response := Response())
    assert "Set-Cookie" not in response.headers
    for sent in (b"csrf=short", b"__Host-csrf=" + ID.encode(), b"csrf=%b; csrf=%b" % (ID.encode(), ID.encode())):
        assert CookieVisitor(make_request(headers=[(b"cookie", sent)])).known() is None


def test_a_new_visitor_gets_a_cookie_with_the_head() -> None:
    visitor = CookieVisitor(make_request())
    assert visitor.known() is None
    assert visitor.current() == visitor.current() == visitor.known()
    visitor.complete(response := Response())
    assert visitor.current().removeprefix("cookie ") in response.headers["Set-Cookie"]
    late = CookieVisitor(make_request())
    late.complete(response := Response())
    assert "Set-Cookie" not in response.headers
    with pytest.raises(RuntimeError, match=r"expected csrf_token\(\) before the head of the answer"):
        late.current()


@pytest.mark.parametrize("control", ["private", "no-store", "max-age=5, private"])
def test_what_no_cache_shares_stays(control: str) -> None:
    visitor = CookieVisitor(make_request())
    visitor.current()
    visitor.complete(response := Response(headers={"Cache-Control": control}))
    assert response.headers["Cache-Control"] == control


def test_a_visitor_by_a_session() -> None:
    new = SessionVisitor(Session(SessionState(lambda: None)))
    assert new.known() is None
    assert new.current() == new.current() != f"session {ID}"
    kept = SessionVisitor(Session(SessionState(lambda: KeptSession(ID, 0, 0, b"[{}]"))))
    assert (kept.known(), kept.current()) == (f"session {ID}", f"session {ID}")


def test_a_cookie_is_no_session() -> None:
    """Ids of both kinds are told apart: what is bound to one is worth nothing for the other."""
    tokens = Tokens("s" * 32)
    by_cookie = Visit(make_request(headers=[(b"cookie", b"csrf=" + ID.encode())]), tokens)
    request = make_request(headers=[(b"cookie", b"csrf=" + ID.encode())])
    request[SESSION] = Session(SessionState(lambda: KeptSession(ID, 0, 0, b"[{}]")))
    by_session = Visit(request, tokens)
    assert by_cookie.accepts(by_cookie.token())
    assert by_session.accepts(by_session.token())
    assert not by_session.accepts(by_cookie.token())
    assert not by_cookie.accepts(by_session.token())
