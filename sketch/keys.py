"""Typed keys for the values of applications and requests: type checkers know the type of each value."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")
D = TypeVar("D")


class Key(Generic[T]):
    """A key for one value. Two keys are never equal, even with the same name: only the same object finds the value."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def is_source(self) -> bool:
        """True: as an item of `Annotated`, a key says where the value of a parameter comes from."""
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle a key that is a global of a module by its place, so that the other process finds the same key."""
        place = _find_global(self)
        return (type(self), (self.name,)) if place is None else (_load_global, place)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


def _find_global(key: object) -> tuple[str, str] | None:
    for place, module in list(sys.modules.items()):
        if place != "__main__":  # another one in every process
            for name, value in list(getattr(module, "__dict__", {}).items()):
                if value is key:
                    return place, name
    return None


def _load_global(module: str, name: str) -> Any:
    return getattr(import_module(module), name)


class AppKey(Key[T]):
    """A key for a value of an application: `POOL = AppKey[Pool]("pool")`, then `app[POOL] = pool`, `request.app[POOL]`.

    Args:
        name: for messages.
    """

    __slots__ = ()


class RequestKey(Key[T]):
    """A key for a value of a request: `USER = RequestKey[User]("user")`, then `request[USER] = user`, `request[USER]`.

    Args:
        name: for messages.
    """

    __slots__ = ()


class Values:
    """A mapping from typed keys to values.

    Args:
        kind: the class of the keys; any other key is a TypeError.
    """

    __slots__ = ("_kind", "_values")

    def __init__(self, kind: type[Key[Any]]) -> None:
        self._kind = kind
        self._values: dict[Key[Any], Any] = {}

    def _checked(self, key: Key[T]) -> Key[T]:
        if not isinstance(key, self._kind):
            kind = self._kind.__name__
            raise TypeError(
                f"expected a key of class {kind}, got {key!r:.200}: make one by NAME = {kind}[type]('name')"
            )
        return key

    def __getitem__(self, key: Key[T]) -> T:
        try:
            value: T = self._values[self._checked(key)]
        except KeyError:
            raise KeyError(f"{key!r} was not set") from None
        return value

    def __setitem__(self, key: Key[T], value: T) -> None:
        self._values[self._checked(key)] = value

    def __delitem__(self, key: Key[Any]) -> None:
        if self._values.pop(self._checked(key), self) is self:
            raise KeyError(f"{key!r} was not set")

    def __contains__(self, key: Key[Any]) -> bool:
        return self._checked(key) in self._values

    @overload
    def get(self, key: Key[T]) -> T | None: ...
    @overload
    def get(self, key: Key[T], default: D) -> T | D: ...
    def get(self, key: Key[Any], default: Any = None) -> Any:
        """The value, or the default where none was set."""
        return self._values.get(self._checked(key), default)
