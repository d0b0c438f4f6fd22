"""The demo's chat in a real browser: two people, each with a page of their own, on every kind of server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.chromium import Chromium, Page, find_chromium, running_chromium
from tests.support.programs import Program, free_port, script, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium here (Debian: apt-get install chromium)"),
]


@pytest.fixture(scope="module", params=["native", "uvicorn"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    port, directory = free_port(), tmp_path_factory.mktemp("server")
    command = [*script("sketch"), "demo", "--port", str(port), "--server", request.param]
    with serving(command, port, directory, directory / "log") as program:
        yield program
        assert program.stop() == 0, program.output


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with running_chromium(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


class House:
    """Opens pages in the rooms of one test; they are closed at its end."""

    def __init__(self, browser: Chromium, room: str) -> None:
        self.room = room
        self._browser = browser
        self._pages: list[Page] = []

    def open(self, url: str, **metrics: int) -> Page:
        page = Page(self._browser)
        self._pages.append(page)
        if metrics:
            page.call("Emulation.setDeviceMetricsOverride", deviceScaleFactor=1, mobile=True, **metrics)
        page.open(url)
        return page

    def enter(self, server: Program, name: str | None = None, **metrics: int) -> Page:
        """A page in the room, entered under that name."""
        page = self.open(f"{server.url}/chat/{self.room}", **metrics)
        connected(page)
        if name is not None:
            rename(page, name)
        return page

    def close(self) -> None:
        for page in self._pages:
            page.close()


@pytest.fixture
def house(request: pytest.FixtureRequest, browser: Chromium) -> Iterator[House]:
    browser.events.clear()
    house = House(browser, request.node.originalname.replace("_", "-")[:32])
    yield house
    house.close()


def connected(page: Page) -> None:
    page.wait("document.getElementById('state').dataset.state === 'open'")


def rename(page: Page, name: str) -> None:
    page.run(f"document.getElementById('name').value = {name!r}")
    page.click("#me button")
    page.wait(f"[...document.querySelectorAll('#people li')].some((one) => one.textContent === {name!r})")


def say(page: Page, text: str) -> None:
    page.run(f"document.getElementById('text').value = {text!r}")
    page.click("#say button")


def hear(page: Page, text: str) -> None:
    page.wait(f"[...document.querySelectorAll('.said .text')].some((one) => one.textContent === {text!r})")


def people(page: Page, *names: str) -> None:
    page.wait(
        f"[...document.querySelectorAll('#people li')].map((one) => one.textContent).join() === {','.join(names)!r}"
    )


def test_two_people_talk(house: House, server: Program) -> None:
    ada, grace = house.enter(server, "Ada"), house.enter(server, "Grace")
    people(ada, "Ada", "Grace")
    for speaker, text in ((ada, "Zoë <b>bold</b> 😀"), (grace, "100 % & more"), (ada, "x" * 500)):
        say(speaker, text)
        hear(ada, text)
        hear(grace, text)
    assert ada.run("document.querySelectorAll('.said.own').length") == 2
    assert grace.run("document.querySelectorAll('.said.own').length") == 1
    assert ada.run("document.querySelectorAll('#log b b').length") == 0
    assert ada.text("#room") == house.room
    assert ada.complaints() == []


def test_a_member_that_leaves_is_gone(house: House, server: Program) -> None:
    ada, grace = house.enter(server, "Ada"), house.enter(server, "Grace")
    people(ada, "Ada", "Grace")
    grace.open(server.url)
    people(ada, "Ada")
    assert "Grace has left." in ada.text("#log")
    grace.run("history.back()")
    people(ada, "Ada", "Grace")


def test_a_later_member_sees_the_history(house: House, server: Program) -> None:
    ada = house.enter(server, "Ada")
    say(ada, "anybody?")
    hear(ada, "anybody?")
    grace = house.enter(server, "Grace")
    hear(grace, "anybody?")
    assert grace.run("document.querySelectorAll('.said.own').length") == 0


def test_another_name(house: House, server: Program) -> None:
    ada = house.enter(server, "Ada")
    rename(ada, "Countess")
    people(ada, "Countess")


def test_the_demo_leads_to_it(house: House, server: Program) -> None:
    page = house.open(server.url)
    page.click("#h-chat ~ .go a")
    page.wait("location.pathname === '/chat/lobby' && document.readyState === 'complete'")
    connected(page)


def test_everything_has_a_name_for_screen_readers(house: House, server: Program) -> None:
    page = house.enter(server, "Ada")
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    controls = [node for node in nodes if node.get("role", {}).get("value") in ("button", "textbox", "log")]
    assert len(controls) >= 5
    assert [node for node in controls if not node.get("name", {}).get("value")] == []


@pytest.mark.parametrize(("width", "height"), [(360, 640), (1280, 800)])
def test_it_fits_the_screen(house: House, server: Program, width: int, height: int) -> None:
    page = house.enter(server, width=width, height=height)
    for number in range(30):
        say(page, f"message {number} " + "word " * 20)
        page.wait(f"document.querySelectorAll('.said').length > {number}")
    assert page.run("document.documentElement.scrollWidth") == width
    assert page.run("document.documentElement.scrollHeight") == height
    page.wait("document.querySelector('.said:last-child').getBoundingClientRect().bottom < innerHeight")


KEEP_STATES = """
window.states = [];
new MutationObserver(() => states.push(document.getElementById("state").textContent))
  .observe(document.getElementById("state"), {childList: true, characterData: true, subtree: true});
"""
"""Keeps what the page says of its connection: it tries again, and says something else, before the server has ended."""


def test_it_comes_back_after_a_restart(house: House, tmp_path_factory: pytest.TempPathFactory) -> None:
    port, directory = free_port(), tmp_path_factory.mktemp("restart")
    command = [*script("sketch"), "demo", "--port", str(port)]
    with serving(command, port, directory, directory / "first") as program:
        page = house.enter(program, "Ada")
        page.run(KEEP_STATES)
        assert program.stop() == 0, program.output
        page.wait("states.some((text) => text.includes('the server restarts'))")
    with serving(command, port, directory, directory / "second") as program:
        connected(page)
        people(page, "Ada")
        say(page, "here again")
        hear(page, "here again")
        assert program.stop() == 0, program.output
