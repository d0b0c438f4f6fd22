"""A project that is edited while it is served natively: what cannot be loaded, what hangs, and the end of it."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

from tests.support.pace import bound
from tests.support.reloading import project, takes_the_place_of_the_old_one
from tests.support.workers import PATIENCE


def test_what_cannot_be_loaded_is_a_page_until_it_is_mended(tmp_path: Path) -> None:
    outside = tmp_path / "outside" / "shared.py"
    outside.parent.mkdir()
    outside.write_text("")
    (tmp_path / "project").mkdir()
    main = f"import sys\nsys.path.append({str(outside.parent)!r})\nimport shared\nfrom tea import app\n"
    with project(tmp_path / "project", main=main) as served:
        takes_the_place_of_the_old_one(served)
        assert "WARNING" not in served.output
        assert "LookupError: no tea" in served.ask("/fails").text
        assert served.ask("/fails", "example.com").text == "500 Internal Server Error"

        outside.write_text("def (")  # it is watched because it was loaded
        got = served.until(lambda got: got.status == 500)
        assert f'File "{outside}", line 1\n    def (\n' in got.text
        assert "<!doctype html>" in served.ask("/any", "localhost", "Accept: text/html").text
        assert served.ask("/any", "localhost", "X-Forwarded-For: 127.0.0.1").text == "500 Internal Server Error"
        with served.shake_hands() as sock:
            assert sock.recv(100).startswith(b"HTTP/1.1 500 ")
        mistake = f"the application cannot be started: {outside}:1: SyntaxError: invalid syntax"
        assert [error for error in served.errors if "no tea" not in error and "'/fails'" not in error] == [mistake]

        outside.write_text("x = 1")
        (served.directory / "tea.py").unlink()
        assert "No module named 'tea'" in served.until(lambda got: "SyntaxError" not in got.text).text
        served.save("3")
        served.until_answer("3")
        served.process.kill()
        served.process.wait(PATIENCE)
        served._reader.join(PATIENCE)
        assert not served._reader.is_alive(), "a worker is left behind, which has the same standard output"


def test_by_polling_with_a_worker_that_hangs(tmp_path: Path) -> None:
    pages = tmp_path / "elsewhere"
    pages.mkdir()
    (tmp_path / "project").mkdir()
    options = {"reload_dir": [".", str(pages)], "reload_include": ["*.html"]}
    with project(tmp_path / "project", polling=True, **options) as served, ThreadPoolExecutor() as pool:
        served.wait_for(r"\(polling: pip install 'sketch-web\[reload\]' is faster\)")
        slow = pool.submit(served.ask, "/slow")
        served.wait_for("slow request")
        began = served.save("2")
        served.until_answer("2")
        assert monotonic() - began < bound(2, 3.5)
        assert slow.result().text == "slow", "a request that is under way is answered"

        blocked = pool.submit(served.ask, "/block")
        served.wait_for("blocked")
        (pages / "page.html").touch()
        served.wait_for("has not stopped: it is killed")
        assert blocked.exception(PATIENCE) is not None
        assert served.ask().text == "2"

        served.write("import time\nprint('loads', flush=True)\ntime.sleep(600)")
        served.wait_for("loads")
        os.killpg(served.process.pid, signal.SIGINT)  # what a terminal does
        assert served.wait() == 0, "Ctrl-C while the application is loaded"
