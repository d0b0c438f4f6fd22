"""Middleware: functions around the handler. The first in the list is the outermost."""

from time import perf_counter

from sketch import Application, HTTPForbidden, HTTPNotFound, Request, Response, json_response, run_app
from sketch.middleware import Endpoint

USERS = {"token-of-ada": "ada", "token-of-bob": "bob"}


async def timing(request: Request, handler: Endpoint) -> Response:
    """Add the time of the request to its response. An outer middleware, so it also sees the responses to errors."""
    begin = perf_counter()
    response = await handler(request)
    response.headers["Server-Timing"] = f"app;dur={(perf_counter() - begin) * 1e3:.2f}"
    return response


async def login(request: Request, handler: Endpoint) -> Response:
    """Find the user of a token, and refuse all other requests before the handler runs."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token not in USERS:
        raise HTTPForbidden("expected a token in the Authorization header")
    request.user = USERS[token]
    return await handler(request)


app = Application(middlewares=[login], outer_middlewares=[timing])


@app.on_startup
async def open_database(app: Application) -> None:
    app.notes = {"ada": ["invent programming"]}


@app.error_handler(404)
async def nothing_here(request: Request, error: HTTPNotFound) -> Response:
    return json_response({"error": str(error), "path": request.path}, status=404)


@app.get("/notes")
async def notes(request: Request) -> Response:
    return json_response(request.app.notes.get(request.user, []))


if __name__ == "__main__":
    run_app(app)
