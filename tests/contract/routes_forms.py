"""Routes that take forms, and JSON of a type."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from sketch import Application, ClientDisconnected, JSONResponse, Limits, Request, Response, StreamResponse
from sketch.request.forms import Form, UploadedFile
from tests.support.openfiles import open_files

NARROW = Limits(
    body=200_000, form_fields=3, form_files=2, form_field_size=1000, form_file_size=100_000, form_memory=2500
)
"""Less than a test sends. So little memory that every file but a small one is written to disk."""


@dataclass
class Item:
    name: str
    prices: list[float]


@dataclass
class Order:
    item: Item
    due: date
    number: UUID
    tags: set[str]


def add_forms(app: Application) -> None:  # noqa: C901  # a list of routes, nothing else
    @app.post("/form")
    async def form(request: Request) -> Response:
        return JSONResponse(await described(await request.form()))

    @app.post("/form/narrow", limits=NARROW)
    async def narrow(request: Request) -> Response:
        return JSONResponse(await described(await request.form()))

    @app.post("/form/left")
    async def left(request: Request) -> Response:
        try:
            await request.form()
        except ClientDisconnected:
            app.journal.write(request, "ClientDisconnected")
            raise
        return Response("complete")

    @app.post("/form/back")
    async def back(request: Request) -> Response:
        return StreamResponse(aiter((await request.form())["file"]))

    @app.post("/form/fails")
    async def fails(request: Request) -> Response:
        await request.form()
        raise ZeroDivisionError

    @app.post("/form/parts")
    async def parts(request: Request) -> Response:
        """Writes each part to the journal as it arrives."""
        async for part in request.multipart():
            app.journal.write(request, f"part {part.name}")
            if part.filename is None:
                app.journal.write(request, f"text {await part.text()}")
            elif part.name != "skipped":
                app.journal.write(request, f"size {sum([len(chunk) async for chunk in part])}")
        return Response("complete")

    @app.post("/form/save")
    async def save(request: Request) -> Response:
        directory = Path(request.query["directory"])
        most = int(request.query.get("most", 10**9))
        try:
            sizes = [await part.save_to(directory / part.name, max_size=most) async for part in request.multipart()]
        except ClientDisconnected:
            app.journal.write(request, "ClientDisconnected")
            raise
        return JSONResponse(sizes)

    @app.get("/form/open")
    async def opened() -> Response:
        """How many files this process holds open that have no name."""
        return JSONResponse(open_files())

    @app.post("/json/item")
    async def item(request: Request) -> Response:
        item = await request.json(type=Item)
        return JSONResponse([item.name, sum(item.prices)])

    @app.post("/json/order")
    async def order(request: Request) -> Response:
        return JSONResponse(await request.json(type=Order))

    @app.post("/json/broken")
    async def broken(request: Request) -> Response:
        return JSONResponse({"orders": [request]})


async def described(form: Form) -> list[Any]:
    """The form as JSON: fields as they are, files by their attributes."""
    found: list[Any] = []
    for name, value in form.items():
        if isinstance(value, UploadedFile):
            digest = hashlib.sha256()
            async for piece in value:
                digest.update(piece)
            found.append([name, value.filename, value.safe_name, value.content_type, value.size, digest.hexdigest()])
        else:
            found.append([name, value])
    return found
