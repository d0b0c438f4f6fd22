"""The session of a request: what a visitor's earlier requests have left, as a mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from sketch.jsoncodec import ValidationError
from sketch.request.session_state import SessionState, new_model

if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    M = TypeVarWithDefault("M", default=Any)
else:
    M = TypeVar("M")
T = TypeVar("T")


class Session(MutableMapping[str, Any], Generic[M]):
    """What the earlier requests of a visitor have left, as a mapping: `request.session`, by the middleware `Sessions`.

        request.session["user"] = user.id

    Keys are text; values are what JSON can hold. What was changed, deep inside as well, is written with the head of the
    response: a change after it is a RuntimeError. An answer with a status of 5xx keeps no change but `clear()`.

    A typed handler takes it by its annotation: `session: Session`, or `session: Session[Cart]` for one whose `content`
    is a `Cart`: a `msgspec.Struct`, a dataclass or a pydantic model whose fields have defaults.

    Reading it raises `StoreUnavailable` (503) if it is kept in a store that cannot be reached.
    """

    __slots__ = ("_kind", "state")

    def __init__(self, state: SessionState, kind: Any = None) -> None:
        self.state = state
        """What the middleware knows of it."""
        self._kind = kind

    @classmethod
    def __request_reader__(cls, kind: Any = None) -> Callable[[Any], Session[Any]]:
        """Return the function that takes the session of a request, for a parameter `Session` or `Session[kind]`.

        Raises:
            ValueError: for a model that an empty session does not fit.
        """
        if kind is None or kind is Any:
            return _of_request
        try:
            new_model(kind)
        except (ValidationError, TypeError) as exc:
            raise ValueError(
                f"expected a model whose fields all have defaults, as a new session is empty, got {kind!r:.200}: {exc}"
            ) from None
        return lambda request: cls(_of_request(request).state, kind)

    # -- a mapping --------------------------------------------------------------------------------------------------

    def __getitem__(self, key: str) -> Any:
        return self.state.opened().data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(f"expected a key of str in the session, got {key!r:.200}: JSON has no others")
        self.state.to_change().data[key] = value

    def __delitem__(self, key: str) -> None:
        del self.state.to_change().data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.state.opened().data)

    def __len__(self) -> int:
        return len(self.state.opened().data)

    def clear(self) -> None:
        """End the session: drop everything in it, and delete its cookie. What is set after it begins a new one.

        With `Sessions(store=...)` a copy of the cookie is worthless from now on; without a store it is not.
        """
        self.state.clear()

    # -- more than a mapping ----------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """A random name of the session, which it keeps until `regenerate()` or `clear()`.

        Reading it counts as use: a new session is kept from then on, although it may be empty.
        """
        return self.state.id

    def regenerate(self) -> None:
        """Give the session a new id, and let its lifetime begin anew. The content stays.

        Call it when a visitor signs in, or gets other rights: a session that was planted before is then worth nothing.
        """
        self.state.regenerate()

    @property
    def is_new(self) -> bool:
        """Whether no session has come with the request."""
        return self.state.opened().kept is None

    @property
    def accessed(self) -> bool:
        """Whether anything was read or changed: then the response has `Vary: Cookie`."""
        return self.state.accessed

    @property
    def modified(self) -> bool:
        """Whether it has changed, deep inside as well: then it is written.

        Raises:
            TypeError: for a value that JSON cannot hold.
        """
        return self.state.is_modified

    @property
    def content(self) -> M:
        """The content as the model of `Session[Model]`. Changes to it are kept.

        Raises:
            TypeError: for a session without a model.
        """
        if self._kind is None:
            raise TypeError("expected a session with a model: `session: Session[Model]`, or `session.as_model(Model)`")
        return cast(M, self.state.model(self._kind))

    def as_model(self, kind: type[T]) -> T:
        """Return the content as a model; each call returns the same object. Changes to it are kept.

        Content that does not fit, of an older version of the application, counts as none.

        Args:
            kind: a `msgspec.Struct`, a dataclass or a pydantic model. Other values of the session stay as they are.

        Raises:
            sketch.jsoncodec.ValidationError: for a model with a field that has no default, if the session lacks it.
            TypeError, RuntimeError: for a type that no library supports, or none that is installed.
        """
        return cast(T, self.state.model(kind))

    def __repr__(self) -> str:
        state = self.state
        return f"<Session of {len(state.data)} values>" if state.accessed else "<Session, not read>"


def _of_request(request: Any) -> Session[Any]:
    session: Session[Any] = request.session
    if request.is_websocket:
        session.state.opened()  # what this raises can still answer the handshake
    return session
