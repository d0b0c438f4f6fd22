"""Measures bodies of a gibibyte: how much a server's memory grows, and how long its event loop is held up.

`python -m benchmarks.bodies` runs sketch on each of its servers. A client on another core reads as fast as it can, and
sends as fast as the server reads: a download; an upload in a multipart form, saved while it arrives; and the same form
read as a whole, with its file in a temporary file.

Each body is moved three times. The memory is the peak of the resident memory, minus the resident memory before the
first time. The lag is the longest that a task in the server's event loop, which sleeps five milliseconds at a time, was
late: the best of the three, because on a busy machine every task is late. The download is a sparse file, so that no
disk is measured; the upload is really written.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic

from benchmarks.settings import ENVIRONMENT
from benchmarks.work import BOUNDARY, FORM_TYPE, GIBIBYTE, PHOTO, form
from sketch import Application, FileResponse, JSONResponse, Limits, Request, Response
from sketch.bench import BenchError, Cores, Program
from sketch.bench.processes import tree
from sketch.bench.table import table

MIB = 1024 * 1024
SERVERS = ("native", "native-asyncio", "uvicorn", "hypercorn", "granian")
BOUND = ("native", "native-asyncio", "uvicorn")
"""The servers that must keep within the bounds; how much the others buffer is not up to sketch."""
MOST_MEMORY = 40
"""MiB of growth."""
MOST_LAG = 50.0
"""Milliseconds."""
ROUNDS = 3
STEP = 0.005
TIMEOUT = 120.0


# -- the application ---------------------------------------------------------------------------------------------------


class Watch:
    """Measures the lag of an event loop: sleeps in short steps, and notes how late it wakes."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            due = monotonic() + STEP  # not the loop's own time: uvloop's stands still while the loop is held up
            await asyncio.sleep(STEP)
            self.longest = max(self.longest, monotonic() - due)


def make_app(folder: Path) -> Application:
    """Make an app that sends `folder/file` and saves uploads; `/lag` is the longest lag since its last call, in ms."""
    watch = Watch()

    async def watching(app: Application) -> AsyncIterator[None]:
        task = asyncio.create_task(watch.run())
        yield
        task.cancel()

    app = Application(lifespan=watching, limits=Limits(body=2 * GIBIBYTE))

    @app.get("/lag")
    async def lag() -> Response:
        longest, watch.longest = watch.longest, 0.0
        return JSONResponse(longest * 1000)

    @app.get("/download")
    async def download() -> Response:
        return FileResponse(folder / "file")

    @app.post("/upload")
    async def upload(request: Request) -> Response:
        parts = request.multipart()
        sizes = [await part.save_to(folder / part.name, overwrite=True) async for part in parts if part.filename]
        return JSONResponse(sum(sizes))

    @app.post("/form")
    async def form(request: Request) -> Response:
        return JSONResponse((await request.form())["file"].size)

    return app


def serve(server: str, port: int, folder: Path) -> None:
    """Serve until told to stop."""
    name, _, loop = server.partition("-")
    make_app(folder).run(
        port=port, server=name, loop=loop or "auto", access_log=False, log_level="error", shutdown_timeout=1
    )


# -- the client --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a body costs: MiB of memory at most; milliseconds of lag, seconds of CPU and of wall-clock time at best."""

    growth: float
    lag: float
    cpu: float
    seconds: float


