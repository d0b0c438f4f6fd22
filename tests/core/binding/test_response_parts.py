"""What handlers and dependencies add to a response.

Annotations are objects here: functions that are local to a test exist at run time.
"""

from typing import Annotated, Any

from sketch.application import Application
from sketch.binding.response_parts import ResponseParts
from sketch.binding.sources import Depends
from sketch.exceptions import HTTPConflict
from sketch.response import Response
from sketch.transport import WireResponse
from tests.core.binding.support import ask, run, send, text, told


def sent(wire: WireResponse, name: bytes) -> list[bytes]:
    return [value for field, value in wire.fields if field == name]


def test_parts_beside_a_returned_value() -> None:
    async def handler(response: ResponseParts) -> str:
        response.status = 201
        response.headers["Location"] = "/orders/1"
        response.headers.add("X-More", "a")
        response.headers.add("X-More", "b")
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        return "made"

    wire = ask(handler)
    assert (wire.status, sent(wire, b"location"), sent(wire, b"x-more")) == (201, [b"/orders/1"], [b"a", b"b"])
    assert [value.split(b";")[0] for value in sent(wire, b"set-cookie")] == [b"a=1", b"b=2"]


def test_parts_beside_a_returned_response() -> None:
    """Fields replace those of the same name, cookies are added; what is not set stays."""
    kept = Response("kept", status=202, headers={"X-A": "old", "X-B": "stays"})
    kept.set_cookie("own", "0")

    async def handler(response: ResponseParts) -> Response:
        response.headers["x-a"] = "new"
        response.set_cookie("added", "1")
        return kept

    async def main() -> None:
        app = Application()
        app.add_get("/", handler)
        for _ in range(2):
            wire = await send(app)
            assert (wire.status, sent(wire, b"x-a"), sent(wire, b"x-b")) == (202, [b"new"], [b"stays"])
            cookies = [value.split(b";")[0] for value in sent(wire, b"set-cookie")]
            assert cookies == [b"own=0", b"added=1"]

    run(main())
    assert kept.headers["X-A"] == "old"
    assert len(kept.headers.getall("Set-Cookie")) == 1


def test_parts_that_are_empty_change_nothing() -> None:
    kept = Response("kept")
    assert ResponseParts().applied(kept) is kept


def test_all_parameters_of_a_request_get_the_same_parts() -> None:
    seen: list[Any] = []

    async def dependency(parts: ResponseParts) -> str:
        seen.append(parts)
        parts.headers["X-Dependency"] = "1"
        parts.status = 201
        return "value"

    async def handler(value: Annotated[str, Depends(dependency)], response: ResponseParts | None) -> str:
        assert response is not None
        seen.append(response)
        response.status = 202
        return value

    wire = ask(handler)
    assert (wire.status, sent(wire, b"x-dependency")) == (202, [b"1"])
    assert seen[0] is seen[1]


def test_parts_of_a_dependency_alone() -> None:
    async def dependency(response: ResponseParts) -> None:
        response.headers["X-Dependency"] = "1"

    async def handler(value: Annotated[None, Depends(dependency)]) -> Response:
        return told(value)

    wire = ask(handler)
    assert (text(wire), sent(wire, b"x-dependency")) == ("None", [b"1"])


def test_parts_are_not_used_if_the_handler_fails() -> None:
    async def handler(response: ResponseParts) -> str:
        response.status = 201
        response.headers["X-A"] = "1"
        raise HTTPConflict

    wire = ask(handler)
    assert (wire.status, sent(wire, b"x-a")) == (409, [])


def test_the_parts_of_one_request_are_not_those_of_another() -> None:
    async def handler(response: ResponseParts, q: int) -> str:
        if q:
            response.status = 201
        return "value"

    async def main() -> None:
        app = Application()
        app.add_get("/", handler)
        assert [(await send(app, f"/?q={q}")).status for q in (1, 0, 1)] == [201, 200, 201]

    run(main())
