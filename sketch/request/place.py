"""The place of a request in the tree of mounted applications."""

from __future__ import annotations

from typing import Generic, NamedTuple, Protocol, TypeVar

A = TypeVar("A")


class Prefix(Protocol):
    """What a place has to know of a mount."""

    def split(self, path: str) -> tuple[str, str]:
        """Split a path into the prefix and the rest, which is empty or begins with `/`."""
        ...


class Place(NamedTuple, Generic[A]):
    """An application, the path as that application sees it, and the place in the application around it.

    Places are values: none of these methods moves a request. `A` is the class of the applications.
    """

    app: A
    """The application."""
    root_path: str
    """The prefix under which the application is reachable."""
    raw_path: str
    """The path below the prefix, percent-encoded."""
    outer: Place[A] | None = None
    """The place in the application around it, None for the outermost."""

    def inside(self, app: A, mount: Prefix) -> Place[A]:
        """Return the place in an application that is mounted here: the prefix moves from the path to `root_path`."""
        prefix, rest = mount.split(self.raw_path)
        return Place(app, self.root_path + prefix, rest or "/", self)

    @property
    def outermost(self) -> Place[A]:
        """The place in the application that got the request first."""
        place = self
        while place.outer is not None:
            place = place.outer
        return place

    def in_app(self, app: object) -> Place[A]:
        """Return the place in an application: this one, or the nearest around it.

        Raises:
            LookupError: for an application that is not on the way to this place.
        """
        place: Place[A] | None = self
        while place is not None:
            if place.app is app:
                return place
            place = place.outer
        raise LookupError(f"expected {self.app!r} or an application around it, got {app!r:.200}")
