"""The applications by which test_every_option.py sees what an option does."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from sketch import Application, JSONResponse, Request, Response, current_worker

app = Application()
running = 0


@app.get("/about")
async def about(request: Request) -> JSONResponse:
    worker = current_worker()
    return JSONResponse(
        {
            "uvloop": any(each.__module__.startswith("uvloop") for each in type(asyncio.get_running_loop()).__mro__),
            "root_path": request.root_path,
            "client": request.client and request.client[0],
            "scheme": request.scheme,
            "generation": worker and worker.generation,
        }
    )


@app.get("/fails")
async def fails(request: Request) -> Response:
    raise ValueError("the details")


@app.route("/endless", methods=["GET", "POST"])
async def endless(request: Request) -> Response:
    print("endless request", file=sys.stderr, flush=True)
    await asyncio.Event().wait()
    return Response()


@app.post("/unread")
async def unread(request: Request) -> Response:
    return Response("unread")


@app.post("/count")
async def count(request: Request) -> Response:
    """How many requests run at once when this one begins; it ends with its body."""
    global running
    running += 1
    try:
        text = f"{running}"
        print(f"begun {request.query_string}", file=sys.stderr, flush=True)
        await request.read()
        return Response(text)
    finally:
        running -= 1


async def foreign(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """A foreign ASGI application that reads each body to its end."""
    if scope["type"] == "lifespan":
        for _ in ("startup", "shutdown"):
            await send({"type": f"{(await receive())['type']}.complete"})
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["scheme"].encode()})
