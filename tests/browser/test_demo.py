"""`sketch demo` in a real browser: every card is used with the mouse."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

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
        program.name = request.param  # type: ignore[attr-defined]
        yield program
        assert program.stop() == 0, program.output


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with running_chromium(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


@pytest.fixture
def page(server: Program, browser: Chromium) -> Page:
    browser.events.clear()
    page = Page(browser)
    page.open(server.url)
    return page


def answer(page: Page, name: str, containing: str) -> str:
    selector = f"[data-result={name}]"
    page.wait(f"document.querySelector('{selector}').textContent.includes({containing!r})")
    return page.text(selector)


def test_it_shows_what_is_running(page: Page, server: Program) -> None:
    name = {"native": "its own server"}.get(server.name, server.name)  # type: ignore[attr-defined]
    assert page.text("#server") == name
    assert page.run("document.title") == f"sketch runs on {name}"
    assert page.run("getComputedStyle(document.querySelector('.cards')).display") == "grid"
    assert page.complaints() == []


def test_greeting(page: Page) -> None:
    page.run("document.getElementById('name').value = 'Zoë </b> / 100%'")
    page.click("#hello button")
    assert answer(page, "hello", "Hello") == "200  Hello, Zoë </b> / 100%!"
    assert page.complaints() == []


def test_json(page: Page, server: Program) -> None:
    page.click("#json button")
    assert f'"server": "{server.name}"' in answer(page, "json", "server")  # type: ignore[attr-defined]
    assert page.complaints() == []


def test_upload_of_a_file(page: Page, tmp_path: Path) -> None:
    data = b"sketch" * 500_000
    (tmp_path / "data").write_bytes(data)
    page.choose_file("#file", tmp_path / "data")
    page.click("#upload button")
    shown = answer(page, "upload", "sha256")
    assert hashlib.sha256(data).hexdigest() in shown
    assert f'"size":{len(data)}' in shown
    assert page.complaints() == []


def test_upload_without_a_file(page: Page) -> None:
    page.click("#upload button")
    assert hashlib.sha256(bytes(1 << 20)).hexdigest() in answer(page, "upload", "sha256")


def test_clock_ticks_and_stops(page: Page) -> None:
    page.click("#clock button")
    first = answer(page, "clock", ":")
    page.wait(f"!['', {first!r}].includes(document.querySelector('[data-result=clock]').textContent)")
    page.click("#clock button")
    page.wait("document.querySelector('#clock button').textContent === 'Start'")
    assert page.complaints() == []


@pytest.mark.parametrize("status", ["500", "404", "405"])
def test_errors(page: Page, status: str) -> None:
    page.click(f"#error button:nth-of-type({['500', '404', '405'].index(status) + 1})")
    shown = answer(page, "error", status)
    assert "mistake" not in shown
    (logged,) = page.complaints()  # the browser itself reports the status of the request
    assert status in logged


def test_everything_has_a_name_for_screen_readers(page: Page) -> None:
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    controls = [node for node in nodes if node.get("role", {}).get("value") in ("button", "textbox")]
    assert len(controls) >= 7
    assert [node for node in controls if not node.get("name", {}).get("value")] == []


def test_nothing_is_wider_than_a_small_screen(page: Page) -> None:
    page.call("Emulation.setDeviceMetricsOverride", width=360, height=640, deviceScaleFactor=1, mobile=True)
    assert page.run("document.documentElement.scrollWidth") == 360
    page.call("Emulation.clearDeviceMetricsOverride")


def test_a_running_clock_does_not_hold_up_the_stop(browser: Chromium, tmp_path: Path) -> None:
    port = free_port()
    with serving([*script("sketch"), "demo", "--port", str(port)], port, tmp_path, tmp_path / "log") as program:
        page = Page(browser)
        page.open(program.url)
        page.click("#clock button")
        answer(page, "clock", ":")
        assert program.stop() == 0, program.output
        answer(page, "clock", "The server ended the stream.")
