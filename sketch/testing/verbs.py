"""The methods of the test client that send requests by method, and those that call a typed handler."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar, overload

from sketch.testing.handler_calls import call_handler
from sketch.testing.targets import Path

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.testing.response import ClientResponse

T = TypeVar("T")


class Verbs(ABC):
    """Base class of a client: everything here is sent by its `request()`."""

    @property
    @abstractmethod
    def app(self) -> Application:
        """The application."""

    @abstractmethod
    async def _request(self, method: str, path: Path, options: dict[str, Any]) -> ClientResponse:
        """Send a request with options of `request()`."""

    @overload
    async def call(self, handler: Callable[..., Coroutine[Any, Any, T]], /, **values: Any) -> T: ...
    @overload
    async def call(self, handler: Callable[..., T], /, **values: Any) -> T: ...
    async def call(self, handler: Callable[..., Any], /, **values: Any) -> Any:
        """Call a typed handler by a request: `order = await client.call(create_order, order=Order(...), dry_run=True)`.

        The request is built from what the handler declares, and sent like any other: middlewares, guards and
        dependencies run. The answer is read as the type that the handler declares to return.

        Args:
            handler: a function that is a handler of one route of the application.
            values: of its parameters, and of those of its dependencies, by the names that they have there. What is left
                out is not sent. Header fields, cookies and the like that nothing declares belong to `request()`.

        Returns:
            the value; None for an answer without a body.

        Raises:
            UnexpectedStatus: for an answer with a status of 300 or more.
            ValueError: for a handler without a route or with several, and for one that declares no result to read, or a
                stream.
            TypeError: for a value that nothing declares, and for one that cannot be sent.
        """
        return await call_handler(self.app, self._request, handler, values)

    async def get(self, path: Path, **options: Any) -> ClientResponse:
        """Send a GET request; options as in `request()`."""
        return await self._request("GET", path, options)

    async def head(self, path: Path, **options: Any) -> ClientResponse:
        """Send a HEAD request; options as in `request()`."""
        return await self._request("HEAD", path, options)

    async def post(self, path: Path, **options: Any) -> ClientResponse:
        """Send a POST request; options as in `request()`."""
        return await self._request("POST", path, options)

    async def put(self, path: Path, **options: Any) -> ClientResponse:
        """Send a PUT request; options as in `request()`."""
        return await self._request("PUT", path, options)

    async def patch(self, path: Path, **options: Any) -> ClientResponse:
        """Send a PATCH request; options as in `request()`."""
        return await self._request("PATCH", path, options)

    async def delete(self, path: Path, **options: Any) -> ClientResponse:
        """Send a DELETE request; options as in `request()`."""
        return await self._request("DELETE", path, options)

    async def options(self, path: Path, **options: Any) -> ClientResponse:
        """Send an OPTIONS request; options as in `request()`."""
        return await self._request("OPTIONS", path, options)
