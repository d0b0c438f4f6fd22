"""Chromium without a window, driven over its DevTools pipe: JSON between NUL bytes, no driver and no library."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

TIMEOUT = 30.0

# No connections except those of the page under test.
SWITCHES = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-pipe",
]

# What the browser answers a script after its page was left, before and after its context is gone.
LEFT = ("Inspected target navigated or closed", "Execution context was destroyed.")


def find_chromium() -> str | None:
    """The browser's command, if it is installed."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class PageLeft(AssertionError):
    """A script's page was left for another one before the script had its value."""


class Page:
    """One tab: navigates, clicks as a user does, waits for the values of scripts."""

    def __init__(self, browser: Chromium) -> None:
        self._browser = browser
        self._target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        return self._browser.call(method, self._session, **params)

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def close(self) -> None:
        """Close the tab, as a user does."""
        self._browser.call("Target.closeTarget", targetId=self._target)

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited."""
        done = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, f"{expression}: {done['exceptionDetails']}"
        return done["result"].get("value")

    def wait(self, condition: str) -> None:
        """Return once the condition is true; it is looked at after each change of the page, and on each page anew."""
        deadline = monotonic() + TIMEOUT
        script = f"""new Promise((resolve) => {{
            const look = () => {{ if ({condition}) resolve(true); }};
            new MutationObserver(look).observe(document, {{subtree: true, childList: true, attributes: true}});
            addEventListener("load", look);
            setTimeout(() => resolve(false), 1000);
            look();
        }})"""
        while not self._holds(script):
            assert monotonic() < deadline, (
                f"not true after {TIMEOUT} s: {condition}\n{self.run('document.body.innerText')}"
            )

    def _holds(self, script: str) -> bool:
        try:
            return bool(self.run(script))
        except PageLeft:
            return False

    def click(self, selector: str) -> None:
        """Press and release the mouse in the middle of the element."""
        element = f"const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center'}});"
        middle = "const r = e.getBoundingClientRect(); return {x: r.x + r.width / 2, y: r.y + r.height / 2};"
        box = self.run(f"(() => {{ {element} {middle} }})()")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **box)

    def choose_file(self, selector: str, path: Path) -> None:
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def text(self, selector: str) -> str:
        return str(self.run(f"document.querySelector({json.dumps(selector)}).innerText"))

    def complaints(self) -> list[str]:
        """What the browser logged so far: script errors, violations of the page's policy, failed requests."""
        self.run("1")  # everything that was logged before comes before this answer
        found = []
        for event in self._browser.events:
            if event["method"] == "Log.entryAdded":
                entry = event["params"]["entry"]
                found.append(f"{entry['text']} {entry.get('url', '')}")
            elif event["method"] == "Runtime.exceptionThrown":
                found.append(str(event["params"]["exceptionDetails"]))
        return found


class Chromium:
    """A browser process and the two ends of its pipe."""

    def __init__(self, command: str, profile: Path) -> None:
        child_in, self._out = os.pipe()
        self._in, child_out = os.pipe()
        # The browser reads file descriptor 3 and writes 4.
        shell = f'exec "$@" 3<&{child_in} 4>&{child_out}'
        self.events: list[dict[str, Any]] = []
        self._buffer = b""
        self._number = 0
        with (profile / "chromium.log").open("wb") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", shell, "chromium", command, *SWITCHES, f"--user-data-dir={profile}"],
                pass_fds=(child_in, child_out),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        os.close(child_in)
        os.close(child_out)

    def call(self, method: str, session: str | None = None, **params: Any) -> Any:
        """Send a command of the DevTools protocol and return its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            if "method" in answer:
                self.events.append(answer)
        error = answer.get("error")
        if error is not None and error["message"] in LEFT:
            raise PageLeft(f"{method}: {error}")
        assert error is None, f"{method}: {error}"
        return answer["result"]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], TIMEOUT)
            assert ready, f"the browser said nothing for {TIMEOUT} s"
            data = os.read(self._in, 1 << 16)
            assert data, f"the browser ended with status {self.process.wait(TIMEOUT)}"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def close(self) -> None:
        """End the browser; it ends when it is told, or when its pipe is closed."""
        if self.process.poll() is None:
            os.write(self._out, json.dumps({"id": 0, "method": "Browser.close"}).encode() + b"\0")
        os.close(self._out)
        try:
            self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._in)


@contextmanager
def running_chromium(profile: Path) -> Iterator[Chromium]:
    """A browser with a profile of its own."""
    command = find_chromium()
    assert command is not None, "expected Chromium (Debian: apt-get install chromium)"
    browser = Chromium(command, profile)
    try:
        yield browser
    finally:
        browser.close()
