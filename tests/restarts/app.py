"""The application under load: as fast as can be, because a slow one hides what a restart loses."""

from __future__ import annotations

import sys

from sketch import Application, Request, Response

app = Application()
executed = 0


@app.get("/")
async def fast(request: Request) -> Response:
    global executed
    executed += 1
    return Response("ok")


@app.on_cleanup
async def tell() -> None:
    sys.stderr.write(f"executed {executed}\n")  # one write, so that lines of two workers do not mix
