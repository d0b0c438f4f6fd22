"""The bodies and files that a request holds open until its exchange is over: its response may read them till then."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from sketch.concurrency.tasks import await_all
from sketch.streams.stream import StreamBody
from sketch.transport import Body, Closable, close_body

if TYPE_CHECKING:
    from sketch.request import BaseRequest


def keep_unsent(request: BaseRequest, body: Body) -> None:
    """Have a body closed at the end of the exchange: it will not be sent."""
    if not isinstance(body, bytes) and not any(one is body for one in request.at_end.resources):
        request.at_end.resources.append(body)


def release_to_adapter(request: BaseRequest, body: Body) -> None:
    """Take a body out of what is closed at the end of the exchange: it is the payload, which the adapter closes."""
    if request.finishing is not None:
        held = request.finishing.resources
        held[:] = [one for one in held if one is not body]


async def close_resources(request: BaseRequest, resources: Iterable[Body | Closable]) -> None:
    """Close all resources. An error is logged; a cancellation is raised once the others are closed."""
    calls = [
        partial(one.release, request) if isinstance(one, StreamBody) else partial(close_body, one) for one in resources
    ]
    await await_all(calls, f"closing what {request.method} {request.raw_path!r} held open")
