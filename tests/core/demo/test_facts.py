"""What the demo says of itself: the server, and the extras that are installed."""

from __future__ import annotations

import re

import pytest

from sketch.demo import facts
from sketch.demo.page import render
from sketch.testing import TestClient
from tests.core.demo.support import run


def test_a_missing_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (("no-such-package", "websockets", "Nothing.", "no()"), ("multidict", "fast", "Much.", "yes()"))
    monkeypatch.setattr(facts, "_EXTRAS", rows)
    missing, present = facts.extras()
    assert missing.version is None
    assert present.version is not None
    page = render({"server": "native"}, [missing, present], "")
    # On the card of the extra and on the card of the chat, which cannot be entered without it.
    assert page.count("Not installed: <code>pip install &#x27;sketch-web[websockets]&#x27;</code>") == 2
    assert "/chat/lobby" not in page
    assert f"Installed: {present.version}" in page


def test_json_says_what_is_running() -> None:
    async def test(client: TestClient) -> None:
        shown = await (await client.get("/json")).json()
        assert shown["server"] == "in memory"
        assert shown["event loop"] == "asyncio"
        assert re.fullmatch(r"\w+ 3\.\d+\.\d+\S*", shown["python"])

    run(test)
