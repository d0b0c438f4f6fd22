"""HTTP errors in the form that the client accepts: text, a page, or problem details (RFC 9457)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sketch.exceptions import HTTPException
from sketch.http.status import PHRASES
from sketch.jsoncodec import STDLIB
from sketch.response import HTML, TEXT, Response

if TYPE_CHECKING:
    from sketch.request import BaseRequest

PROBLEM = "application/problem+json"

# The media types that a client may accept, the default first, each with the media type of its response.
_FORMS = {"text/plain": TEXT, "text/html": HTML, PROBLEM: PROBLEM, "application/json": PROBLEM}

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
:root{{color-scheme:light dark}}
body{{font:1.05rem/1.6 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;place-items:center}}
main{{padding:2rem;max-width:36rem;overflow-wrap:anywhere}}
h1{{font-size:1.6rem;margin:0}}p{{margin:.6rem 0 0;opacity:.8;white-space:pre-line}}
</style></head><body><main><h1>{title}</h1>{detail}</main></body></html>
"""


def choose_form(request: BaseRequest) -> str:
    """Choose the media type of an error response, of text, HTML or problem details, by what the client accepts.

    Text is for clients that send no `Accept`, accept everything, or accept none of these. `application/json` gets
    problem details.
    """
    accept = request.combined_header(b"accept")
    if accept is None or accept == b"*/*":  # most tools and scanners: they need no negotiation
        return TEXT
    from sketch.http.negotiation import choose_media_type  # seldom needed

    return _FORMS[choose_media_type(accept, tuple(_FORMS)) or "text/plain"]


def error_response(request: BaseRequest, exc: HTTPException) -> Response:
    """Make the response for an HTTPException, in the form that the client accepts.

    A redirect, an exception with its own media type, and one of a class that overrides `to_response` are answered by
    their `to_response`. All others get `Vary: Accept`: a cache may keep a 404, but must not give a client another's
    form.
    """
    fields = exc.headers
    if exc.status < 400 or type(exc).to_response is not HTTPException.to_response or _has_content_type(fields):
        return exc.to_response()
    kind = choose_form(request)
    body = _text(exc) if kind is TEXT else _page(exc) if kind is HTML else _problem(exc)
    response = Response(body, status=exc.status, headers=fields or None, content_type=kind)
    if fields:
        from sketch.http.negotiation import add_vary

        add_vary(response.headers, "Accept")
    else:
        response.headers["Vary"] = "Accept"
    return response


def _has_content_type(fields: dict[str, str]) -> bool:
    return bool(fields) and "content-type" in map(str.lower, fields)


def _title(exc: HTTPException) -> str:
    return PHRASES.get(exc.status, "Unknown Status")


def _text(exc: HTTPException) -> bytes:
    text = f"{exc.status} {_title(exc)}" if exc.detail is None else exc.detail
    return text.encode("utf-8", "backslashreplace")  # a lone surrogate in the reason must not raise another error


def _page(exc: HTTPException) -> bytes:
    from html import escape  # seldom needed

    detail = "" if exc.detail is None else f"<p>{escape(exc.detail)}</p>"
    page = _PAGE.format(title=escape(f"{exc.status} {_title(exc)}"), detail=detail)
    return page.encode("utf-8", "backslashreplace")


def _problem(exc: HTTPException) -> bytes:
    return STDLIB.dumps(problem_members(exc))


def problem_members(exc: HTTPException) -> dict[str, Any]:
    """Return the members of the problem details for an exception; its own come last, and replace none of the usual."""
    usual = {"type": "about:blank", "title": _title(exc), "status": exc.status}
    detail = {} if exc.detail is None else {"detail": exc.detail}
    return {**usual, **detail, **{name: value for name, value in exc.members.items() if name not in usual}}
