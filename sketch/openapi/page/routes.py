"""The routes of the reference page: the page, its style, its script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from sketch.application import Application
from sketch.files.response import FileResponse
from sketch.middleware.chain import Middleware
from sketch.openapi.page.document import HEADERS, Page
from sketch.request import Request
from sketch.response import HTMLResponse, Response

_STATIC = Path(__file__).with_name("static")
_HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


class PageRoutes:
    """Serves the page of a document, which is made when it is first asked for.

    Args:
        path: where the page is; its style and script are below.
        document_path: where the document is.
        document: makes the document.
        prefix: the path under which the application is reached, percent-encoded, from a request's root path.
    """

    def __init__(
        self,
        path: str,
        document_path: str,
        document: Callable[[], Mapping[str, Any]],
        prefix: Callable[[str], str],
    ) -> None:
        self._path = path
        self._document_path = document_path
        self._document = document
        self._prefix = prefix
        self._page: Page | None = None

    def add_to(self, app: Application, middlewares: Iterable[Middleware]) -> None:
        """Add the routes to an application, each within the middlewares."""
        around = list(middlewares)
        app.add_get(self._path, self._show, middlewares=around, include_in_schema=False)
        for name in ("page.css", "page.js"):
            app.add_get(f"{self._path.rstrip('/')}/{name}", _send, middlewares=around, include_in_schema=False)

    def _make(self) -> Page:
        return Page(self._document(), path=self._path, document_path=self._document_path)

    async def _show(self, request: Request) -> Response:
        """Send the page."""
        if self._page is None:
            self._page = await request.app.threads.run(self._make)
        return HTMLResponse(self._page.render(self._prefix(request.root_path)), headers=HEADERS)


async def _send(request: Request) -> FileResponse:
    """Send the style or the script; a browser that has it asks whether it is still the same."""
    return FileResponse(_STATIC / request.path.rpartition("/")[2], headers=_HEADERS)
