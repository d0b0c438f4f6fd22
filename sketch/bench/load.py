"""Puts load on a server: by wrk, by h2load for HTTP/2, by modules of this package for websockets and TLS handshakes."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sketch.bench.errors import BenchError
from sketch.bench.program import HOST, run_pinned

HANGS = 30.0
"""Seconds beyond its time after which a tool counts as hung."""

PACKAGES = {"wrk": "wrk", "h2load": "nghttp2-client"}
"""The tools, and the Debian packages that contain them."""

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Load:
    """The request that a load generator repeats.

    Attributes:
        target: path and query.
        headers: fields in addition to those that the tool sends (Host).
        connections: how many connections send at the same time; each waits for its answer.
        http2: HTTP/2 without TLS (prior knowledge), sent by h2load; eight requests at once per connection.
        message: the size in bytes of messages to send over websockets instead, each once the last one has been echoed.
        rotated: fields that change from request to request: the first request sends the first of them besides
            `headers`, and so on, and then from the beginning.
        pause: milliseconds that each connection pauses after a response, on the average: from half of it to one and a
            half times as much.
        tls: by TLS; the server's certificate is not checked.
        handshakes: `"full"` or `"resumed"`: one TLS connection after the other, each for one request, by a new session
            or by that of the connection before.
    """

    target: str = "/"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    connections: int = 64
    http2: bool = False
    message: int | None = None
    rotated: tuple[tuple[tuple[str, str], ...], ...] = ()
    pause: int = 0
    tls: bool = False
    handshakes: str = ""

    @property
    def tool(self) -> str:
        """The program that generates the load."""
        if self.message is not None or self.handshakes:
            return sys.executable
        return "h2load" if self.http2 else "wrk"


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a load generator. Times are in seconds; percentiles are None if the tool does not tell them."""

    requests: int
    seconds: float
    p50: float | None = None
    p99: float | None = None


def require(tool: str) -> str:
    """Return the path of a tool.

    Raises:
        BenchError: if it is not installed; says how to get it.
    """
    path = shutil.which(tool)
    if path is None:
        raise BenchError(f"{tool} is not installed (Debian: apt-get install {PACKAGES.get(tool, tool)})")
    return path


def run_load(load: Load, port: int, seconds: float, core: int | None = None) -> Report:
    """Put load on a port of the loopback interface.

    Raises:
        BenchError: if the tool is missing or fails, and if requests fail.
    """
    tool = require(load.tool)
    if load.message is not None:
        sizes = map(str, (port, load.target, load.message, load.connections, seconds))
        command = [tool, "-m", "sketch.bench.socketload", *sizes]
        return parse_own(run_pinned(command, core, timeout=seconds + HANGS))
    if load.handshakes:
        command = [tool, "-m", "sketch.bench.tlsload", str(port), load.target, load.handshakes, str(seconds)]
        return parse_own(run_pinned(command, core, timeout=seconds + HANGS))
    url = f"{'https' if load.tls else 'http'}://{HOST}:{port}{load.target}"
    if load.http2:
        return parse_h2load(run_pinned(_h2load(tool, load, url, seconds), core, timeout=seconds + HANGS))
    with tempfile.TemporaryDirectory() as directory:
        command = _wrk(tool, load, url, seconds, Path(directory) / "request.lua")
        # wrk itself knows whole seconds only; interrupted, it reports what it has.
        return parse_wrk(run_pinned(command, core, interrupt=seconds, timeout=HANGS))


def _wrk(tool: str, load: Load, url: str, seconds: float, script: Path) -> list[str]:
    body = script.with_suffix(".body")
    body.write_bytes(load.body)
    script.write_text(lua(load, body))
    command = [tool, "--threads", "1", "--connections", str(load.connections), "--latency", "--timeout", "10s"]
    return [*command, "--duration", f"{math.ceil(seconds) + 1}s", "--script", str(script), url]