def download(port: int, size: int) -> None:
    """Download the whole file.

    Raises:
        BenchError: if it does not arrive as a whole.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/download")
        response = connection.getresponse()
        received, buffer = 0, bytearray(MIB)
        while count := response.readinto(buffer):
            received += count
        if (response.status, received) != (200, size):
            raise BenchError(f"answers {response.status} and {received} bytes where {size} are expected")
    except (OSError, http.client.HTTPException) as exc:
        raise BenchError(f"the body breaks off: {exc!r}") from None
    finally:
        connection.close()


def upload(port: int, size: int, target: str = "/upload") -> None:
    """Send a form with a file.

    Raises:
        BenchError: if it is not received as a whole.
    """
    head, end = form(b"").split(b"\r\n\r\n\r\n--" + BOUNDARY + b"--")
    head, end = head + b"\r\n\r\n", b"\r\n--" + BOUNDARY + b"--" + end
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.putrequest("POST", target)
        connection.putheader("Content-Type", FORM_TYPE)
        connection.putheader("Content-Length", str(len(head) + size + len(end)))
        connection.endheaders(head)
        for _ in range(size // len(PHOTO)):
            connection.send(PHOTO)
        connection.send(PHOTO[: size % len(PHOTO)] + end)
        response = connection.getresponse()
        answer = response.read()
        if (response.status, answer) != (200, b"%d" % size):
            raise BenchError(f"answers {response.status} and {answer[:80]!r} to an upload of {size} bytes")
    except (OSError, http.client.HTTPException) as exc:
        raise BenchError(f"the body breaks off: {exc!r}") from None
    finally:
        connection.close()


BODIES: dict[str, Callable[[int, int], None]] = {
    "download": download,
    "upload": upload,
    "form": partial(upload, target="/form"),
}
"""The bodies by name. Each function sends or takes a body: `(port, bytes)`."""


def measure(program: Program, body: Callable[[int, int], None], size: int) -> Outcome:
    """Move the body a few times, and measure what it costs."""
    lag(program.port)
    before = _begin_peak(program.pid)
    rounds = [_round(program, body, size) for _ in range(ROUNDS)]
    growth = (_peak(program.pid) - before) / MIB
    return Outcome(growth, *(min(values) for values in zip(*rounds, strict=True)))


def _round(program: Program, body: Callable[[int, int], None], size: int) -> tuple[float, float, float]:
    """Move the body once. Returns milliseconds of lag, seconds of CPU time and of wall-clock time."""
    lag(program.port)
    cpu, begin = program.cpu_seconds(), monotonic()
    body(program.port, size)
    seconds = monotonic() - begin
    return lag(program.port), program.cpu_seconds() - cpu, seconds


def lag(port: int) -> float:
    """Ask for the longest lag of the server's event loop since the last call, in milliseconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/lag")
        return float(json.loads(connection.getresponse().read()))
    finally:
        connection.close()


def _begin_peak(pid: int) -> int:
    """Reset the memory peak of each process. Returns the bytes that are resident now."""
    for member in tree(pid):
        Path(f"/proc/{member}/clear_refs").write_text("5")
    return _memory(pid, "VmRSS:")


def _peak(pid: int) -> int:
    return _memory(pid, "VmHWM:")


def _memory(pid: int, entry: str) -> int:
    statuses = [Path(f"/proc/{member}/status").read_text() for member in tree(pid)]
    return sum(int(status.partition(entry)[2].split()[0]) * 1024 for status in statuses)


# -- the run -----------------------------------------------------------------------------------------------------------


def run(servers: Sequence[str], bodies: Sequence[str], size: int) -> dict[tuple[str, str], Outcome]:
    """Measure each body on each server."""
    cores = Cores.choose()
    found: dict[tuple[str, str], Outcome] = {}
    with tempfile.TemporaryDirectory() as folder:
        with (Path(folder) / "file").open("wb") as file:
            file.truncate(size)
        for server in servers:
            program = Program(
                server,
                lambda port, server=server: _command(server, port, folder),
                cores=cores,
                environment=ENVIRONMENT,
            )
            try:
                program.wait_ready()
                for name in bodies:
                    found[name, server] = measure(program, BODIES[name], size)
            finally:
                program.stop()
    return found


def _command(server: str, port: int, folder: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.bodies", "--serve", server, "--port", str(port), "--folder", folder]


def text(found: dict[tuple[str, str], Outcome]) -> str:
    """The table of figures, a row for each body on each server."""
    headings = ("body", "server", "memory MiB", "lag ms", "CPU s", "seconds")
    rows = [
        [name, server, f"{one.growth:.1f}", f"{one.lag:.1f}", f"{one.cpu:.2f}", f"{one.seconds:.2f}"]
        for (name, server), one in found.items()
    ]
    return table(headings, rows)


def over(found: dict[tuple[str, str], Outcome]) -> list[str]:
    """The bodies and servers that exceed the bounds, a line for each."""
    return [
        f"{name} on {server}: {one.growth:.1f} MiB, {one.lag:.1f} ms"
        for (name, server), one in found.items()
        if server in BOUND and (one.growth > MOST_MEMORY or one.lag > MOST_LAG)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bodies", description=__doc__.partition("\n")[0])
    parser.add_argument("--server", action="append", choices=SERVERS, help="repeatable (default: all)")
    parser.add_argument("--body", action="append", choices=BODIES, help="repeatable (default: all)")
    parser.add_argument("--mebibytes", type=int, default=1024, help="of the body (default: 1024)")
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.serve:
        serve(given.serve, given.port, given.folder)
        return 0
    try:
        found = run(given.server or SERVERS, given.body or list(BODIES), given.mebibytes * MIB)
    except BenchError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    print(text(found))
    for line in over(found):
        print(f"over {MOST_MEMORY} MiB or {MOST_LAG:g} ms: {line}")
    return len(over(found)) > 0


if __name__ == "__main__":
    sys.exit(main())
