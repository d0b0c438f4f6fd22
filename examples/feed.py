"""A feed: every post reaches all readers, also those that were disconnected for a while."""

from collections.abc import AsyncIterator

from sketch import (
    Application,
    Channels,
    Event,
    EventStreamResponse,
    HTMLResponse,
    Request,
    Response,
    last_event_id,
    run_app,
)
from sketch.channels import MemoryBackend

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Feed</title>
<form><label>Say: <input name="text" required></label> <button>Send</button></form>
<ul></ul>
<script>
const source = new EventSource("/feed");
source.onmessage = (event) => {
  const item = document.createElement("li");
  item.textContent = event.data;
  document.querySelector("ul").prepend(item);
};
document.querySelector("form").onsubmit = (event) => {
  event.preventDefault();
  fetch("/feed", {method: "POST", body: event.target.text.value});
  event.target.reset();
};
</script>
</html>
"""

app = Application()
channels = Channels(MemoryBackend(history=50))
app.cleanup_ctx.append(channels.running)


@app.get("/")
async def page() -> Response:
    return HTMLResponse(PAGE)


@app.post("/feed")
async def say(request: Request) -> Response:
    await channels.publish("feed", await request.text())
    return Response(status=204)


@app.get("/feed")
async def feed(request: Request) -> Response:
    """Send the last ten posts and every new one; to a browser that reconnects, the posts that it has missed."""

    async def events() -> AsyncIterator[Event]:
        async with channels.subscribe("feed", history=10, after=last_event_id(request)) as subscription:
            async for message in subscription:
                yield Event(message.text, id=message.id)

    return EventStreamResponse(events())


if __name__ == "__main__":
    run_app(app)
