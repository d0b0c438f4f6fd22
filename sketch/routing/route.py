"""One route: the methods and paths it takes, and the handler that answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sketch.binding.bound import Call, Handler
from sketch.binding.calls import SelfBinding, bind
from sketch.binding.converters import CONVERTERS, Converter
from sketch.binding.surroundings import Surroundings
from sketch.callables import describe
from sketch.http.grammar import TOKEN
from sketch.limits import Limits
from sketch.middleware.chain import Middleware, check
from sketch.routing.conditions import Conditions, HeaderCondition
from sketch.routing.template import Template

if TYPE_CHECKING:
    from sketch.binding.answers.answer import AnswerOptions
    from sketch.binding.arguments import Dependency
    from sketch.binding.bound import Bound
    from sketch.binding.sources import Depends
    from sketch.results import Endpoint
    from sketch.routing.documentation import Documentation, Responses
    from sketch.routing.group import RouteGroup

ANY = "*"
"""Stands for every method."""

WEBSOCKET = "(websocket)"
"""Stands in place of a method for websocket handshakes. No client can send it as a method: it is no token."""

OnDisconnect = Literal["ignore", "cancel"]
Slashes = Literal["strict", "redirect"]

Path = str | re.Pattern[str]
Methods = str | Iterable[str]


class Home(Protocol):
    """What routing needs of the application that a route belongs to."""

    @property
    def mounts(self) -> Sequence[Route]:
        """The mounts that lead to the application, the outermost first."""
        ...


class Route:
    """A handler with the methods and the path that lead to it. `add_route` makes one, `add_routes` also takes one.

    Args:
        method: one method or several, in upper or lower case; `"*"` is every method that no other route with this path
            takes. A class-based view with `"*"` takes the methods it has.
        path: a template (see `Template`), or a compiled regular expression for the whole decoded path, in which `%2F`
            stays as it is; its named groups are the path parameters, None for a group that did not match.
        handler: a function, any other callable, or a class-based view; see `sketch.binding.plan.plan`.
        name: for reverse URLs.
        middlewares: wrap this handler only, inside the application's middlewares; the first is the outermost.
        limits: what a client may ask of this handler; unset fields come from the groups, then the application.
        host: only requests for this host: `"example.com"`, or `"*.example.com"` for its subdomains, as received: routes
            are found before `ProxyHeaders` runs, so a proxy has to pass `Host` on.
        headers: only requests with these fields: by name, the value, a regular expression, or whether it is present.
        slashes: what a request gets if its path differs from this one only in a slash at the end: `"strict"`, a 404, or
            `"redirect"`, a 308 to this path. Default: the router's setting.
        on_disconnect: what happens to the handler when the client leaves: `"ignore"`, nothing, or `"cancel"`.
        tags: words for documentation and tools.
        dependencies: guards, as `Depends(function)`: called before the handler, after those of the application and of
            the groups. Their values are not used; an HTTPException of one is the answer.
        status: the status of the answer that is made of what the handler returns.
        by_alias, exclude_unset, exclude_defaults, exclude_none: how a model becomes JSON; see `AnswerOptions`.
        summary, description, operation_id, deprecated, responses, include_in_schema: see `Documentation`.
        groups: the groups it belongs to, the outermost first.
        converters: by name.

    Raises:
        ValueError: for a malformed method or path, and for a parameter of the handler that gets no value.
        TypeError: for a handler that cannot be called, for a path that is neither text nor regular expression, for
            limits and tags of another type, and for what is no middleware or an outer one.
    """

    __slots__ = (
        "answers",
        "bound",
        "call",
        "conditions",
        "dependencies",
        "documentation",
        "endpoint",
        "groups",
        "guards",
        "handler",
        "home",
        "limits",
        "matcher",
        "methods",
        "middlewares",
        "name",
        "on_disconnect",
        "own_limits",
        "parameters",
        "path",
        "prefix",
        "slashes",
        "tags",
    )

    path: Path
    """The path as given; in a group, with the group's prefix."""
    home: Home | None
    """The application that the route belongs to; set when that application freezes."""
    prefix: str
    """The template of the path under which the route's application is mounted; set when the outermost starts."""
    matcher: Template | re.Pattern[str]
    parameters: tuple[str, ...]
    """The names of the path parameters."""

    methods: frozenset[str]
    """In upper case; `{"*"}` for every method, `{WEBSOCKET}` for the handshakes of websockets."""
    conditions: Conditions | None
    """The host and header fields that a request must have."""
    call: Call
    """Calls the handler for a request, with its arguments filled in."""
    bound: Bound
    """The same call, and what the handler's parameters and its result declare."""
    answers: AnswerOptions | None
    """How an answer is made of what the handler returns; None if no option was given."""
    documentation: Documentation | None
    """What documents of the application say of the route; None if no option was given."""
    guards: Sequence[Dependency]
    """The dependencies of the groups and the route that are called before the handler, after those of applications."""
    endpoint: Endpoint
    """The handler inside its middlewares; set when the application freezes."""
    slashes: Slashes | None
    on_disconnect: OnDisconnect
    limits: Limits | None
    """The limits; complete once the application is frozen."""
    own_limits: Limits | None
    """The limits as given to the route itself."""

    def __init__(
        self,
        method: Methods,
        path: Path,
        handler: Handler,
        *,
        name: str | None = None,
        middlewares: Iterable[Middleware] = (),
        limits: Limits | None = None,
        host: str | None = None,
        headers: Mapping[str, HeaderCondition] | None = None,
        slashes: Slashes | None = None,
        on_disconnect: OnDisconnect | None = None,
        tags: Iterable[str] = (),
        dependencies: Iterable[Depends] = (),
        status: int | None = None,
        by_alias: bool | None = None,
        exclude_unset: bool | None = None,
        exclude_defaults: bool | None = None,
        exclude_none: bool | None = None,
        summary: str | None = None,
        description: str | None = None,
        operation_id: str | None = None,
        deprecated: bool | None = None,
        responses: Responses | None = None,
        include_in_schema: bool | None = None,
        groups: Sequence[RouteGroup] = (),
        converters: Mapping[str, Converter] = CONVERTERS,
    ) -> None:
        self.handler = handler = _resolved(handler)
        self.path = path
        self.home = None
        self.prefix = ""
        self.name = name
        self.middlewares = tuple(check(middlewares))
        self.limits = self.own_limits = limits
        self.groups = tuple(groups)
        self.on_disconnect = "ignore"
        for group in self.groups:
            self.on_disconnect = group.on_disconnect or self.on_disconnect
        self.on_disconnect = on_disconnect or self.on_disconnect
        self.slashes = slashes
        self.tags = (*[tag for group in self.groups for tag in group.tags], *tags)
        self.dependencies = several(dependencies)
        try:
            check_options(limits, tags, slashes, on_disconnect)
            self.conditions = Conditions(host, headers) if host is not None or headers else None
            self.methods = _methods(method, handler)
            self.matcher = matcher = _compiled(path, converters)
            self.parameters = matcher.names if isinstance(matcher, Template) else tuple(matcher.groupindex)
            self.answers = make_options(
                status=status,
                by_alias=by_alias,
                exclude_unset=exclude_unset,
                exclude_defaults=exclude_defaults,
                exclude_none=exclude_none,
            )
            self.documentation = make_documentation(
                summary=summary,
                description=description,
                operation_id=operation_id,
                deprecated=deprecated,
                responses=responses,
                include_in_schema=include_in_schema,
            )
            self._bind(converters)
        except ValueError as exc:
            raise ValueError(f"{exc}; in the route {_text(path)!r} of {describe(handler)}") from None

    def _bind(self, converters: Mapping[str, Converter]) -> None:
        """Plan the arguments of the handler and of its guards; their types may choose converters for the path."""
        matcher = self.matcher
        around = Surroundings(
            self.parameters,
            matcher.written if isinstance(matcher, Template) else None,
            self.methods - {WEBSOCKET},
            is_websocket=self.is_websocket,
        )
        self.bound = bind(self.handler, around, self.answers)
        self.call = self.bound.call
        marks = [*chain.from_iterable(group.dependencies for group in self.groups), *self.dependencies]
        self.guards = make_guards(marks, around)
        if around.chosen and isinstance(matcher, Template):
            self.matcher = Template(matcher.path, converters, around.chosen)

    @property
    def template(self) -> str:
        """The path as text, from the root of the outermost application: the template, or the regular expression."""
        return self.prefix + _text(self.path)

    @property
    def origin(self) -> str:
        """The handler's name and where it was written, for messages."""
        return describe(self.handler)

    @property
    def is_websocket(self) -> bool:
        """Whether the route takes websocket handshakes, and nothing else."""
        return self.methods == {WEBSOCKET}

    def url_path(self, **parameters: Any) -> str:
        """The percent-encoded path for these path parameters.

        Raises:
            ValueError: for a missing, unknown or unfit parameter, and for a route with a regular expression,
                which has no single path.
        """
        if isinstance(self.matcher, re.Pattern):
            raise ValueError(f"expected a route with a template, got the regular expression {self.template!r:.200}")  # noqa: TRY004
        return self.matcher.format(parameters)

    def __repr__(self) -> str:
        return f"<Route {','.join(sorted(self.methods))} {self.template}>"


