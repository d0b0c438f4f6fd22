"""A project that is edited while an ASGI server serves it. Natively: `tests/core/serving/reload/test_reloading.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.reloading import project, takes_the_place_of_the_old_one

FOREIGN = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"7")]})
    await send({"type": "http.response.body", "body": b"foreign"})
"""
HOOK = """
@app.on_startup
async def connect() -> None:
    raise ConnectionError("no database")
"""


@pytest.mark.parametrize("server", ["uvicorn", "hypercorn"])
def test_a_change_with_an_open_stream_and_a_websocket(server: str, tmp_path: Path) -> None:
    with project(tmp_path, server=server) as served:
        assert f"({server}, reload)" in served.output
        takes_the_place_of_the_old_one(served)
        served.save("3", HOOK)
        got = served.until(lambda got: got.status == 500)
        assert "ConnectionError: no database" in got.text
        assert "in connect" in got.text
        assert served.ask("/", "example.com").text == "500 Internal Server Error"
        if server == "uvicorn":
            served.write(FOREIGN, "tea.py")
            served.until_answer("foreign")
        assert served.stop() == 0
        assert served.errors == ["the application cannot be started: tea.py:41: ConnectionError: no database"]
        assert "WARNING" not in served.output, "streams and websockets end with every change"
