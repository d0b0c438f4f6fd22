"""What a parameter of a handler declares: where its value comes from, written as `Annotated[int, Query("page")]`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal, Never

Scope = Literal["request", "handler"]
PlaceName = Literal["path", "query", "header", "cookie", "form", "body"]


class Source:
    """Base class of the places in a request that a parameter may take its value from.

    Args:
        alias: the name that clients send, by default the parameter's; in header names, underscores become hyphens.

    Raises:
        TypeError: for an alias that is no text.
    """

    __slots__ = ("alias",)

    is_source: ClassVar[bool] = True
    """As an item of `Annotated` it says where the value of a parameter comes from."""

    place: ClassVar[PlaceName]

    def __init__(self, alias: str | None = None, **others: Never) -> None:
        if others:
            raise TypeError(
                f"expected the name that clients send alone, got {', '.join(others)}: constraints stand beside, as"
                f" `Annotated[int, {type(self).__name__}(), Gt(0)]`, and a default behind the parameter"
            )
        if alias is not None and not isinstance(alias, str):
            raise TypeError(
                f"expected the name that clients send, got {alias!r:.200}: a default is written behind the parameter,"
                f" as `page: Annotated[int, {type(self).__name__}()] = 1`"
            )
        self.alias = alias

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'' if self.alias is None else repr(self.alias)})"


class Path(Source):
    """A path parameter: `Annotated[int, Path()]`. One that has the parameter's name needs no mark."""

    __slots__ = ()
    place = "path"


class Query(Source):
    """A field of the query: `Annotated[int, Query("page")]`; with a model as type, all of its fields."""

    __slots__ = ()
    place = "query"


class Header(Source):
    """A header field: `user_agent: Annotated[str, Header()]`; with a model as type, one field for each of its own."""

    __slots__ = ()
    place = "header"


class Cookie(Source):
    """A cookie: `Annotated[str, Cookie()]`; with a model as type, one cookie for each of its fields."""

    __slots__ = ()
    place = "cookie"


class Form(Source):
    """A field of a form, or a file in it: `Annotated[str, Form()]`; with a model as type, all of its fields."""

    __slots__ = ()
    place = "form"


class Body(Source):
    """The body, as JSON. A model needs no mark; a number or text does: `Annotated[int, Body()]`.

    Args:
        alias: the name of the member that holds the value, if the body is an object with several values.
        embed: whether the body is an object with this value as a member, although it is the only one.
    """

    __slots__ = ("embed",)
    place = "body"

    def __init__(self, alias: str | None = None, *, embed: bool = False, **others: Never) -> None:
        super().__init__(alias, **others)
        self.embed = embed


class Depends:
    """What another function returns: `Annotated[Session, Depends(open_session)]`.

    The function declares parameters as a handler does, other dependencies included. It may be a coroutine function; a
    plain one, which is called in a thread; a class, which is called as it is; a generator that yields the value once,
    or a context manager: what follows the `yield` is its exit.

    Args:
        function: what to call; None for the annotated type itself.
        use_cache: whether its value is kept for other parameters of the same request.
        scope: when exits run: `"request"`, once the answer was sent, or `"handler"`, before it is made, so that a
            failure there becomes the answer.

    Raises:
        TypeError: for what cannot be called, and for an object without a hash.
        ValueError: for an unknown scope.
    """

    __slots__ = ("function", "scope", "use_cache")

    is_source: ClassVar[bool] = True

    def __init__(
        self, function: Callable[..., Any] | None = None, *, use_cache: bool = True, scope: Scope = "request"
    ) -> None:
        if function is not None and not callable(function):
            raise TypeError(f"expected a function that returns the value, got {function!r:.200}")
        if function is not None and type(function).__hash__ is None:
            raise TypeError(f"expected a function with a hash, by which its value is kept, got {function!r:.200}")
        if scope not in ("request", "handler"):
            raise ValueError(f"expected the scope 'request' or 'handler', got {scope!r:.200}")
        self.function = function
        self.use_cache = use_cache
        self.scope: Scope = scope

    def __repr__(self) -> str:
        return f"Depends({'' if self.function is None else getattr(self.function, '__qualname__', self.function)})"
