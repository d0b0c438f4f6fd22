"""The reference page of `OpenAPI` in a real browser: an operation is found, filled in, sent, and its answer read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import Chromium, Page, find_chromium, running_chromium
from tests.support.programs import Program, free_port, script, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium here (Debian: apt-get install chromium)"),
]

ROOT = Path(__file__).parents[2]
SIZES = {"phone": 390, "desk": 1280}
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module", params=["native", "uvicorn"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    port, log = free_port(), tmp_path_factory.mktemp("server") / "log"
    command = [*script("sketch"), "run", "examples.teashop:app", "--port", str(port), "--server", request.param]
    with serving(command, port, ROOT, log) as program:
        yield program
        assert program.stop() == 0, program.output


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with running_chromium(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


@pytest.fixture
def page(server: Program, browser: Chromium) -> Iterator[Page]:
    browser.events.clear()
    page = Page(browser)
    look(page, "desk", "light")
    page.open(f"{server.url.rstrip('/')}/docs")
    yield page
    page.close()


def look(page: Page, size: str, scheme: str) -> None:
    width = SIZES[size]
    page.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=size == "phone"
    )
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


def form(page: Page, operation: str) -> str:
    """Open an operation and return the selector of its form."""
    page.run(f"location.hash = 'op-{operation}'")
    selector = f"#op-{operation} form"
    page.wait(f"document.querySelector('{selector}')")
    return selector


def fill(page: Page, within: str, name: str, value: str) -> None:
    """Type into the field of that name."""
    page.run(f"""(() => {{
        const label = [...document.querySelectorAll({json.dumps(within + " label")})]
            .find((label) => label.firstChild.textContent === {json.dumps(name)});
        const field = document.getElementById(label.htmlFor);
        field.value = {json.dumps(value)};
        field.dispatchEvent(new Event("input", {{bubbles: true}}));
    }})()""")


def send(page: Page, within: str, containing: str) -> str:
    """Press the button and return the text of the answer."""
    page.click(f"{within} button[type=submit]")
    page.wait(f"document.querySelector({json.dumps(within + ' .output')}).innerText.includes({json.dumps(containing)})")
    return page.text(f"{within} .output")


def curl(page: Page, within: str) -> str:
    return str(
        page.run(f"document.querySelector({json.dumps(within)}).querySelector('[aria-label*=curl]').textContent")
    )


def press(page: Page, key: str, code: str, text: str = "") -> None:
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key=key, code=code, text=text if kind == "keyDown" else "")


def test_an_operation_is_found_filled_in_and_sent(page: Page) -> None:
    page.click("#filter")
    fill(page, "nav", "Find an operation", "get /teas one")
    assert page.text("#found") == "1 of 15 operations"
    assert page.run("[...document.querySelectorAll('main h2')].filter((e) => e.offsetParent).length") == 2
    page.click("#op-get_teas_name > summary")
    within = "#op-get_teas_name form"
    page.wait(f"document.querySelector('{within}')")
    fill(page, within, "name", "Sencha")
    answer = send(page, within, "green")
    assert answer.startswith("200 OK")
    assert '"name": "Sencha"' in answer
    assert page.complaints() == []


def test_faults_are_shown(page: Page) -> None:
    within = form(page, "get_teas_name")
    fill(page, within, "name", "it's/<b>no</b> tea?")
    assert "there is no it's/<b>no</b> tea?" in send(page, within, "404")
    assert curl(page, within).endswith("/teas/it's%2F%3Cb%3Eno%3C%2Fb%3E%20tea%3F'".replace("'s", "'\\''s"))


def test_lists_and_empty_fields(page: Page) -> None:
    within = form(page, "get_teas")
    fill(page, within, "word", "Ass\nCey")
    fill(page, within, "limit", "1")
    assert curl(page, within).endswith("/teas?limit=1&word=Ass&word=Cey'")
    assert '"more": true' in send(page, within, "Assam")


def test_a_body_begins_as_an_example_that_is_taken(page: Page) -> None:
    within = form(page, "post_orders")
    body: dict[str, Any] = json.loads(page.run(f"document.querySelector('{within} textarea').value"))
    assert body["to"]["city"] == "Leipzig"
    fill(page, "#credentials", "bearer", "leaf")
    assert '"number"' in send(page, within, "201")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer"}, 0),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "string", "minLength": 3}, "xxx"),
        ({"type": "array", "items": {"type": "integer"}}, [0]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
        ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2}, [0, ""]),
    ],
)
def test_an_example_is_within_the_bounds(page: Page, schema: dict[str, Any], expected: object) -> None:
    assert page.run(f"example({{}}, {json.dumps(schema)})") == expected


def test_no_value_leads_to_the_path_of_another_operation(page: Page) -> None:
    within = form(page, "get_teas_name")
    valid = f"document.querySelector({json.dumps(within)}).checkValidity()"
    for value, sent in (("..", False), (".", False), ("...", True), ("a..", True), ("a/..", True)):
        fill(page, within, "name", value)
        assert page.run(valid) is sent, value


def test_credentials_are_kept_nowhere(page: Page) -> None:
    within = form(page, "post_teas")
    assert "401" in send(page, within, "401")
    fill(page, "#credentials", "bearer", "leaf")
    assert '-H "Authorization: Bearer $TOKEN"' in curl(page, within)
    assert "201" in send(page, within, "201")
    assert page.run("document.querySelector('#credentials input').type") == "password"
    kept = page.run("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
    assert "leaf" not in kept
    assert "leaf" not in page.run("document.documentElement.outerHTML")
    page.call("Page.reload")
    page.wait("document.readyState === 'complete' && !document.querySelector('#credentials form')")
    form(page, "post_teas")
    assert page.run("document.querySelector('#credentials input').value") == ""


def test_an_address_with_a_password(server: Program, page: Page) -> None:
    page.open(f"{server.url.rstrip('/')}/docs".replace("//", "//ada:leaf@"))
    within = form(page, "get_teas_name")
    fill(page, within, "name", "Sencha")
    assert "leaf" not in curl(page, within)
    assert send(page, within, "green").startswith("200 OK")


def test_forms_and_files(page: Page, tmp_path: Path) -> None:
    within = form(page, "put_teas_name_picture")
    picture = tmp_path / "a leaf.png"
    picture.write_bytes(b"\x89PNG" * 10)
    fill(page, within, "name", "Assam")
    fill(page, within, "caption", "It's green")
    page.choose_file(f"{within} input[type=file]", picture)
    assert "-F 'picture=@\"a leaf.png\"'" in curl(page, within)
    assert "--form-string 'caption=It'\\''s green'" in curl(page, within)
    assert '"bytes": 40' in send(page, within, "caption")


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_curl_sends_the_same(page: Page, tmp_path: Path) -> None:
    def run_curl(within: str) -> str:
        command = f"{curl(page, within)} --silent --show-error --max-time 30"
        done = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, env=os.environ | {"TOKEN": "leaf"}, capture_output=True
        )
        assert (done.returncode, done.stderr) == (0, b""), command
        return done.stdout.decode()

    odd = '@it\'s; "$HOME" `é` \\ 日本=&+'
    within = form(page, "put_teas_name_picture")
    picture = tmp_path / 'it\'s a "leaf", é;type=text.png'
    picture.write_bytes(b"\x89PNG" * 10)
    fill(page, within, "name", odd)
    fill(page, within, "caption", odd)
    page.choose_file(f"{within} input[type=file]", picture)
    assert json.loads(run_curl(within)) == {"tea": odd, "bytes": 40, "caption": odd}

    within = form(page, "post_teas_name_label")
    fill(page, within, "name", "Assam")
    fill(page, within, "title", odd[:20])
    assert run_curl(within) == f"Assam: {odd[:20]} on brown"

    within = form(page, "put_open")
    (tmp_path / "body").write_text("true")
    fill(page, within, "body", "@body")
    assert "malformed" in run_curl(within)  # the text itself is sent, not the file of that name

    field = page.run("curlField('application/x-www-form-urlencoded', ['a&b=', '1&2'])")
    assert field == "--data-urlencode 'a%26b%3D=1&2'"


def test_streams_arrive_piece_by_piece(page: Page) -> None:
    within = form(page, "get_events")
    fill(page, within, "count", "2")
    assert 'data: {"sold":1}' in send(page, within, '"sold":1')
    assert page.run(f"document.querySelector('{within} button[type=submit]').disabled") is False


def test_by_keyboard(page: Page) -> None:
    press(page, "/", "Slash", "/")
    assert page.run("document.activeElement.id") == "filter"
    page.run("document.querySelector('#op-get_open > summary').focus()")
    press(page, "Enter", "Enter", "\r")
    page.wait("document.querySelector('#op-get_open form')")
    page.run("document.querySelector('#op-get_open button[type=submit]').focus()")
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    press(page, "Enter", "Enter", "\r")
    page.wait("document.querySelector('#op-get_open .output').innerText.includes('true')")


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_wider_than_the_window(page: Page, size: str) -> None:
    look(page, size, "light")
    page.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.wait("document.querySelectorAll('.try form').length === 15")
    assert page.run("document.documentElement.scrollWidth") <= SIZES[size]
    assert page.complaints() == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing(page: Page, size: str, scheme: str) -> None:
    axe = os.environ.get("AXE")
    if not axe:
        pytest.skip("no axe-core here: `nox -s browser` installs it where npm is")
    look(page, size, scheme)
    for operation in ("get_teas", "put_teas_name_picture", "post_teas"):
        form(page, operation)
    send(page, "#op-post_teas form", "401")
    page.call("Runtime.evaluate", expression=Path(axe).read_text("utf-8"))
    found = page.run("axe.run().then((result) => result.violations.map((each) => [each.id, each.nodes[0].html]))")
    assert found == []
