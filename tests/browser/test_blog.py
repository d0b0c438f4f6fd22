"""The blog of examples/ in a real browser: accounts, a post with an image, and another site that forges its forms."""

from __future__ import annotations

import base64
import os
import re
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium, Page, find_chromium, running_chromium
from tests.docs.documents import ROOT
from tests.support.programs import Program, free_port, script, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium here (Debian: apt-get install chromium)"),
]

PASSWORD = "correct horse battery"
EVIL = """
import sys
from sketch import Application, HTMLResponse, run_app

app = Application("evil")
target, port = sys.argv[1:]
FORMS = {
    "delete": f"<form method=post action={target}/posts/1/delete><button>win</button></form>",
    "out": f"<form method=post action={target}/sign-out><button>win</button></form>",
    "in": f"<form method=post action={target}/sign-in><input name=name value=eve><input name=password value=eve>"
    "<button>win</button></form>",
    "new": f"<form method=post action={target}/posts/new enctype=multipart/form-data><input name=title value=evil>"
    "<input name=body value=evil><input name=image_text><input name=form value=1><button>win</button></form>",
}


@app.get("/forge/{name}")
async def forged(name: str) -> HTMLResponse:
    return HTMLResponse(FORMS[name])


run_app(app, port=int(port))
"""


def picture(width: int, height: int) -> bytes:
    """A PNG of a sky over a field."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(
        b"\0" + (bytes((90 + y // 4, 150, 220)) if y < height * 2 // 3 else bytes((90, 150, 70))) * width
        for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """The ports of the blog and of the site that forges its forms."""
    own, evil, directory = free_port(), free_port(), tmp_path_factory.mktemp("servers")
    (directory / "evil.py").write_text(EVIL)
    environment = {"BLOG_DATA": str(directory / "data")}
    blog = Program(
        [*script("sketch"), "run", "--port", str(own)], own, ROOT / "examples/blog", directory / "blog.log", environment
    )
    try:
        blog.wait_until_it_listens()
        command = [sys.executable, "evil.py", f"http://127.0.0.1:{own}", str(evil)]
        with serving(command, evil, directory, directory / "evil.log"):
            yield own, evil
    finally:
        status = blog.stop()
    assert (status, "Traceback" in blog.output) == (0, False), blog.output


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with running_chromium(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


class Site:
    """The blog in a tab."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url

    def go(self, path: str) -> None:
        self.page.open(self.url + path)

    def fill(self, **values: str) -> None:
        """Click into each field, and type."""
        for name, text in values.items():
            self.page.click(f"[name={name}]")
            self.page.run(f"document.querySelector('[name={name}]').select()")
            self.page.call("Input.insertText", text=text)

    def press(self, selector: str, says: str) -> None:
        """Click, and wait for a page that says so."""
        self.page.run("document.body.dataset.left = 'yes'")
        self.page.click(selector)
        here = f"!document.body.dataset.left && document.body.innerText.includes({says!r})"
        self.page.wait(f"document.readyState === 'complete' && {here}")

    def look(self, name: str) -> None:
        """Check the page at two widths: nothing is wider than the screen, and all that is pressed has a name."""
        root = "document.documentElement"
        for width, height in ((390, 844), (1280, 800)):
            screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
            self.page.call("Emulation.setDeviceMetricsOverride", **screen)
            assert self.page.run(f"{root}.scrollWidth - {root}.clientWidth") == 0, name
            for scheme in ("light", "dark"):
                self.take_picture(f"{name}-{width}-{scheme}.png", scheme)
        self.page.call("Emulation.clearDeviceMetricsOverride")
        nodes = self.page.call("Accessibility.getFullAXTree")["nodes"]
        roles = ("button", "textbox", "link", "checkbox", "image")
        pressed = [node for node in nodes if node.get("role", {}).get("value") in roles]
        assert [node for node in pressed if not node.get("name", {}).get("value")] == []

    def take_picture(self, name: str, scheme: str) -> None:
        """Save a picture of the page to the directory SHOTS of the environment, if there is one."""
        if "SHOTS" in os.environ:
            self.page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            data = self.page.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
            (Path(os.environ["SHOTS"]) / name).write_bytes(base64.b64decode(data))