def check_options(limits: object, tags: object, slashes: object, on_disconnect: object = None) -> None:
    """Check the options that routes, groups and applications have in common.

    Raises:
        TypeError: for limits of another type, and for one `str` in place of several tags.
        ValueError: for an unknown word as `slashes` or `on_disconnect`.
    """
    Limits.check(limits)
    if isinstance(tags, str):  # its letters would be the tags
        raise TypeError(f"expected several tags, got {tags!r:.200}: write [{tags!r:.200}]")
    _check_word("slashes", slashes, ("strict", "redirect"))
    _check_word("on_disconnect", on_disconnect, ("ignore", "cancel"))


def several(dependencies: Iterable[Any]) -> tuple[Any, ...]:
    """Return dependencies as they were given.

    Raises:
        TypeError: for one that is not in a list.
    """
    if getattr(dependencies, "is_source", False):
        raise TypeError(f"expected several dependencies, got {dependencies!r:.200}: write [{dependencies!r:.200}]")
    return tuple(dependencies)


def make_guards(marks: Iterable[Any], around: Surroundings) -> Sequence[Dependency]:
    """Plan the guards of a route or an application.

    Raises:
        TypeError: for anything but `Depends(function)`.
        ValueError: for a parameter of one that gets no value.
    """
    marks = several(marks)
    if not marks:
        return ()
    from sketch.binding.guards import plan_guards  # not every application has one

    return plan_guards(marks, around)


