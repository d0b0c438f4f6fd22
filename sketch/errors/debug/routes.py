"""The routes that an application has, for the answer to a path that none of them takes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from sketch.errors.debug.facts import Fact
from sketch.errors.debug.masking import Masker

if TYPE_CHECKING:
    from sketch.request import BaseRequest


class ShownRoute(Protocol):
    """What is shown of a route."""

    methods: frozenset[str]

    @property
    def conditions(self) -> object:
        """What it requires of a request beside method and path, None for nothing."""
        ...

    @property
    def template(self) -> str:
        """Its path."""
        ...

    @property
    def origin(self) -> str:
        """Its handler, and where that is defined."""
        ...


ROUTES = 200
"""The most routes that are shown."""


def route_facts(request: BaseRequest, masker: Masker) -> list[Fact]:
    """The routes of the whole application: their methods; their path, conditions and handler on lines of their own."""
    routes = request.place.outermost.app.router.walk()
    facts = [_fact(route, masker) for route in islice(routes, ROUTES)]
    hidden = sum(1 for _ in routes)
    return [*facts, ("...", f"{hidden} more")] if hidden else facts


def _fact(route: ShownRoute, masker: Masker) -> Fact:
    methods = ",".join(sorted(method.strip("()").upper() for method in route.methods))
    conditions = [] if route.conditions is None else [repr(route.conditions)]
    return methods, "\n".join(map(masker.text, [route.template, *conditions, route.origin]))


def render_routes(facts: Sequence[Fact]) -> str:
    """Render the routes as text, each on a line."""
    if not facts:
        return "  none"
    width = max(len(methods) for methods, _ in facts)
    return "\n".join(f"  {methods:{width}}  {'  '.join(about.splitlines())}" for methods, about in facts)