def test_a_visit(browser: Chromium, ports: tuple[int, int], tmp_path: Path) -> None:
    (tmp_path / "sky.png").write_bytes(picture(640, 420))
    (tmp_path / "large.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(10 << 20))
    site = Site(Page(browser), f"http://127.0.0.1:{ports[0]}")
    page = site.page

    site.go("/")
    site.look("empty")
    site.go("/sign-up")
    site.look("sign-up")
    site.fill(name="ann", password=PASSWORD)
    site.press(".fields button", "Welcome, ann.")
    site.press("header form button", "You have signed out.")

    site.go("/posts/new")  # leads to the sign-in, and back
    assert page.run("location.pathname") == "/sign-in"
    site.fill(name="ann", password="wrong horse battery")
    site.press(".fields button", "do not belong together")
    site.look("wrong-password")
    site.fill(password=PASSWORD)
    site.press(".fields button", "Write a post")

    site.fill(
        title="A field under the <b>sky</b>", body="It was quiet.\n\nA second paragraph, </textarea> and all." * 3
    )
    page.choose_file("#image", tmp_path / "large.png")
    page.wait("!document.getElementById('image').checkValidity()")  # said before it is sent
    page.choose_file("#image", tmp_path / "sky.png")
    page.wait("document.getElementById('preview').complete && document.getElementById('preview').naturalWidth === 640")
    site.fill(image_text="A blue sky over a green field")
    site.look("write")
    site.press(".fields button", "Your post is published.")
    assert page.run("location.pathname") == "/posts/1"
    assert page.text("h1") == "A field under the <b>sky</b>"
    assert page.run("document.querySelector('article img').naturalWidth") == 640
    site.look("post")
    site.go("/")
    site.look("index")

    site.go("/posts/1/edit")
    site.look("edit")
    site.fill(title="A field")
    site.press(".fields button", "Your changes are saved.")
    assert page.text("h1") == "A field"

    forged(site, ports[1])

    site.go("/posts/1/delete")
    site.look("delete")
    site.press("button.danger", "is deleted.")
    site.go("/posts/1")
    site.look("missing")
    site.press("header form button", "You have signed out.")
    # The browser itself reports the statuses of the wrong password, the forged forms and the deleted post.
    assert [line for line in page.complaints() if site.url in line and not re.search("status of 40[34]", line)] == []


def forged(site: Site, evil: int) -> None:
    """A page of another site, and one of another port of this site, press the forms of a visitor that has signed in."""
    for host in ("localhost", "127.0.0.1"):
        for name in ("delete", "out", "in", "new"):
            site.page.open(f"http://{host}:{evil}/forge/{name}")
            site.press("button", "got one of another origin")
            assert site.page.run("location.origin") == site.url
    site.go("/")
    assert "Sign out ann" in site.page.text("header")
    assert site.page.run("[...document.querySelectorAll('h2')].map((e) => e.innerText)") == ["A field"]


def test_an_upload_that_is_too_large_is_answered_with_a_page(
    browser: Chromium, ports: tuple[int, int], tmp_path: Path
) -> None:
    (tmp_path / "large.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(10 << 20))
    site = Site(Page(browser), f"http://127.0.0.1:{ports[0]}")
    site.go("/sign-up")
    site.fill(name="bob-" * 7 + "bo", password=PASSWORD)
    site.press(".fields button", "Welcome, bob-")
    site.go("/posts/new")
    site.look("long-name")
    site.page.run("document.querySelector('.fields').noValidate = true")
    site.fill(title="Large", body="Too large")
    site.page.choose_file("#image", tmp_path / "large.png")
    site.press(".fields button", "an image may have 5 MB")
