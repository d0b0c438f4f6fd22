"""A browser that follows an event stream, and comes back when it ends: with the id of the last event it got."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium, Page, find_chromium, running_chromium
from tests.browser.events import PER_STREAM
from tests.support.programs import Program, free_port, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium here (Debian: apt-get install chromium)"),
]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with running_chromium(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


@pytest.fixture(params=["native", "uvicorn"])
def server_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def started(name: str, port: int, log: Path) -> AbstractContextManager[Program]:
    return serving([sys.executable, "-m", "tests.browser.events", str(port), name], port, ROOT, log)


def shown(page: Page) -> list[str]:
    items: list[str] = page.run("[...document.querySelectorAll('li')].map((item) => item.textContent)")
    return items


def numbers(last: int) -> list[str]:
    return [f"{number} number\n{number}" for number in range(1, last + 1)]


def test_it_goes_on_where_a_stream_has_ended(server_name: str, browser: Chromium, tmp_path: Path) -> None:
    """Every event once and in order, over several connections."""
    with started(server_name, free_port(), tmp_path / "log") as program:
        page = Page(browser)
        page.open(program.url)
        page.wait(f"document.querySelectorAll('li').length > {3 * PER_STREAM}")
        page.run("source.close()")
        items = shown(page)
        assert items == numbers(len(items))
        asked = page.run("fetch('/asked').then((answer) => answer.json())")
        assert asked == [None, *(str(PER_STREAM * count) for count in range(1, len(asked)))]
        assert len(asked) > 3


def test_it_goes_on_when_the_server_has_been_started_again(server_name: str, browser: Chromium, tmp_path: Path) -> None:
    """The server's stop is a proper end of the stream; pings in between are no events."""
    port = free_port()
    page = Page(browser)
    with started(server_name, port, tmp_path / "first") as program:
        page.open(f"{program.url}/?stay")
        page.wait("document.body.dataset.state === 'waiting'")
        assert program.stop() == 0, program.output
        assert "Traceback" not in program.output
    with started(server_name, port, tmp_path / "second"):
        page.wait(f"document.querySelectorAll('li').length === {2 * PER_STREAM}")
        assert page.run("fetch('/asked').then((answer) => answer.json())") == [str(PER_STREAM)]
        page.run("source.close()")
        assert shown(page) == numbers(2 * PER_STREAM)
