"""`Templates`, which makes responses of templates."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from sketch.callables import close_coroutine, describe, is_coroutine_function, is_generator_function
from sketch.context_vars import find_app
from sketch.http.fields import make_fields
from sketch.request import BaseRequest
from sketch.response import HeadersArgument, Response
from sketch.templates.given import Given
from sketch.templates.places import Directory, find_directories

if TYPE_CHECKING:
    from jinja2 import Environment, Template

ContextProcessor = Callable[[Any], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]
"""`(request) -> {"name": value}`: what all templates have. A `def` function is called in a thread, as handlers are."""

P = TypeVar("P", bound=ContextProcessor)

_MISSING = "templates need the package jinja2: pip install 'sketch-web[templates]'"


class Templates:
    """Makes responses of the jinja2 templates below one or several directories.

        templates = Templates("templates")

        @app.get("/posts/{id:int}")
        async def show(request: Request, id: int) -> Response:
            return await templates.response(request, "post.html", {"post": await find(id)})

    Values are escaped in HTML, XML and SVG, by the suffix of the template's name. Each template has `request`,
    `url_for(name, query=None, **parameters)`, `static_url(path)`, and of the middlewares, where there are any,
    `flashed()`, `csrf_token()` and `csp_nonce()`. Awaitables that a template calls for are awaited.

    In debug, a name that is not defined is an error, and templates are read again when they have changed.

    Args:
        directories: where the templates are; the first that has a template of a name counts, so that one directory can
            replace single templates of the next. A relative path starts in the directory of the module that makes this
            object, wherever the server was started.
        package: the relative paths start in this installed package instead.
        context_processors: functions that give names to all templates of a response; see `context_processor`.
        strict: whether a name that is not defined is an error; None: in debug only, else it shows nothing.

    Raises:
        TypeError: for a directory or a context processor of another type.
        ValueError: for a directory that does not exist, and for a package without it.
        RuntimeError: if jinja2 is not installed.
    """

    def __init__(
        self,
        *directories: Directory,
        package: str | None = None,
        context_processors: Iterable[ContextProcessor] = (),
        strict: bool | None = None,
    ) -> None:
        try:
            from sketch.templates.environment import make_environment  # jinja2 is an extra
        except ModuleNotFoundError as exc:
            raise RuntimeError(_MISSING) from exc
        if strict is not None and not isinstance(strict, bool):
            raise TypeError(f"expected strict as a bool or None, got {strict!r:.200}")
        caller = sys._getframe(1).f_globals
        self.directories = tuple(find_directories(directories, package, caller))
        """The directories, as absolute paths."""
        self.environment: Environment = make_environment(self.directories)
        """The environment of jinja2, for filters, tests, globals and extensions of your own. Change it before the first
        template is used."""
        self._strict = strict
        self._variants: dict[bool, Environment] = {}
        self._blocks: dict[tuple[bool, str, str], Template] = {}
        self._processors: list[ContextProcessor] = []
        for function in context_processors:
            self.context_processor(function)

    def context_processor(self, function: P) -> P:
        """Add a function `(request) -> {"name": value}`, as a decorator or by a call. Later ones come before earlier.

        Raises:
            TypeError: for what cannot be called so.
        """
        if not callable(function) or is_generator_function(function):
            raise TypeError(f"expected a context processor `(request) -> mapping`, got {function!r:.200}")
        self._processors.append(function)
        return function

    # -- pages ------------------------------------------------------------------------------------------------------

    async def response(
        self,
        request: BaseRequest,
        name: str,
        context: Mapping[str, Any] | None = None,
        *,
        block: str | None = None,
        status: int = 200,
        headers: HeadersArgument = None,
        content_type: str | None = None,
    ) -> Response:
        """Render a template to a response.

        A large page lets other requests run every few milliseconds.

        Args:
            request: the one that is answered.
            name: of the template: its path below a directory, with slashes.
            context: its names and values. They come before those of context processors, and these before the usual.
            block: render this block alone, `{% block rows %}`, for a page that replaces a part of itself (htmx). The
                context has to have only what the block uses.
            status, headers: as in `Response`.
            content_type: by default that of the template's name: `page.html`, `feed.xml.j2`, `mail.txt`.

        Raises:
            TypeError: for arguments of another type, and for a coroutine in the context.
            ValueError: for a block that the template does not have.
            jinja2.TemplateNotFound: without such a template.
            jinja2.TemplateError: for a template with an error in it; and whatever its code raises.
        """
        from sketch.templates.rendering import encode

        _check_request(request)
        text = await self.render(name, context, request=request, block=block)
        return Response(encode(text), status=status, headers=headers, content_type=_type(name, headers, content_type))

    async def render(
        self,
        name: str,
        context: Mapping[str, Any] | None = None,
        *,
        request: BaseRequest | None = None,
        block: str | None = None,
    ) -> str:
        """Render a template to text, for a mail, say. Arguments and errors are those of `response`.

        Without a request, context processors are not called, and only `url_for` and `static_url` are given: paths of
        the current application.
        """
        from sketch.templates.rendering import render

        values = await self._values(request, context)
        return await render(self._find(request, name, block), values)

    async def stream(
        self,
        request: BaseRequest,
        name: str,
        context: Mapping[str, Any] | None = None,
        *,
        status: int = 200,
        headers: HeadersArgument = None,
        content_type: str | None = None,
    ) -> Response:
        """Render a template to a response that is sent while the page is made: for very large pages.

        The first 32 KiB are made before the response begins: until then an error is a 500, as usual, and later it
        breaks the connection. What sets header fields (`flashed`, `csrf_token`, `csp_nonce`) has to be used by then.
        Arguments and errors are those of `response`, except that there are no blocks.
        """
        from sketch.streams.stream import StreamResponse  # few pages are that large
        from sketch.templates.rendering import PageChunks

        _check_request(request)
        values = await self._values(request, context)
        chunks = PageChunks(self._find(request, name, None), values)
        try:
            await chunks.begin()
        except BaseException:
            await chunks.aclose()
            raise
        kind = _type(name, headers, content_type)
        if chunks.ended:
            return Response(chunks.first, status=status, headers=headers, content_type=kind)
        response = StreamResponse(chunks, status=status, headers=headers, content_type=kind)
        request.at_end.resources.append(response.body)  # closed there if another response is sent in its place
        return response

    # -- what a template gets ---------------------------------------------------------------------------------------

    async def _values(self, request: BaseRequest | None, context: Mapping[str, Any] | None) -> dict[str, Any]:
        if context is not None and not isinstance(context, Mapping):
            raise TypeError(f"expected the context of a template as a mapping, got {context!r:.200}")
        values = Given(request).names()
        if request is not None:
            for processor in self._processors:
                values.update(await _process(processor, request))
        for name, value in (context or {}).items():
            if close_coroutine(value):
                raise TypeError(f"expected a value for {name!r:.200} in a template, got a coroutine: await it first")
            values[name] = value
        return values

    def _find(self, request: BaseRequest | None, name: str, block: str | None) -> Template:
        app = find_app() if request is None else request.app
        debug = app is not None and app.debug
        environment = self._variants.get(debug) or self._make_variant(debug)
        if block is None:
            return environment.get_template(name)
        template = self._blocks.get((debug, name, block))
        if template is None or (environment.auto_reload and not template.is_up_to_date):
            from sketch.templates.blocks import block_template  # few pages are asked for in parts

            template = self._blocks[debug, name, block] = block_template(environment, name, block)
        return template

    def _make_variant(self, debug: bool) -> Environment:
        from sketch.templates.environment import variant_of

        strict = debug if self._strict is None else self._strict
        variant = self._variants[debug] = variant_of(self.environment, strict=strict, reload=debug)
        return variant

    def __repr__(self) -> str:
        return f"<Templates {', '.join(self.directories)}>"


async def _process(processor: Callable[[Any], Any], request: BaseRequest) -> Mapping[str, Any]:
    waiting = processor(request) if is_coroutine_function(processor) else request.app.threads.run(processor, request)
    values: object = await waiting
    if not isinstance(values, Mapping):
        raise TypeError(f"expected a mapping from the context processor {describe(processor)}, got {values!r:.200}")
    return values


def _check_request(request: object) -> None:
    if not isinstance(request, BaseRequest):
        raise TypeError(f"expected the request first, then the template's name, got {request!r:.200}")


def _type(name: str, headers: HeadersArgument, given: str | None) -> str | None:
    """The media type of a response; None if it is among the headers."""
    from sketch.templates.environment import media_type_of

    if given is None and headers is not None and "Content-Type" in make_fields(headers):
        return None
    return given or media_type_of(name)