def make_options(**given: Any) -> AnswerOptions | None:
    """Make the options of a route's answers; None if none is given."""
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        return None
    from sketch.binding.answers.answer import AnswerOptions  # not every application has typed handlers

    return AnswerOptions(**given)


def make_documentation(**given: Any) -> Documentation | None:
    """Make what documents say of a route or a group; None if nothing is given. Raises as `checked` does."""
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        return None
    from sketch.routing.documentation import checked  # not every application is documented

    return checked(given)


def _check_word(name: str, word: object, words: tuple[str, ...]) -> None:
    if word is not None and word not in words:
        raise ValueError(f"expected {name} to be {' or '.join(map(repr, words))}, got {word!r:.200}")


def _text(path: object) -> str:
    return str(path.pattern) if isinstance(path, re.Pattern) else str(path)


def _resolved(handler: Handler) -> Handler:
    """Return the handler; for a class-based view, the handler that makes its instances."""
    if not callable(handler):
        raise TypeError(f"expected a callable handler, got {handler!r:.200}")
    if not isinstance(handler, type):
        return handler
    as_view = getattr(handler, "as_view", None)
    if as_view is None:
        raise ValueError(f"expected a function or a subclass of View as handler, got {handler!r:.200}")
    resolved: Handler = as_view()
    return resolved


def _compiled(path: Path, converters: Mapping[str, Converter]) -> Template | re.Pattern[str]:
    if isinstance(path, str):
        return Template(path, converters)
    if not isinstance(path, re.Pattern) or not isinstance(path.pattern, str):
        raise TypeError(f"expected a path as str or compiled regular expression, got {path!r:.200}")
    return path


def _methods(given: Methods, handler: Handler) -> frozenset[str]:
    named = [given] if isinstance(given, str) else list(given)
    methods = frozenset(method if method == WEBSOCKET else method.upper() for method in named)
    for method in sorted(methods - {WEBSOCKET}):
        if not TOKEN.fullmatch(method):
            raise ValueError(f"expected a method (RFC 9110 section 9.1), got {method!r:.200}")
    if not methods:
        raise ValueError("expected at least one method, got none")
    if ANY in methods:  # it stands for all methods, but not for websockets
        methods &= {ANY, WEBSOCKET}
    return _methods_of_view(methods, handler) if isinstance(handler, SelfBinding) else methods


def _methods_of_view(methods: frozenset[str], view: SelfBinding) -> frozenset[str]:
    if methods == {ANY} or view.methods == {ANY}:
        return view.methods if methods == {ANY} else methods
    if missing := methods - view.methods:
        raise ValueError(f"expected methods that the view has, got {', '.join(sorted(missing))}")
    return methods


Found = tuple[Route, Mapping[str, Any]]
