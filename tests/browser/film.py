"""A generated film: WebM written by hand, and an application that serves it and records the requested ranges.

`python -m tests.browser.film PORT SERVER`
"""

from __future__ import annotations

import os
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sketch import Application, FileResponse, HTMLResponse, JSONResponse, Request, Response, run_app

SECONDS = 60
VOID = 4_000_000
"""Filler bytes per second, so many that a browser does not buffer the whole film."""

# One key frame of VP8 (RFC 6386): a macroblock of one colour; then the size says 16 x 16.
FRAME = bytes.fromhex("3001009d012a100010000ec0fe25a400037000000000")


def opening(number: int, size: int) -> bytes:
    """The beginning of an element of EBML (RFC 8794): its number, and the size of its data in eight bytes."""
    return number.to_bytes((number.bit_length() + 7) // 8) + (size | 1 << 56).to_bytes(8)


def element(number: int, data: bytes) -> bytes:
    return opening(number, len(data)) + data


def uint(number: int, value: int) -> bytes:
    return element(number, value.to_bytes(8))


def write_film(path: Path) -> None:
    """A minute of WebM with an index, one frame and much void a second; the void is a hole in the file."""
    info = element(0x1549A966, uint(0x2AD7B1, 1_000_000) + element(0x4489, struct.pack(">d", SECONDS * 1000)))
    video = element(0xE0, uint(0xB0, 16) + uint(0xBA, 16))
    entry = uint(0xD7, 1) + uint(0x73C5, 1) + uint(0x83, 1) + element(0x86, b"V_VP8") + video
    tracks = element(0x1654AE6B, element(0xAE, entry))
    size = len(cluster(0)) + VOID
    # Every number is eight bytes long, so that the index is as long whatever is in it.
    begin = len(info) + len(tracks) + len(cues(0, size))
    head = uint(0x4286, 1) + uint(0x42F7, 1) + uint(0x42F2, 4) + uint(0x42F3, 8)
    head += element(0x4282, b"webm") + uint(0x4287, 2) + uint(0x4285, 2)
    with path.open("wb") as file:
        file.write(element(0x1A45DFA3, head) + opening(0x18538067, begin + SECONDS * size))
        file.write(info + tracks + cues(begin, size))
        for second in range(SECONDS):
            file.write(cluster(second))
            file.seek(VOID, os.SEEK_CUR)
        file.truncate()


def cluster(second: int) -> bytes:
    """The beginning of a cluster, up to its void."""
    block = element(0xA3, b"\x81\x00\x00\x80" + FRAME)
    data = uint(0xE7, second * 1000) + block + opening(0xEC, VOID)
    return opening(0x1F43B675, len(data) + VOID) + data


def cues(begin: int, size: int) -> bytes:
    """The index: where in the segment the cluster of each second begins."""
    points = [
        element(0xBB, uint(0xB3, n * 1000) + element(0xB7, uint(0xF7, 1) + uint(0xF1, begin + n * size)))
        for n in range(SECONDS)
    ]
    return element(0x1C53BB6B, b"".join(points))


PAGE = """<!doctype html><title>film</title><body data-state="new">
<video id="film" src="/film.webm" muted preload="metadata"></video>
<script>
const film = document.getElementById("film");
const note = (state) => () => { document.body.dataset.state = state; };
for (const name of ["loadedmetadata", "seeked", "error"]) film.addEventListener(name, note(name));
film.addEventListener("timeupdate", () => { document.body.dataset.time = film.currentTime; });
</script>"""


def make_app(path: Path) -> Application:
    app = Application()
    asked: list[list[Any]] = []

    async def note(request: Request, handler: Callable[..., Any]) -> Response:
        response: Response = await handler(request)
        asked.append([request.headers.get("range"), response.status, response.headers.get("content-range")])
        return response

    async def show(request: Request) -> Response:
        return await FileResponse(path).prepare(request)

    async def page() -> Response:
        return HTMLResponse(PAGE)

    async def answers() -> Response:
        return JSONResponse(asked)

    app.add_get("/film.webm", show, middlewares=[note])
    app.add_get("/", page)
    app.add_get("/asked", answers)
    return app


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.webm"
        write_film(path)
        return run_app(make_app(path), port=int(sys.argv[1]), server=sys.argv[2], shutdown_timeout=1)


if __name__ == "__main__":
    sys.exit(main())
