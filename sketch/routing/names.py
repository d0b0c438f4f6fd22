"""Reverse URLs: from the names and parameters of routes back to paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sketch.routing.mount import Mount
from sketch.routing.route import Route


def url_path(chain: Sequence[Route], parameters: Mapping[str, Any]) -> str:
    """The percent-encoded path through mounts to a route, or to what is at the root of a mount.

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
    if path.startswith("//"):  # where a prefix may be empty, and is
        raise ValueError(f"expected a path that cannot be taken for a host, got {path!r}")
    return f"{path}/" if isinstance(chain[-1], Mount) else path
