"""The debug responses: to an unexpected error, to a path without a route, and to one that its exception explains.

They are never sent unless debug is on.

Everything in it is hostile until it is escaped: an attacker chooses the path, the header fields, often the message and
the variables. Values with a name that marks a secret are masked: others may see a developer's screen, and debug may be
on where it should not be.
"""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from sketch.errors.debug.facts import learn_request, request_facts
from sketch.errors.debug.inputs import input_facts, render_inputs
from sketch.errors.debug.masking import Masker
from sketch.errors.debug.routes import render_routes, route_facts
from sketch.errors.debug.text import render_text
from sketch.errors.debug.traces import read_traces
from sketch.errors.problems import PROBLEM, choose_form, problem_members
from sketch.http.status import PHRASES
from sketch.jsoncodec import STDLIB
from sketch.response import HTML, Response

if TYPE_CHECKING:
    from sketch.exceptions import HTTPException
    from sketch.request import BaseRequest


def debug_response(request: BaseRequest, exc: BaseException) -> Response:
    """Make a 500 with the details of the error, as a page, text or problem details, whichever the client accepts."""
    masker = Masker()
    learn_request(request, masker)
    traces = read_traces(exc, masker)
    text = render_text(traces)
    form = choose_form(request)
    if form == HTML:
        from sketch.errors.debug.page import render

        body = render(traces, request_facts(request, masker), text)
    elif form == PROBLEM:
        body = _problem(500, detail=traces[0].title, traceback=text.splitlines())
    else:
        body = f"{text}\n\n{_line(request, masker)}\n"
    return _respond(500, form, body)


def missed_response(request: BaseRequest) -> Response:
    """Make a 404 with the routes that there are, for a path that none of them takes, in the same forms."""
    masker = Masker()
    learn_request(request, masker)
    routes = route_facts(request, masker)
    form = choose_form(request)
    if form == HTML:
        from sketch.errors.debug.page import render_miss

        body = render_miss(routes, request_facts(request, masker))
    elif form == PROBLEM:
        body = _problem(404, detail="no route has this path", routes=dedent(render_routes(routes)).splitlines())
    else:
        body = f"404 Not Found\n\n{_line(request, masker)}\n\nThe routes:\n{render_routes(routes)}\n"
    return _respond(404, form, body)


def explained_response(request: BaseRequest, exc: HTTPException) -> Response | None:
    """Make the response for an exception with the inputs that have led to it, in the same forms; None without any."""
    inputs = list(exc.explain(request))
    if not inputs:
        return None
    masker = Masker()
    learn_request(request, masker)
    facts = input_facts(inputs, masker)
    form = choose_form(request)
    if form == HTML:
        from sketch.errors.debug.page import render_explained

        body = render_explained(f"{exc.status} {exc.reason}", facts, request_facts(request, masker))
    elif form == PROBLEM:
        inputs_shown = [{"name": name, **dict(rows)} for name, rows in facts]
        body = STDLIB.dumps({**problem_members(exc), "inputs": inputs_shown}).decode()
    else:
        body = f"{exc.reason}\n\n{_line(request, masker)}\n\n{render_inputs(facts)}\n"
    return _respond(exc.status, form, body)


def _line(request: BaseRequest, masker: Masker) -> str:
    return masker.text(f"{request.method} {request.root_path}{request.raw_path}")


def _problem(status: int, **members: object) -> str:
    return STDLIB.dumps({"type": "about:blank", "title": PHRASES[status], "status": status, **members}).decode()


def _respond(status: int, form: str, body: str) -> Response:
    headers = {"Cache-Control": "no-store", "Vary": "Accept", "X-Content-Type-Options": "nosniff"}
    if form == HTML:
        from sketch.errors.debug.page import POLICY

        headers["Content-Security-Policy"] = POLICY
    return Response(body.encode("utf-8", "backslashreplace"), status=status, headers=headers, content_type=form)
