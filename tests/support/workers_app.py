"""The application that workers serve. Files in the working directory change what it does.

`broken`: its module raises an error. `hangs`: its import does not end. `waits`: nor does its start-up hook.
`go`: what `/held` waits for. `metrics`: there are some at `/metrics`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from sketch import Application, JSONResponse, Metrics, Request, current_worker

if Path("broken").exists():
    raise ValueError("this version is broken")
while Path("hangs").exists():
    time.sleep(0.1)

app = Application()
if Path("metrics").exists():
    Metrics().attach(app, path="/metrics", allow=["127.0.0.1"])


@app.on_startup
async def connect_to_database() -> None:
    if Path("waits").exists():  # noqa: ASYNC240
        await asyncio.Event().wait()


@app.get("/")
async def which(request: Request) -> JSONResponse:
    worker = current_worker()
    assert worker is not None
    return JSONResponse(
        {"index": worker.index, "count": worker.count, "generation": worker.generation, "pid": os.getpid()}
    )


@app.get("/interpreter")
async def interpreter(request: Request) -> JSONResponse:
    return JSONResponse({"optimize": sys.flags.optimize, "x": list(sys._xoptions), "path": sys.path, "argv": sys.argv})


@app.get("/block")
async def block(request: Request) -> JSONResponse:
    time.sleep(60)  # noqa: ASYNC251 - it blocks the loop
    return JSONResponse(None)


@app.get("/slow")
async def slow(request: Request) -> JSONResponse:
    print("slow request", file=sys.stderr, flush=True)
    await asyncio.sleep(60)
    return JSONResponse(None)


@app.get("/held")
async def held(request: Request) -> JSONResponse:
    print("held request", file=sys.stderr, flush=True)
    while not Path("go").exists():  # noqa: ASYNC110, ASYNC240
        await asyncio.sleep(0.01)
    return JSONResponse("finished")


@app.get("/finite")
async def finite(request: Request) -> JSONResponse:
    """End a moment after the order to stop."""
    print("finite request", file=sys.stderr, flush=True)
    await app.stopping.wait()
    await asyncio.sleep(0.3)
    return JSONResponse("finished")


@app.get("/orphan")
async def orphan(request: Request) -> JSONResponse:
    """Leave a process behind whose parent has ended. It ends as well."""
    process = await asyncio.create_subprocess_exec("sh", "-c", "sleep 0.1 & echo $!", stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return JSONResponse(int(output))
