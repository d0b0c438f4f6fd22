"""Routes that notice when their client leaves."""

from __future__ import annotations

import asyncio

from sketch import Application, Request, Response


def add_leaving(app: Application) -> None:
    leaving = app.group("/leaving", on_disconnect="cancel")

    @leaving.route("/cancelled", methods=["GET", "POST"])
    async def attended(request: Request) -> Response:
        """Waits as long as the server runs; only cancellation ends it before."""
        app.journal.write(request, "waiting")
        try:
            await app.stopping.wait()
        except asyncio.CancelledError:
            app.journal.write(request, "cancelled")
            raise
        finally:
            await asyncio.sleep(0)
            app.journal.write(request, "cleaned up")
        return Response("to nobody")

    @leaving.post("/answered")
    async def answered(request: Request) -> Response:
        return Response(await request.read())

    @leaving.post("/reading")
    async def reading(request: Request) -> Response:
        """Reads a part of its body, then waits for the rest, which does not come."""
        chunks = request.stream()
        first = await anext(chunks)
        app.journal.write(request, f"read {len(first)}")
        try:
            await anext(chunks)
        except BaseException as exc:
            app.journal.write(request, type(exc).__name__)
            raise
        raise AssertionError

    @app.post("/leaving/both")
    async def both(request: Request) -> Response:
        """Reads a body and waits for the client at the same time."""
        gone = asyncio.create_task(request.wait_disconnected())
        sizes = [len(chunk) async for chunk in request.stream()]
        app.journal.write(request, f"read {sum(sizes)}, {'gone' if gone.done() else 'there'}")
        await gone
        await request.wait_disconnected()
        app.journal.write(request, "gone")
        return Response("to nobody")