def lua(load: Load, body: Path) -> str:
    """The request as a script for wrk, which reads its body from a file."""
    lines = [f"wrk.method = {_lua_string(load.method.encode())}"]
    lines += [f"wrk.headers[{_lua_string(n.encode())}] = {_lua_string(v.encode())}" for n, v in load.headers]
    if load.body:
        lines.append(f"wrk.body = io.open({_lua_string(bytes(body))}, 'rb'):read('*a')")
    if load.rotated:
        sets = ", ".join("{" + ", ".join(map(_lua_field, fields)) + "}" for fields in load.rotated)
        lines += [f"local sets, number = {{{sets}}}, 0", ROTATE]
    if load.pause:
        lines.append(PAUSE.format(least=load.pause // 2, most=load.pause + load.pause // 2))
    return "\n".join(lines) + "\n"


ROTATE = """\
local requests = {}
function init(args)
    for i, fields in ipairs(sets) do
        for name, value in pairs(wrk.headers) do fields[name] = fields[name] or value end
        requests[i] = wrk.format(nil, nil, fields)
    end
end
function request()
    number = number % #requests + 1
    return requests[number]
end"""

PAUSE = """\
function delay()
    return math.random({least}, {most})
end"""


def _lua_field(field: tuple[str, str]) -> str:
    return f"[{_lua_string(field[0].encode())}] = {_lua_string(field[1].encode())}"


def _lua_string(data: bytes) -> str:
    return '"' + "".join(f"\\{byte:03d}" for byte in data) + '"'


def _h2load(tool: str, load: Load, url: str, seconds: float) -> list[str]:
    if load.method != "GET" or load.body:
        raise BenchError("expected a plain GET for HTTP/2: h2load repeats nothing else here")
    fields = [f"--header={name}: {value}" for name, value in load.headers]
    command = [tool, "--threads=1", f"--clients={load.connections}", "--max-concurrent-streams=8", *fields]
    return [*command, f"--duration={max(1, round(seconds * 1000))}ms", "--warm-up-time=100ms", url]


def parse_wrk(output: str) -> Report:
    """Read what wrk prints with `--latency`.

    Raises:
        BenchError: for any other output, and if requests have failed.
    """
    done = re.search(r"^ *(\d+) requests in ([\d.]+)(us|ms|s|m|h),", output, re.MULTILINE)
    if done is None:
        raise BenchError(f"expected a report of wrk, got {json.dumps(output[:200])}")
    if refused := re.search(r"Non-2xx or 3xx responses: (\d+)", output):
        raise BenchError(f"{refused[1]} of {done[1]} answers were neither 2xx nor 3xx")
    if broken := re.search(r"Socket errors: .*", output):
        raise BenchError(f"{broken[0][0].lower()}{broken[0][1:]}")
    return Report(int(done[1]), _seconds(done[2], done[3]), _percentile(output, 50), _percentile(output, 99))


def _percentile(output: str, percent: int) -> float | None:
    found = re.search(rf"^ *{percent}% +([\d.]+)(us|ms|s|m|h)$", output, re.MULTILINE)
    return _seconds(found[1], found[2]) if found else None


def _seconds(number: str, unit: str) -> float:
    return float(number) * _UNITS[unit]


def parse_own(output: str) -> Report:
    """Read what `sketch.bench.socketload` and `sketch.bench.tlsload` print.

    Raises:
        BenchError: for any other output.
    """
    try:
        report = json.loads(output.splitlines()[-1])
        return Report(report["done"], report["seconds"], report.get("p50"), report.get("p99"))
    except (ValueError, LookupError, TypeError):
        raise BenchError(f"expected a report, got {json.dumps(output[:200])}") from None


def parse_h2load(output: str) -> Report:
    """Read what h2load prints.

    Raises:
        BenchError: for any other output, and if requests have failed.
    """
    done = re.search(r"^finished in ([\d.]+)(us|ms|s|m|h), ", output, re.MULTILINE)
    counts = re.search(r"^requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored", output, re.MULTILINE)
    if done is None or counts is None:
        raise BenchError(f"expected a report of h2load, got {json.dumps(output[:200])}")
    if "Application protocol: h2c" not in output:
        raise BenchError("the server does not speak HTTP/2 without TLS")
    if int(counts[2]) or int(counts[3]) or not int(counts[1]):
        raise BenchError(f"{counts[1]} requests succeeded, {counts[2]} failed, {counts[3]} ended in errors")
    return Report(int(counts[1]), _seconds(done[1], done[2]))
