"""The names that each template has beside those of its context: URLs, and what middlewares know of the request."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sketch.context_vars import find_app, request_var
from sketch.files.static import StaticFiles
from sketch.routing.names import url_to

if TYPE_CHECKING:
    from yarl import URL

    from sketch.application import Application
    from sketch.request import BaseRequest

# Functions of a request. Each is imported when a template first calls it; without its middleware it says so.
_HOMES = {
    "flashed": "sketch.middleware.sessions",
    "csrf_token": "sketch.middleware.csrf",
    "csp_nonce": "sketch.middleware.security_headers",
}


class Given:
    """The functions that a template is given.

    They are methods, which the debug page shows without looking inside: it masks what `csrf_token` holds, and a request
    in there would mask the path.

    Args:
        request: the one that is answered, None for a template without one.
    """

    __slots__ = ("_request",)

    def __init__(self, request: BaseRequest | None) -> None:
        self._request = request

    def names(self) -> dict[str, Any]:
        """Return the names with what they mean."""
        names: dict[str, Any] = {
            "url_for": self.url_for,
            "static_url": self.static_url,
            "flashed": self.flashed,
            "csrf_token": self.csrf_token,
            "csp_nonce": self.csp_nonce,
        }
        if self._request is not None:
            names["request"] = self._request
        return names

    @property
    def _app(self) -> Application:
        app: Application | None = find_app() if self._request is None else self._request.app
        if app is None:
            raise RuntimeError("expected a request, or `with app.context():`, for a URL in a template")
        return app

    @property
    def _client(self) -> BaseRequest | None:
        """The request whose client will use a URL."""
        request: BaseRequest | None = request_var.get() if self._request is None else self._request
        return request

    def url_for(self, name: str, /, *, query: Mapping[str, Any] | None = None, **parameters: Any) -> URL:
        """Build the path to a route by its name: `url_for("post", id=3, query={"page": 2})`.

        Args:
            name: see `Application.url_for`.
            query: the fields of the query.
            parameters: for the path.

        Raises:
            LookupError, ValueError: as `Application.url_for` does.
        """
        app = self._app
        url = url_to((*app.mounts, *app.router.chain(name)), parameters, self._client)
        return url if query is None else url.with_query(query)

    async def static_url(self, path: str, /, **parameters: Any) -> URL:
        """Build the URL of a static file, with a hash of its content: browsers keep the file until it changes.

        The first route that `add_static` has made, of the request's application or one around it, that sends such a
        file answers with `Cache-Control: immutable` for this URL.

        Args:
            path: of the file below its directory: `"css/site.css"`.
            parameters: for the path of the route.

        Raises:
            TypeError: for a path that is no text.
            LookupError: if there is no such file.
        """
        if not isinstance(path, str):
            raise TypeError(f"expected the path of a static file, like 'css/site.css', got {path!r:.200}")
        seen: list[str] = []
        app: Application | None = self._app
        while app is not None:
            for route in app.router.routes():
                files = route.handler
                if isinstance(files, StaticFiles):
                    version = await files.version(path, fresh=app.debug)
                    if version is not None:
                        url = url_to((*app.mounts, route), {**parameters, "path": path}, self._client)
                        return url.with_query(v=version)
                    seen.append(files.directory)
            app = app.parent
        places = f"a file below {', '.join(seen)}" if seen else "but no add_static has a directory of them"
        raise LookupError(f"expected the path of a static file, like 'css/site.css', {places}, got {path!r:.200}")

    def flashed(self) -> Any:
        """Return the messages of `flash`: `sketch.middleware.sessions.flashed`."""
        return self._ask("flashed")

    def csrf_token(self) -> Any:
        """Return the token for a form: `sketch.middleware.csrf.csrf_token`."""
        return self._ask("csrf_token")

    def csp_nonce(self) -> Any:
        """Return the nonce for scripts and styles: `sketch.middleware.security_headers.csp_nonce`."""
        return self._ask("csp_nonce")

    def _ask(self, name: str) -> Any:
        if self._request is None:
            raise RuntimeError(f"expected a request for {name}() in a template: pass render(..., request=request)")
        return getattr(import_module(_HOMES[name]), name)(self._request)
