"""What all requests have in common: the head, the place, values by key, and what the core notes on the way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

from multidict import CIMultiDict

from sketch.concurrency import threads
from sketch.exceptions import HTTPException
from sketch.http.fields import RawHeaders
from sketch.keys import RequestKey, Values
from sketch.limits import Limits
from sketch.request.finishing import Finishing
from sketch.request.head import RequestHead
from sketch.request.place import Place, Prefix
from sketch.request.unchecked_host import report_unchecked
from sketch.transport import BodyReader, Connection

if TYPE_CHECKING:
    from yarl import URL

    from sketch.application import Application
    from sketch.request.session import Session
    from sketch.response import Response
    from sketch.routing import Route

T = TypeVar("T")
D = TypeVar("D")

SESSION: RequestKey[Session[Any]] = RequestKey("session")
"""Where the middleware `Sessions` puts the session of a request."""


_SLASH = ord("/")


class BaseRequest(RequestHead):
    """What middleware, hooks and routing see of any request: of a `Request`, and of the handshake of a websocket.

    A middleware may annotate `Request` and gets handshakes, too: a handshake has all of a request except the body.

    Args:
        method: as sent; methods are case-sensitive (RFC 9110 section 9.1).
        target: the request target as sent: `/path?query`, an absolute URL, or `*`.
        raw_headers: fields in the order received, names in lower case; or a function that makes this list, called when
            something first asks for it.
        version: `"1.0"`, `"1.1"`, `"2"` or `"3"`.
        root_path: the prefix under which the application is reachable. It is removed once from a target that has it.
        body: the body as it arrives, None if none is announced.
        connection: the connection to the peer.

    Middleware may set further attributes for handlers: `request.user = user`, or, typed by a `RequestKey`,
    `request[USER] = user`.
    """

    __slots__ = (
        "__dict__",
        "_body",
        "_innermost",
        "_outer",
        "_reader",
        "_state",
        "_values",
        "app",
        "endpoint",
        "error",
        "finishing",
        "has_body",
        "host_checked",
        "id",
        "inner_scope",
        "match_info",
        "miss",
        "raised",
        "route",
        "sends_whole",
    )

    is_websocket: ClassVar[bool] = False
    """Whether this is the handshake of a websocket; see `WebSocketRequest`."""

    # Here, not in Request: one `begin` makes both kinds. A handshake never has a reader, and its body stays empty.
    _body: bytes | None  # None: not read yet, or streamed and not kept
    _innermost: Place[Application]
    _outer: Place[Application] | None
    _reader: BodyReader | None
    _state: dict[str, Any]
    _values: Values

    app: Application
    """The application that handles the request."""
    route: Route | None
    """The matched route, None if none matched."""
    match_info: Mapping[str, Any]
    """The path parameters, converted."""
    sends_whole: Callable[[BaseRequest, CIMultiDict[str], int], bool]
    """Returns whether a file with these fields and of this size is sent as a whole, whatever ranges are asked for.
    Set by middleware that transforms the content; called in a thread."""
    host_checked: bool
    """Whether the host is one that the application trusts. Set by the middleware `TrustedHosts`, unset without it."""
    id: str
    """The request's name in the logs. Set by the middleware `RequestID`, unset without it."""
    inner_scope: MutableMapping[str, Any]
    """The scope that a foreign application got, which may have put its route there; set for the access log alone."""
    has_body: bool
    """Whether a body was announced; it may still be empty."""
    endpoint: Callable[[Any], Awaitable[Response]]
    """The endpoint that answers the request: the matched route's chain, or one that ends in 404 or 405."""
    error: Exception | None
    """The exception that became a 500, for logs and tests."""
    miss: HTTPException
    """The error that says why no route matched; unset if one did."""
    raised: Exception | None
    """What the handler raised, or a middleware, hook or session, answered or not. None if nothing was raised, or if
    nothing at the end of the exchange asks for it."""
    finishing: Finishing | None
    """What is to be done once the exchange is over, None if nothing. Adapters test it; the core adds to `at_end`."""

    def __init__(
        self,
        method: str,
        target: bytes,
        raw_headers: RawHeaders | Callable[[], RawHeaders],
        *,
        version: str = "1.1",
        root_path: str = "",
        body: BodyReader | None = None,
        connection: Connection,
    ) -> None:
        self.begin(method, target, raw_headers, version, root_path, body, connection)

    def begin(
        self,
        method: str,
        target: bytes,
        raw_headers: RawHeaders | Callable[[], RawHeaders],
        version: str,
        root_path: str,
        body: BodyReader | None,
        connection: Connection,
    ) -> None:
        """Initialize the request. Adapters call it after `Request.__new__`, in two thirds of the constructor's time.

        Calling a class packs keyword arguments into a dict and unpacks them again; calling a method does not.
        """
        self.method = method
        self.target = target
        self._raw_headers = raw_headers
        self.http_version = version
        self.root_path = root_path
        self.connection = connection
        self._reader = body
        self.has_body = body is not None
        self._body = None if body is not None else b""
        self._authority = None
        if not target or target[0] != _SLASH:  # a slice would take three times as long
            target = self._origin_form(target)
        path = target.decode("latin-1")
        if "?" in path:
            path, _, self.query_string = path.partition("?")
        else:  # most targets have no query: no split for them
            self.query_string = ""
        if root_path and (path == root_path or path.startswith(root_path + "/")):
            path = path[len(root_path) :] or "/"
        self.raw_path = path
        self.route = None
        self.error = None
        self.raised = None
        self.finishing = None

    @property
    def state(self) -> dict[str, Any]:
        """The state of the application's lifespan: this request's own shallow copy."""
        try:
            return self._state
        except AttributeError:
            self._state = dict(self.connection.state)
            return self._state

    @property
    def scope(self) -> MutableMapping[str, Any] | None:
        """The ASGI scope, as the innermost ASGI middleware has left it: `request.scope["session"]`.

        None on the native server, unless the application is wrapped by `wrap_asgi`, and in the test client.
        """
        return getattr(self.connection, "scope", None)

    @property
    def limits(self) -> Limits:
        """The limits of the matched route, by default those of the application."""
        return self._find_limits()

    def _find_limits(self) -> Limits:
        """Return `limits`, in half of the property's time."""
        limits = None if self.route is None else self.route.limits
        return self.app.limits if limits is None else limits

    # -- values by key ----------------------------------------------------------------------------------------------

    @property
    def _keyed(self) -> Values:
        try:
            return self._values
        except AttributeError:
            self._values = Values(RequestKey)
            return self._values

    def __getitem__(self, key: RequestKey[T]) -> T:
        return self._keyed[key]

    def __setitem__(self, key: RequestKey[T], value: T) -> None:
        self._keyed[key] = value

    def __delitem__(self, key: RequestKey[Any]) -> None:
        del self._keyed[key]

    def __contains__(self, key: RequestKey[Any]) -> bool:
        return key in self._keyed

    @overload
    def get(self, key: RequestKey[T]) -> T | None: ...
    @overload
    def get(self, key: RequestKey[T], default: D) -> T | D: ...
    def get(self, key: RequestKey[Any], default: Any = None) -> Any:
        """Return the value of a key, or the default if none was set."""
        return self._keyed.get(key, default)

    @property
    def session(self) -> Session[Any]:
        """The session, with the middleware `Sessions`.

        Raises:
            RuntimeError: without it.
        """
        found = self.get(SESSION)
        if found is None:
            raise RuntimeError(
                "expected the middleware Sessions for `request.session`, got none around this request: write"
                " Application(outer_middlewares=[Sessions(secret)])"
            )
        return found

    # -- applications -----------------------------------------------------------------------------------------------

    @property
    def place(self) -> Place[Application]:
        """The place in the current application."""
        return Place(self.app, self.root_path, self.raw_path, getattr(self, "_outer", None))

    def move_to(self, place: Place[Application]) -> None:
        """Move to a place where the request was before, in an enclosing application or a mounted one."""
        self.app, self.root_path, self.raw_path, self._outer = place

    def enter(self, app: Application, mount: Prefix) -> Place[Application]:
        """Move to a mounted application, and add its state to `state`. Returns the place before, for `move_to`."""
        before = self.place
        self._innermost = before.inside(app, mount)
        self.move_to(self._innermost)
        if app is not before.app and app.state:
            self.state.update(app.state)
        return before

    def reenter(self) -> None:
        """Return to the application that answered, for its stream and background work after the handler."""
        if hasattr(self, "_innermost"):
            self.move_to(self._innermost)

    @property
    def base_path(self) -> str:
        """The prefix under which the outermost application is reachable."""
        return self.place.outermost.root_path

    def url_for(self, name: str, /, **parameters: Any) -> URL:
        """Return the full URL of a route by its name, as the client can reach it; a websocket's has `ws` or `wss`.

        See `Application.url_for`. Unless `TrustedHosts` has checked it, the host is any that the client has chosen: the
        first such URL of an application is reported in the log.
        """
        if not hasattr(self, "host_checked"):
            report_unchecked(self.host, self.app)
        url = self.url.origin().join(self.app.url_for(name, **parameters))
        if self.app.router.named(name).is_websocket:
            return url.with_scheme("wss" if self.scheme == "https" else "ws")
        return url

    # -- the exchange -----------------------------------------------------------------------------------------------

    @property
    def at_end(self) -> Finishing:
        """What is to be done once the exchange is over; made at the first use."""
        if self.finishing is None:
            self.finishing = Finishing()
        return self.finishing

    async def wait_disconnected(self) -> None:
        """Return once the client is gone."""
        await self.connection.wait_disconnected()

    def wait(self, awaitable: Awaitable[T]) -> T:
        """Run an awaitable from a `def` handler and return its result: `data = request.wait(request.json())`.

        Raises:
            RuntimeError: when called in a coroutine: use `await` there.
        """
        return threads.wait(awaitable)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.method} {self.raw_path}>"
