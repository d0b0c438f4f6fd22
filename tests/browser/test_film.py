"""A browser plays a film: it asks for ranges, and for other ranges after a seek."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import Chromium, Page, find_chromium, running_chromium
from tests.support.programs import Program, free_port, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium here (Debian: apt-get install chromium)"),
]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=["native", "uvicorn"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    port, log = free_port(), tmp_path_factory.mktemp("server") / "log"
    with serving([sys.executable, "-m", "tests.browser.film", str(port), request.param], port, ROOT, log) as program:
        yield program


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with running_chromium(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


def asked(page: Page) -> list[Any]:
    found: list[Any] = page.run("fetch('/asked').then((answer) => answer.json())")
    return found


def test_it_plays_and_seeks(server: Program, browser: Chromium) -> None:
    page = Page(browser)
    page.open(server.url)
    page.wait("document.body.dataset.state === 'loadedmetadata'")
    assert page.run("[film.videoWidth, film.videoHeight, Math.round(film.duration)]") == [16, 16, 60]
    before = asked(page)
    assert before[0][:2] == ["bytes=0-", 206]
    page.run("film.currentTime = 50; null")
    page.wait("document.body.dataset.state === 'seeked'")
    page.run("film.play()")
    page.wait("Number(document.body.dataset.time) > 50.5")
    sought = asked(page)[len(before) :]
    firsts = [int(field.removeprefix("bytes=").partition("-")[0]) for field, _, _ in sought]
    assert max(firsts) > 190_000_000, "it had not read so far ahead"
    for first, (_, status, content_range) in zip(firsts, sought, strict=True):
        assert status == 206
        assert content_range.startswith(f"bytes {first}-")
    assert page.run("film.error") is None
    assert page.run("film.seekable.end(0)") == 60
