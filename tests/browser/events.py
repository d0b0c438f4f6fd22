"""A page that follows an event stream, and an application whose streams end after a few events or with the server.

`python -m tests.browser.events PORT SERVER`
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

from sketch import (
    Application,
    Event,
    EventStreamResponse,
    HTMLResponse,
    JSONResponse,
    Request,
    Response,
    last_event_id,
    run_app,
)

PAGE = """<!doctype html>
<meta charset=utf-8>
<title>Events</title>
<body>
<ol></ol>
<script>
const source = new EventSource("/events" + location.search);
source.addEventListener("number", (event) => {
  const item = document.createElement("li");
  item.textContent = `${event.lastEventId} ${event.data}`;
  document.querySelector("ol").append(item);
});
source.onmessage = (event) => { document.body.dataset.state = event.data; };
</script>
"""

PER_STREAM = 3

app = Application()
app.asked = []


@app.get("/")
async def page() -> Response:
    return HTMLResponse(PAGE)


@app.get("/asked")
async def asked() -> Response:
    return JSONResponse(app.asked)


@app.get("/events")
async def events(request: Request) -> Response:
    """Numbers that go on after the last one that the browser got."""
    last = last_event_id(request)
    app.asked.append(last)
    first = int(last or 0) + 1

    async def source() -> AsyncIterator[Event | str]:
        for number in range(first, first + PER_STREAM):
            yield Event(f"number\n{number}", event="number", id=number)
        if request.query_string == "stay":
            yield "waiting"
            await asyncio.Event().wait()

    return EventStreamResponse(source(), ping=0.2, retry=50)


if __name__ == "__main__":
    sys.exit(run_app(app, host="127.0.0.1", port=int(sys.argv[1]), server=sys.argv[2]))
