"""Choosing among the routes of one path, and what is decided when the routes freeze."""

from __future__ import annotations

from sketch.routing import ANY, WEBSOCKET, Router
from sketch.routing.tree import Routes, Search, picked


async def handler(request: object) -> None: ...


def routes(*methods: str) -> Routes:
    router = Router()
    return {method: [router.add_route(method, "/a", handler)] for method in methods}


def test_get_answers_head_and_any_the_rest() -> None:
    given = routes("GET", "POST", ANY)
    assert Search("HEAD").pick(given) is given["GET"][0]
    assert Search("POST").pick(given) is given["POST"][0]
    assert Search("BREW").pick(given) is given[ANY][0]


def test_a_websocket_is_no_method() -> None:
    search = Search(WEBSOCKET)
    assert search.pick(routes("GET", ANY)) is None
    assert search.allowed == {"GET", ANY}
    given = routes(WEBSOCKET)
    assert Search(WEBSOCKET).pick(given) is given[WEBSOCKET][0]
    assert Search("GET").pick(given) is None


def test_picked_covers_the_usual_methods() -> None:
    given = routes("GET", "BREW")
    assert picked(given) == {"GET": given["GET"][0], "HEAD": given["GET"][0], "BREW": given["BREW"][0]}
    assert picked(routes(ANY)).keys() >= {"GET", "PATCH", "QUERY"}
    assert WEBSOCKET not in picked(routes(ANY))


def test_nothing_is_picked_where_a_request_decides() -> None:
    router = Router()
    assert picked({"GET": [router.add_get("/a", handler), router.add_get("/a", handler, host="example.com")]}) == {}
