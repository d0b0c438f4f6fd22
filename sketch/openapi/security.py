"""Security: what dependencies say of the credentials that they ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sketch.callables import describe
from sketch.openapi.sources import Source


class Security(NamedTuple):
    """The security of one operation.

    Args:
        schemes: OpenAPI's Security Scheme Objects, by name.
        requirement: the scopes of each; all schemes together are required.
    """

    schemes: dict[str, Any]
    requirement: dict[str, list[str]]

    @property
    def parameters(self) -> Iterator[tuple[str, str]]:
        """The places and names of the parameters that the schemes describe."""
        for scheme in self.schemes.values():
            if scheme.get("type") == "apiKey":
                name = str(scheme.get("name", ""))
                place = str(scheme.get("in", ""))
                yield place, name.lower() if place == "header" else name


def find_security(source: Source) -> Security:
    """Ask the dependencies of an operation for their security.

    A dependency that checks credentials has a method `openapi_security()`, which returns Security Scheme Objects by
    name. The member `scopes` of one, a list, is not of OpenAPI: it says which scopes are required.

    Raises:
        TypeError: for anything else that such a method returns.
        ValueError: for a name that stands for two schemes.
    """
    schemes: dict[str, Any] = {}
    requirement: dict[str, list[str]] = {}
    for dependency in source.dependencies:
        tell = getattr(dependency.function, "openapi_security", None)
        if tell is None:
            continue
        told = tell()
        if not isinstance(told, Mapping) or not all(isinstance(scheme, Mapping) for scheme in told.values()):
            raise TypeError(
                f"expected openapi_security() of {describe(dependency.function)} to return security schemes by name, as"
                f" {{'bearer': {{'type': 'http', 'scheme': 'bearer'}}}}, got {told!r:.200}"
            )
        for name, scheme in told.items():
            scopes = requirement.setdefault(name, [])
            scopes += [scope for scope in dict.fromkeys(scheme.get("scopes", ())) if scope not in scopes]
            scheme = {key: value for key, value in scheme.items() if key != "scopes"}
            check_same(name, schemes.setdefault(name, scheme), scheme, source)
    return Security(schemes, requirement)


def check_same(name: str, known: Mapping[str, Any], scheme: Mapping[str, Any], source: Source) -> None:
    """Refuse a name that stands for two security schemes: raises ValueError."""
    if known != scheme:
        raise ValueError(
            f"expected one security scheme of the name {name!r:.200}, got another one for {describe(source.function)}"
        )
