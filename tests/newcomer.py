"""A newcomer's first minutes: run the command that serves the demo, ask for the page and call one of its routes.

    python -m tests.newcomer "sketch demo --port 8123" http://127.0.0.1:8123
    python -m tests.newcomer "sketch demo --port 8123" http://127.0.0.1:8123 --missing websockets

It needs the standard library alone and runs in environments that have nothing but sketch. It exits with 0 if the page
and `GET /json` have answered and the command has ended with 0 after Ctrl-C, else with 1 and the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from html import unescape
from urllib.parse import urlsplit
from urllib.request import urlopen

STARTUP = 900.0
"""Seconds for the first answer: the README's command installs the project before it serves anything."""
SHUTDOWN = 30.0
PAUSE = 0.25


def fetch(url: str) -> str:
    """The body of an answer with status 200."""
    with urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def listens(url: str) -> bool:
    """Whether a server accepts connections at the address of the page."""
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname or "127.0.0.1", parts.port or 80)) == 0


def first_page(process: subprocess.Popen[bytes], url: str) -> str:
    """The page, as soon as something answers.

    Raises:
        SystemExit: if the command ends first, or nothing answers in time.
    """
    deadline = time.monotonic() + STARTUP
    while time.monotonic() < deadline:
        try:
            return fetch(url)
        except OSError:  # nothing listens yet
            if process.poll() is not None:
                raise SystemExit(f"the command ended with status {process.returncode} and served nothing") from None
            time.sleep(PAUSE)
    raise SystemExit(f"nothing answered at {url} within {STARTUP:g} seconds")


def check(page: str, url: str, missing: Sequence[str]) -> None:
    """Compare the page with what is installed, and call one of its routes."""
    page = unescape(page)
    if "It works. sketch runs on" not in page:
        raise SystemExit(f"expected the page of the demo, got {page[:200]!r}")
    shown = [extra for extra in missing if f"pip install 'sketch-web[{extra}]'" in page]
    if shown != list(missing) or (not missing and "Not installed" in page):
        raise SystemExit(f"expected the page to name the missing extras {list(missing)}, it names {shown}")
    facts = json.loads(fetch(f"{url}/json"))
    if facts["server"] != "native":
        raise SystemExit(f"expected the native server, got {facts!r}")
    print(f"the page and GET /json answered: {facts}")


def stop(process: subprocess.Popen[bytes]) -> int:
    """Press Ctrl-C: SIGINT to each process of the command. Returns its exit status.

    The shell waits for the server, and ends with the server's own status.
    """
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    try:
        return process.wait(SHUTDOWN)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise SystemExit(f"the command did not end within {SHUTDOWN:g} seconds after Ctrl-C") from None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run a command that serves the demo, and use its page.")
    parser.add_argument("command", help="a shell command")
    parser.add_argument("url", help="where the page will be")
    parser.add_argument("--missing", nargs="*", default=[], metavar="EXTRA", help="extras that are not installed")
    options = parser.parse_args(arguments)
    if listens(options.url):
        raise SystemExit(f"expected nothing to listen at {options.url} yet: another server would be asked")
    shell = ["bash", "-euo", "pipefail", "-c", options.command]
    process = subprocess.Popen(shell, stdin=subprocess.DEVNULL, process_group=0)
    try:
        check(first_page(process, options.url), options.url.rstrip("/"), options.missing)
    finally:
        status = stop(process)
    if status not in (0, -signal.SIGTERM, 128 + signal.SIGTERM):  # the shell that runs the server ends by the signal
        print(f"expected the command to end with status 0, got {status}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
