"""`OpenAPI`: what an application says of itself, served beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any
from urllib.parse import quote

from sketch.application import Application
from sketch.jsoncodec import STDLIB
from sketch.keys import AppKey
from sketch.middleware.chain import Middleware
from sketch.openapi.document import DocumentMaker, MakeId
from sketch.openapi.page import PageRoutes
from sketch.request import Request
from sketch.response import JSON, Response

__all__ = ["OPENAPI", "OpenAPI"]


class OpenAPI:
    """Documents an application by OpenAPI 3.1: as JSON at `/openapi.json`, as a page to read and try at `/docs`.

        OpenAPI(title="Teashop", version="1.0").attach(app)

    Both are made of what handlers declare, when they are first asked for, and kept. The document's `servers` is the
    path under which the application is reached, without scheme and host.

    Args:
        title: of the application.
        version: of the application's interface.
        summary: one line.
        description: in CommonMark.
        terms_of_service: a URL.
        contact, license: OpenAPI's Contact and License Objects.
        tags: descriptions of tags, by name; the document lists them in this order, before all others.
        path: where the document is.
        docs: where the page is; None switches it off. Its style and its script are below this path.
        middlewares: around the document and the page; they may refuse requests.
        operation_id: `(route, method)`, makes the ids of operations that have none of their own; `method` is in lower
            case. By default an id is made of method and path, so that it stays when other routes come and go.

    Raises:
        TypeError: for an argument of another type.
    """

    def __init__(
        self,
        *,
        title: str,
        version: str,
        summary: str | None = None,
        description: str | None = None,
        terms_of_service: str | None = None,
        contact: Mapping[str, str] | None = None,
        license: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        path: str = "/openapi.json",
        docs: str | None = "/docs",
        middlewares: Iterable[Middleware] = (),
        operation_id: MakeId | None = None,
    ) -> None:
        info = {
            "title": title,
            "summary": summary,
            "description": description,
            "termsOfService": terms_of_service,
            "contact": contact,
            "license": license,
            "version": version,
        }
        for name, value in {**info, "tags": tags}.items():
            mapping = name in ("contact", "license", "tags")
            if (value is not None or name in ("title", "version")) and not isinstance(
                value, Mapping if mapping else str
            ):
                raise TypeError(f"expected {name} as {'a mapping of texts' if mapping else 'text'}, got {value!r:.200}")
        self.info = {name: value for name, value in info.items() if value is not None}
        self.tags = dict(tags or {})
        self.path = path
        self.docs = docs
        self.middlewares = list(middlewares)
        self._operation_id = operation_id
        self._app: Application | None = None
        self._lock = Lock()
        self._document: dict[str, Any] | None = None
        self._pieces: tuple[bytes, bytes, bytes] | None = None

    def attach(self, app: Application) -> None:
        """Add the document and the page to an application, which has not started.

        Raises:
            RuntimeError: if this object, or another one, documents an application already.
            ValueError: if the application has a route with one of their paths.
        """
        if self._app is not None or OPENAPI in app:
            raise RuntimeError(f"expected one OpenAPI for one application, got another for {app!r:.200}")
        app.add_get(self.path, self.answer, middlewares=self.middlewares, include_in_schema=False)
        if self.docs is not None:
            PageRoutes(self.docs, self.path, self.document, _prefix).add_to(app, self.middlewares)
        app[OPENAPI] = self
        self._app = app

    def document(self, root_path: str = "") -> dict[str, Any]:
        """Return the document, a new dict for each call; its parts are shared and must not be changed.

        Args:
            root_path: percent-encoded; what the paths of the document begin after.

        Raises:
            RuntimeError: if it is not attached to an application, and if a library that describes types is missing.
            ValueError: for an id or a security scheme of two meanings.
            TypeError: for a type that cannot be described.
        """
        made = self._make()
        opening = {name: made[name] for name in ("openapi", "info")}
        return {**opening, "servers": [_server(root_path)], **made}

    def _make(self) -> dict[str, Any]:
        """Make the document without `servers`; keep it once no route can be added any more."""
        if self._app is None:
            raise RuntimeError("expected an OpenAPI that is attached to an application: OpenAPI(...).attach(app)")
        with self._lock:
            if self._document is not None:
                return self._document
            frozen = self._app.pipeline.frozen
            made = DocumentMaker(self.info, self.tags, self._operation_id).make(self._app)
            if frozen:
                self._document = made
            return made

    def text(self, root_path: str = "") -> bytes:
        """Return the document as JSON; raises as `document` does."""
        before, after, usual = self._pieces or self._write()
        return before + STDLIB.dumps(_server(root_path)) + after if root_path else usual

    def _write(self) -> tuple[bytes, bytes, bytes]:
        """Write what stands before and after the server, and the whole for an application at the root."""
        made = self._make()
        opening = ("openapi", "info")
        before = STDLIB.dumps({name: made[name] for name in opening})[:-1] + b',"servers":['
        after = b"]," + STDLIB.dumps({name: each for name, each in made.items() if name not in opening})[1:]
        pieces = (before, after, before + STDLIB.dumps(_server("")) + after)
        if self._document is not None:
            self._pieces = pieces
        return pieces

    async def answer(self, request: Request) -> Response:
        """Send the document: the handler of its route."""
        if self._pieces is None:
            await request.app.threads.run(self.text)
        return Response(self.text(request.root_path), content_type=JSON)


def _server(root_path: str) -> dict[str, str]:
    return {"url": _prefix(root_path) or "/"}


def _prefix(root_path: str) -> str:
    """The path under which an application is reached, as it stands in a URL."""
    return quote(root_path, safe="/%:@!$&'()*+,;=~")


OPENAPI = AppKey[OpenAPI]("sketch.openapi")
"""The `OpenAPI` that documents an application: `app[OPENAPI].document()`."""
