"""Makes requests without a server, for tests of functions that take one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from sketch.application import Application
from sketch.http.grammar import Address
from sketch.request import Request
from sketch.testing.cookies import CookieJar
from sketch.testing.encoding import (
    Auth,
    BodyArgument,
    Data,
    Files,
    HeaderFields,
    Params,
    check_cookies,
    check_method,
    encode_auth,
    encode_body,
    encode_headers,
    single_chunk,
)
from sketch.testing.targets import Origin, Path
from sketch.tls import TLSInfo

if TYPE_CHECKING:
    from sketch.http.fields import RawHeaders


class _Unconnected:
    """The connection of a request that was made without a server: its client never leaves."""

    def __init__(self, client: Address | None, origin: Origin) -> None:
        self.client = client
        self.server: Address | None = (origin.host, origin.port)
        self.scheme = origin.scheme
        self.tls = TLSInfo() if origin.secure else None
        self.state: dict[str, Any] = {}
        self.trailers: RawHeaders = []
        self.disconnected = False

    async def wait_disconnected(self) -> None:
        """Wait for ever: the client stays."""
        await asyncio.get_running_loop().create_future()


class _GivenBody:
    """A request body that is there, or comes chunk by chunk."""

    complete = False

    def __init__(self, source: AsyncIterable[bytes], length: int | None) -> None:
        self.length = length
        self._chunks: AsyncIterator[bytes] = source.__aiter__()

    async def read(self) -> bytes:
        """The next chunk, `b""` at the end. Raises what the iterable raises."""
        async for chunk in self._chunks:
            if chunk:
                return chunk
        return b""


def make_request(
    method: str = "GET",
    path: Path = "/",
    *,
    params: Params = None,
    headers: HeaderFields = None,
    cookies: Mapping[str, str] | None = None,
    auth: Auth = None,
    body: BodyArgument = None,
    json: Any = None,
    data: Data = None,
    files: Files | None = None,
    match_info: Mapping[str, Any] | None = None,
    app: Application | None = None,
    base_url: str = "http://testserver",
    root_path: str = "",
    client: Address | None = ("127.0.0.1", 50000),
) -> Request:
    """Make a request as a handler gets it, for unit tests of functions that take one. No application answers it.

        request = make_request("POST", "/orders/7", json={"item": "tea"}, match_info={"id": 7})
        assert (await create(request)).status == 201

    Args:
        method, path, params, headers, cookies, auth, body, json, data, files: as for `TestClient.request`.
        match_info: the path parameters, converted: without an application there is no route that has them.
        app: `request.app`, whose limits and codec the request has; None for a new application.
        base_url: scheme and host of `request.url`.
        root_path, client: as for `TestClient`.

    Raises:
        TypeError, ValueError: as `TestClient.request` does.
    """
    content, media_type = encode_body(body, json, data, files)
    origin = Origin(base_url)
    fields = encode_headers(headers) + encode_auth(auth)
    given = {name for name, _ in fields}
    defaults = [(b"host", origin.authority.encode("latin-1"))]
    if media_type is not None:
        defaults.append((b"content-type", media_type.encode("latin-1")))
    if isinstance(content, bytes):
        defaults.append((b"content-length", b"%d" % len(content)))
    elif content is not None and b"content-length" not in given:
        defaults.append((b"transfer-encoding", b"chunked"))
    kept = check_cookies(cookies)
    if kept:
        jar = CookieJar(origin.host)
        jar.update(kept)
        defaults.append((b"cookie", jar.header("/", secure=origin.secure).encode()))
    request = Request(
        check_method(method),
        origin.target(path, params),
        [*fields, *(field for field in defaults if field[0] not in given)],
        root_path=root_path,
        body=_reader(content),
        connection=_Unconnected(client, origin),
    )
    if match_info is not None:
        request.match_info = dict(match_info)
    request.app = Application() if app is None else app
    return request


def _reader(content: BodyArgument) -> _GivenBody | None:
    if not content:
        return None
    if isinstance(content, bytes):
        return _GivenBody(single_chunk(content), len(content))
    return _GivenBody(content, None)
