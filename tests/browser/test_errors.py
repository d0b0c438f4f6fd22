"""Error pages in a real browser: they look as they should, and nothing that a client sends runs in them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.browser.chromium import Chromium, Page, find_chromium, running_chromium
from tests.support.programs import Program, free_port, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium here (Debian: apt-get install chromium)"),
]

EVIL = "</title></style></pre><script>alert(1)</script><img src=x onerror=\"document.title='run'\"><style>*{color:red}"

PROGRAM = """
import sys
from sketch import Application, HTTPConflict, Request, Response, run_app

app = Application("shop", debug=True)


@app.get("/fail")
async def fail(request: Request) -> Response:
    evil, password = request.query["evil"], "planted-7f3a"
    raise ValueError(evil)


@app.get("/conflict")
async def conflict(request: Request) -> Response:
    raise HTTPConflict(request.query["evil"])


run_app(app, port=int(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    port, directory = free_port(), tmp_path_factory.mktemp("server")
    (directory / "program.py").write_text(PROGRAM)
    with serving([sys.executable, "program.py", str(port)], port, directory, directory / "log") as program:
        yield program
        assert program.stop() == 0, program.output


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with running_chromium(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


@pytest.fixture
def page(browser: Chromium) -> Page:
    browser.events.clear()
    return Page(browser)


def complaints(page: Page, status: int) -> list[str]:
    """What the browser says of the page, beside its status and the icon that every page is asked for."""
    known = (f"the server responded with a status of {status}", "/favicon.ico")
    return [complaint for complaint in page.complaints() if not any(part in complaint for part in known)]


def test_the_debug_page_is_styled_and_runs_nothing(page: Page, server: Program) -> None:
    page.open(f"{server.url}/fail?evil={quote(EVIL)}&{quote(EVIL)}=1")
    assert page.run("document.title").startswith("ValueError: </title></style>")
    assert page.text("h1") == f"ValueError: {EVIL}"
    assert page.run("document.scripts.length + document.images.length + document.styleSheets.length") == 1
    assert page.run("getComputedStyle(document.querySelector('main')).maxWidth") == "1088px"
    assert page.run("getComputedStyle(document.querySelector('footer')).color") != "rgb(255, 0, 0)"
    assert "planted" not in page.run("document.documentElement.textContent")
    assert complaints(page, 500) == []


def test_frames_open_without_any_script(page: Page, server: Program) -> None:
    page.open(f"{server.url}/fail?evil=x")
    frames = "document.querySelectorAll('details').length"
    assert page.run(frames) > 2
    assert page.run("document.querySelector('details[open] b').textContent") == "fail"
    before = page.run("document.querySelectorAll('details[open]').length")
    page.click(".libraries > summary")
    page.wait(f"document.querySelectorAll('details[open]').length === {before + 1}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_in_light_and_dark(page: Page, server: Program, scheme: str) -> None:
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.open(f"{server.url}/fail?evil=x")
    colors = [
        page.run(f"getComputedStyle(document.body).{name}.match(/[0-9]+/g).slice(0, 3).reduce((a, b) => a + +b, 0)")
        for name in ("backgroundColor", "color")
    ]
    assert (colors[0] > colors[1]) is (scheme == "light")
    assert abs(colors[0] - colors[1]) > 400


def test_it_fits_a_narrow_window(page: Page, server: Program) -> None:
    page.call("Emulation.setDeviceMetricsOverride", width=360, height=700, deviceScaleFactor=1, mobile=False)
    page.open(f"{server.url}/fail?evil={'x' * 5000}")
    assert page.run("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_the_page_of_an_http_error_runs_nothing(page: Page, server: Program) -> None:
    page.open(f"{server.url}/conflict?evil={quote(EVIL)}")
    assert (page.run("document.title"), page.text("p")) == ("409 Conflict", EVIL)
    assert page.run("document.scripts.length + document.images.length") == 0
    assert complaints(page, 409) == []
