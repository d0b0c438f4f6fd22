"""The debug response to an unexpected error. Never sent unless the application's debug is on.

Everything in it is hostile until it is escaped: an attacker chooses the path, the header fields, often the message and
the variables. Values with a name that marks a secret are masked: others may see a developer's screen, and debug may be
on where it should not be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sketch.errors.debug.facts import learn_request, request_facts
from sketch.errors.debug.masking import Masker
from sketch.errors.debug.text import render_text
from sketch.errors.debug.traces import read_traces
from sketch.errors.problems import PROBLEM, choose_form
from sketch.http.status import PHRASES
from sketch.jsoncodec import STDLIB
from sketch.response import HTML, Response

if TYPE_CHECKING:
    from sketch.request import BaseRequest


def debug_response(request: BaseRequest, exc: BaseException) -> Response:
    """Make a 500 with the details of the error, as a page, text or problem details, whichever the client accepts."""
    masker = Masker()
    learn_request(request, masker)
    traces = read_traces(exc, masker)
    text = render_text(traces)
    form = choose_form(request)
    headers = {"Cache-Control": "no-store", "Vary": "Accept", "X-Content-Type-Options": "nosniff"}
    if form == HTML:
        from sketch.errors.debug.page import POLICY, render

        body = render(traces, request_facts(request, masker), text)
        headers["Content-Security-Policy"] = POLICY
    elif form == PROBLEM:
        members = {"type": "about:blank", "title": PHRASES[500], "status": 500, "detail": traces[0].title}
        body = STDLIB.dumps({**members, "traceback": text.splitlines()}).decode()
    else:
        body = f"{text}\n\n{masker.text(f'{request.method} {request.root_path}{request.raw_path}')}\n"
    return Response(body.encode("utf-8", "backslashreplace"), status=500, headers=headers, content_type=form)
