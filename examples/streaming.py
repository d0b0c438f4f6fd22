"""Bodies in pieces: an upload is hashed as it arrives, a countdown is sent as it happens."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

from sketch import Application, Request, Response, StreamResponse, json_response, run_app

app = Application()


@app.post("/sha256")
async def sha256(request: Request) -> Response:
    """Hash a body of any size in constant memory: a chunk is gone before the next one is read."""
    digest = hashlib.sha256()
    async for chunk in request.stream():
        digest.update(chunk)
    return json_response({"sha256": digest.hexdigest()})


async def count_down(begin: int) -> AsyncIterator[bytes]:
    """Yield a line every tenth of a second. When the client leaves, the generator is closed: `finally` runs."""
    try:
        for number in range(begin, 0, -1):
            yield f"{number}\n".encode()
            try:
                await asyncio.wait_for(app.stopping.wait(), 0.1)
            except TimeoutError:
                continue
            yield b"the server stops\n"
            return
        yield b"lift-off\n"
    finally:
        app.ended += 1


app.ended = 0


@app.get("/countdown/{begin:int}")
async def countdown(begin: int) -> Response:
    return StreamResponse(count_down(begin), content_type="text/plain; charset=utf-8")


if __name__ == "__main__":
    run_app(app)
