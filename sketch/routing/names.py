"""Reverse URLs: builds paths from routes and their parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sketch.routing.mount import Mount
from sketch.routing.route import Route

if TYPE_CHECKING:
    from yarl import URL

    from sketch.request import BaseRequest


def url_to(chain: Sequence[Route], parameters: Mapping[str, Any], request: BaseRequest | None) -> URL:
    """Build the path of `url_path` as a URL; for the client of a request, if there is one."""
    from yarl import URL  # imported when the application starts

    path = url_path(chain, parameters) if request is None else path_from(request, chain, parameters)
    return URL(path, encoded=True)


def path_from(request: BaseRequest, chain: Sequence[Route], parameters: Mapping[str, Any]) -> str:
    """Build a path as `url_path` does, for the client of a request: below the `root_path` of the whole application.

    The request knows the parameters of the prefixes that it came through; those given come first.
    """
    home = (request.route and request.route.home) or request.app
    passed = [mount for mount in home.mounts if mount in chain]
    known = [name for mount in passed for name in mount.parameters if name in request.match_info]
    return request.base_path + url_path(chain, {name: request.match_info[name] for name in known} | {**parameters})


def url_path(chain: Sequence[Route], parameters: Mapping[str, Any]) -> str:
    """Build the percent-encoded path through mounts to a route, or to the root of a mount.

    Raises:
        ValueError: for a missing, unknown or unfit parameter.
    """
    names = {name for route in chain for name in route.parameters}
    if unknown := sorted(parameters.keys() - names):
        template = chain[-1].template
        raise ValueError(f"expected only the parameters of {template!r}, got {', '.join(map(repr, unknown))}")
    path = "".join(
        route.url_path(**{name: parameters[name] for name in route.parameters if name in parameters}) for route in chain
    )
    if path.startswith("//"):  # a parameter of the prefix may be empty
        raise ValueError(f"expected a path that cannot be taken for a host, got {path!r:.200}")
    return f"{path}/" if isinstance(chain[-1], Mount) else path
