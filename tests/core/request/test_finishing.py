"""What a request leaves to the end of its exchange."""

from __future__ import annotations

from sketch.request.finishing import Finishing
from tests.support.requests import in_loop, make_request


def test_nothing_at_first() -> None:
    finishing = Finishing()
    assert (finishing.resources, finishing.background, finishing.exits) == ([], (), [])


@in_loop
async def test_it_is_made_at_the_first_use() -> None:
    """Most requests leave nothing; an adapter sees that without a call."""
    request, other = make_request(), make_request()
    assert request.finishing is None
    made = request.at_end
    assert request.at_end is request.finishing is made
    made.resources.append(b"")
    assert other.at_end.resources == []
