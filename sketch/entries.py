"""Where servers enter an application: as an ASGI 3 callable, by the methods of RSGI, by `run`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sketch.pipeline.pipeline import Pipeline
    from sketch.serving.asgi import ASGIApp


class Entries:
    """The base of `Application` that servers know. Each adapter is loaded when a server first asks for it."""

    pipeline: Pipeline

    def __init__(self) -> None:
        self._wrappers: list[Callable[[ASGIApp], ASGIApp]] = []
        self._asgi: ASGIApp | None = None
        self._rsgi: Any = None

    def wrap_asgi(self, middleware: Callable[..., Any], /, **options: Any) -> None:
        """Put raw ASGI middleware around the application, on every server: `app.wrap_asgi(SentryAsgiMiddleware)`.

        The last one is the outermost, as with `app = middleware(app, **options)`. It sees the lifespan, websockets, and
        every response except to input that never became a request. The native server then speaks ASGI to it, which
        costs a few microseconds per request; an application without such middleware pays nothing.

        Args:
            middleware: called once, as `middleware(asgi_application, **options)`.
            options: for the middleware.

        Raises:
            TypeError: for a middleware that cannot be called.
            RuntimeError: after the application has started, or has been called.
        """
        if not callable(middleware):
            raise TypeError(f"expected ASGI middleware, called as `middleware(app)`, got {middleware!r:.200}")
        if self.pipeline.frozen or self._asgi is not None or self._rsgi is not None:
            raise RuntimeError(f"expected ASGI middleware before the application starts, got {middleware!r:.200}")
        self._wrappers.append(partial(middleware, **options))

    @property
    def is_wrapped(self) -> bool:
        """Whether there is raw ASGI middleware around the application."""
        return bool(self._wrappers)

    def wrapped(self, asgi: ASGIApp) -> ASGIApp:
        """Wrap this application's ASGI callable, made by an adapter, in the middleware given to `wrap_asgi`."""
        for wrap in self._wrappers:
            asgi = wrap(asgi)
        return asgi

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one ASGI 3 scope: `uvicorn package.module:app`."""
        asgi = self._asgi
        if asgi is None:
            from sketch.serving.registry import load_asgi

            asgi = self._asgi = self.wrapped(load_asgi()(self))
        await asgi(scope, receive, send)

    def __rsgi_init__(self, loop: Any) -> None:
        """Start under a server that speaks RSGI: `granian package.module:app`.

        Raises:
            SystemExit: with status 1 if the start fails; the log says why.
        """
        self._by_rsgi().init(loop)

    def __rsgi__(self, scope: Any, protocol: Any) -> Coroutine[Any, Any, None]:
        """Serve one RSGI scope."""
        # Not a coroutine function itself: its frame would cost each request some of what RSGI gains.
        return (self._rsgi or self._by_rsgi()).serve(scope, protocol)  # type: ignore[no-any-return]

    def __rsgi_del__(self, loop: Any) -> None:
        """Stop under a server that speaks RSGI."""
        self._by_rsgi().end(loop)

    def _by_rsgi(self) -> Any:
        if self._rsgi is None:
            from sketch.serving.registry import load_rsgi

            self._rsgi = load_rsgi()(self)
        return self._rsgi

    def run(self, **options: Any) -> int:
        """Run the application by `run_app(app, **options)`."""
        from sketch.serving.run import run_app

        return run_app(self, **options)
