"""The page that shows an unexpected error while developing. Never sent unless the application's debug is on."""

from __future__ import annotations

import traceback
from html import escape
from typing import TYPE_CHECKING

from sketch.response import HTMLResponse, Response

if TYPE_CHECKING:
    from sketch.request import Request

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body{{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color-scheme:light dark}}
pre{{padding:1rem;overflow:auto;border:1px solid #8886;border-radius:.5rem}}h1{{font-size:1.3rem}}</style>
<h1>{title}</h1><p>{method} {path}</p><pre>{trace}</pre>
<p>This page is shown because the application runs with debug on.</p></html>"""


def debug_response(request: Request, exc: BaseException) -> Response:
    """A 500 with the traceback. Everything in it is escaped: an attacker chooses the path and often the message."""
    page = _PAGE.format(
        title=escape("".join(traceback.format_exception_only(exc)).strip()),  # unlike str(exc), it never fails
        method=escape(request.method),
        path=escape(request.raw_path),
        trace=escape("".join(traceback.format_exception(exc))),
    )
    # Even if something were missed, nothing in this page may run or load.
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return HTMLResponse(page.encode("utf-8", "backslashreplace"), status=500, headers=headers)
