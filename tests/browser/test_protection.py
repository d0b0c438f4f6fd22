"""Protection in a real browser: own forms pass, forged ones do not, and injected script does not run."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.browser.chromium import Chromium, Page, find_chromium, running_chromium
from tests.support.programs import Program, free_port, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium here (Debian: apt-get install chromium)"),
]

PROGRAM = """
import sys
from sketch import CSP, NONCE, Application, HTMLResponse, Protection, Request, Response, SecurityHeaders
from sketch import csp_nonce, run_app

policy = CSP(default_src=["'self'"], script_src=[NONCE])
app = Application("shop", outer_middlewares=[Protection(["127.0.0.1:*"], headers=SecurityHeaders(csp=policy))])
port = int(sys.argv[1])


@app.get("/")
async def own(request: Request) -> Response:
    response = HTMLResponse(
        "<form method=post action=/say><button>say</button></form>"
        f"<script nonce={csp_nonce(request)}>document.title = 'own script'</script>"
        "<script>document.title = 'injected'</script><img src=x onerror='document.title = 1'>"
    )
    response.set_cookie("session", "1")
    if "quiet" in request.query:
        response.headers["Referrer-Policy"] = "no-referrer"
    return response


@app.post("/say")
async def say(request: Request) -> Response:
    return HTMLResponse(f"said with {request.headers.get('origin')}, {request.headers.get('sec-fetch-site')}")


@app.websocket("/ws")
async def ws(ws) -> None:
    await ws.send("open")


evil = Application("evil")


@evil.get("/")
async def forged(request: Request) -> Response:
    return HTMLResponse(
        f"<form method=post action=http://127.0.0.1:{port}/say><button>win</button></form>"
        f"<iframe src=http://127.0.0.1:{port}/></iframe>"
    )


run_app(evil if sys.argv[2] == "evil" else app, port=int(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    own, evil, directory = free_port(), free_port(), tmp_path_factory.mktemp("server")
    (directory / "program.py").write_text(PROGRAM)

    def started(name: str, port: int) -> Program:
        return serving([sys.executable, "program.py", str(own), name, str(port)], port, directory, directory / name)

    with started("shop", own), started("evil", evil):
        yield own, evil


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with running_chromium(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


def test_own_forms_pass_with_and_without_a_referrer(browser: Chromium, ports: tuple[int, int]) -> None:
    page = Page(browser)
    for query, origin in (("", f"http://127.0.0.1:{ports[0]}"), ("?quiet", "null")):
        page.open(f"http://127.0.0.1:{ports[0]}/{query}")
        page.click("button")
        page.wait("location.pathname === '/say'")
        assert page.text("body") == f"said with {origin}, same-origin"


def test_only_scripts_with_the_nonce_run(browser: Chromium, ports: tuple[int, int]) -> None:
    page = Page(browser)
    page.open(f"http://127.0.0.1:{ports[0]}/")
    assert page.run("document.title") == "own script"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["another site", "another port of the same site"])
def test_forged_requests_are_refused(browser: Chromium, ports: tuple[int, int], host: str) -> None:
    own, evil = ports
    page = Page(browser)
    page.open(f"http://127.0.0.1:{own}/")  # the visitor has the cookie
    page.open(f"http://{host}:{evil}/")
    sent = f"fetch('http://127.0.0.1:{own}/say', {{method: 'POST', credentials: 'include', mode: 'no-cors'}})"
    assert page.run(f"{sent}.then(() => 'sent')") == "sent"
    refused = f"""new Promise((resolve) => {{
        const ws = new WebSocket('ws://127.0.0.1:{own}/ws');
        ws.onopen = () => resolve('open'); ws.onerror = () => resolve('refused');
    }})"""
    assert page.run(refused) == "refused"
    page.click("button")
    page.wait("location.pathname === '/say'")
    assert "expected a request of this site's own pages, got one of another origin" in page.text("body")
    assert "frame-ancestors" in " ".join(page.complaints())  # the page was not shown in the frame
