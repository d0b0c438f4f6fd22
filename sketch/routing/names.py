"""Reverse URLs: builds paths from routes and their parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sketch.routing.mount import Mount
from sketch.routing.route import Route


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
        raise ValueError(f"expected a path that cannot be taken for a host, got {path!r}")
    return f"{path}/" if isinstance(chain[-1], Mount) else path
