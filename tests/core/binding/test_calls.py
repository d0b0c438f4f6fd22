"""Calls of handlers: what untyped applications load, and what binding many routes costs."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Annotated

from sketch.binding.sources import Depends, Header
from sketch.request import Request
from sketch.response import Response
from sketch.routing import Router

UNTYPED = """
import sys
import sketch
from sketch.application import Application
from sketch.routing.views import View

app = Application()

@app.get("/{id}")
async def handler(request, id, more=1): return sketch.Response()

@app.get("/annotated/{id:int}")
async def annotated(r: sketch.Request, id, app: Application) -> sketch.Response: return sketch.Response()

@app.websocket("/ws/{room}")
async def session(ws, room): ...

@app.route("/view")
class Page(View):
    async def get(self, request): return sketch.Response()

app.freeze()
print(*sorted(name for name in sys.modules if name.startswith("sketch.binding.") or "." not in name))
"""

LOADED = {"bound", "calls", "converters", "plan", "sessions", "signatures", "surroundings"}
"""The modules of `sketch.binding` that an application with untyped handlers loads; `sessions` for its websocket."""


def test_what_an_application_with_untyped_handlers_loads() -> None:
    done = subprocess.run([sys.executable, "-c", UNTYPED], check=True, capture_output=True, text=True)
    loaded = {*done.stdout.split()}
    assert {name.removeprefix("sketch.binding.") for name in loaded if "." in name} == LOADED
    assert not loaded & {"msgspec", "pydantic", "annotated_types", "attr", "attrs"}


def user(token: Annotated[str, Header()]) -> str:
    return token


async def page(user: Annotated[str, Depends(user)], page: int = 1, size: int = 10) -> int:
    return page * size


async def typed(
    request: Request,
    id: int,
    q: str,
    tags: Annotated[list[str] | None, Header()] = None,
    page: Annotated[int, Depends(page)] = 0,
) -> Response:
    raise AssertionError


def test_a_thousand_typed_routes_are_bound_fast() -> None:
    """In less than a second of CPU; the bound is for busy machines."""
    router = Router()
    router.add_get("/first/{id}", typed)
    began = time.process_time()
    for number in range(1000):
        router.add_get(f"/{number}/{{id}}", typed)
    assert time.process_time() - began < 3
