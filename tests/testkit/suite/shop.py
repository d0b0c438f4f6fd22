"""A user's application: routes, forms, streams, websockets, errors, a life of its own and background work."""

import asyncio
from collections import defaultdict
from pathlib import Path

from sketch import (
    AppKey,
    Application,
    Event,
    EventStreamResponse,
    HTTPNotFound,
    HTTPUnauthorized,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamResponse,
)

ITEMS = AppKey[dict]("items")
DONE = AppKey[dict]("done")
NOTES = AppKey[list]("notes")


class OutOfStock(Exception):
    pass


async def open_shop(app):
    app[ITEMS] = {1: {"name": "tea", "price": 12.5}}
    app[DONE] = defaultdict(asyncio.Event)
    app[NOTES] = []
    yield
    for path in app[NOTES]:
        Path(path).write_text("closed")  # noqa: ASYNC240 - a short one, at the end


def create_app():  # noqa: C901 - a small application in one piece
    app = Application()
    app.cleanup_ctx.append(open_shop)

    @app.get("/")
    async def index():
        return Response("welcome", headers={"X-Shop": "open"})

    @app.get("/items/{number:int}")
    async def item(request, number):
        found = request.app[ITEMS].get(number)
        if found is None:
            raise HTTPNotFound(f"no item {number}")
        return JSONResponse(found)

    @app.post("/items")
    async def add(request):
        items = request.app[ITEMS]
        number = max(items) + 1
        items[number] = await request.json()
        return JSONResponse({"number": number}, status=201, headers={"Location": f"/items/{number}"})

    @app.get("/search")
    async def search(request):
        return JSONResponse([list(pair) for pair in request.query.items()])

    @app.post("/order")
    async def order(request):
        form = await request.form()
        return JSONResponse({name: form[name] for name in form})

    @app.post("/label")
    async def label(request):
        form = await request.form()
        upload = form["label"]
        data = await upload.read()
        return JSONResponse({"filename": upload.filename, "type": upload.content_type, "size": len(data)})

    @app.post("/login")
    async def login(request):
        response = RedirectResponse("/account", status=303)
        response.set_cookie("customer", (await request.form())["name"])
        return response

    @app.get("/account")
    async def account(request):
        if "customer" not in request.cookies:
            raise HTTPUnauthorized("who are you?")
        return Response(request.cookies["customer"])

    @app.get("/admin")
    async def admin(request):
        if request.headers.get("Authorization") != "Basic cm9vdDpvcGVu":
            raise HTTPUnauthorized(headers={"WWW-Authenticate": "Basic"})
        return Response("secret")

    @app.get("/stock")
    async def stock():
        raise OutOfStock("tea")

    @app.error_handler(OutOfStock)
    async def out_of_stock(request, exc):
        return Response(f"no {exc} left", status=409)

    @app.get("/broken")
    async def broken():
        raise ZeroDivisionError("a bug")

    @app.get("/ticks")
    async def ticks(request):
        async def body():
            try:
                yield b"tick 1\n"
                await asyncio.Event().wait()
            finally:
                request.app[DONE]["ticks"].set()

        return StreamResponse(body())

    @app.post("/upload")
    async def upload(request):
        sizes = [len(chunk) async for chunk in request.stream()]
        return JSONResponse(sum(sizes))

    @app.get("/prices")
    async def prices(request):
        async def events():
            yield Event("12.50", id="1", event="price")
            yield Event("13.00", id="2", event="price")

        return EventStreamResponse(events())

    @app.websocket("/chat")
    async def chat(ws):
        async for message in ws:
            if message == "bye":
                await ws.close(4000, "see you")
                return
            await ws.send(f"echo: {message}")

    @app.post("/post")
    async def post(request):
        done = request.app[DONE]
        response = Response("sent", status=202)
        response.background = lambda: done["post"].set()
        return response

    @app.get("/done/{name}")
    async def done(request, name):
        async with asyncio.timeout(5):
            await request.app[DONE][name].wait()
        return Response("yes")

    @app.post("/notes")
    async def notes(request):
        request.app[NOTES].append(await request.text())
        return Response(status=204)

    return app
