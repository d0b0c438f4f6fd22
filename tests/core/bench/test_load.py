"""Load generators: their command lines and scripts, and parsing of their reports."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sketch.bench import BenchError, Load, probe
from sketch.bench.load import lua, parse_h2load, parse_wrk, require, run_load
from tests.core.bench.programs import LISTEN, started
from tests.core.bench.support import needs_wrk

WRK = """Running 2s test @ http://127.0.0.1:8200/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   706.64us  329.39us  12.50ms   98.61%
    Req/Sec    92.41k     3.86k   97.70k    75.00%
  Latency Distribution
     50%  689.00us
     75%  722.00us
     90%    0.79ms
     99%    1.25s
  183850 requests in 2.01s, 24.02MB read
Requests/sec:  91614.24
Transfer/sec:     11.97MB
"""

H2LOAD = """starting benchmark...
Main benchmark duration is started for thread #0.
Application protocol: h2c

finished in 500.00ms, 29754.00 req/s, 1.20MB/s
requests: 14877 total, 14941 started, 14877 done, 14877 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 14877 2xx, 0 3xx, 0 4xx, 0 5xx
"""


def test_report_of_wrk_is_parsed() -> None:
    report = parse_wrk(WRK)
    assert (report.requests, report.seconds) == (183850, 2.01)
    assert report.p50 == pytest.approx(689e-6)
    assert report.p99 == pytest.approx(1.25)


def test_milliseconds_are_parsed() -> None:
    report = parse_wrk(WRK.replace("in 2.01s", "in 300.52ms"))
    assert report.seconds == pytest.approx(0.30052)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("  Non-2xx or 3xx responses: 17\n", r"^17 of 183850 answers were neither 2xx nor 3xx"),
        ("  Socket errors: connect 0, read 7, write 0, timeout 1\n", r"^socket errors: connect 0, read 7"),
    ],
)
def test_failing_requests_are_an_error(line: str, reason: str) -> None:
    with pytest.raises(BenchError, match=reason):
        parse_wrk(WRK.replace("Requests/sec", f"{line}Requests/sec"))


def test_report_of_h2load_is_parsed() -> None:
    report = parse_h2load(H2LOAD)
    assert (report.requests, report.seconds, report.p50, report.p99) == (14877, 0.5, None, None)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("0 errored", "3 errored", "3 ended in errors"),
        ("14877 succeeded", "0 succeeded", "0 requests succeeded"),
        ("protocol: h2c", "protocol: http/1.1", "does not speak HTTP/2"),
        ("requests:", "nothing:", "expected a report of h2load"),
    ],
)
def test_failed_h2load_is_an_error(old: str, new: str, reason: str) -> None:
    with pytest.raises(BenchError, match=reason):
        parse_h2load(H2LOAD.replace(old, new))


def test_unknown_output_is_quoted_in_the_error() -> None:
    with pytest.raises(BenchError, match='expected a report of wrk, got "wat"'):
        parse_wrk("wat")


def test_script_holds_any_bytes() -> None:
    script = lua(Load("/", "POST", (("X-A", 'q"\\'),), b"\x00"), Path("/a/'\n]]"))
    assert script.splitlines() == [
        r'wrk.method = "\080\079\083\084"',
        r'wrk.headers["\088\045\065"] = "\113\034\092"',
        r"""wrk.body = io.open("\047\097\047\039\010\093\093", 'rb'):read('*a')""",
    ]


def test_fields_may_change_from_request_to_request() -> None:
    script = lua(Load(rotated=((("A", "1"),), (("A", "2"), ("B", "3")))), Path("/a"))
    assert r'local sets, number = {{["\065"] = "\049"}, {["\065"] = "\050", ["\066"] = "\051"}}, 0' in script
    assert "function request()" in script
    assert "function delay()" not in script


def test_pause_is_random_around_its_mean() -> None:
    assert "return math.random(5, 15)" in lua(Load(pause=10), Path("/a"))


@needs_wrk
def test_wrk_sends_the_fields_in_turn() -> None:
    rotated = tuple((("X-Number", str(n)),) for n in range(3))
    with started(LISTEN + SEEN) as program:
        load = Load(headers=(("X-Both", "here"),), rotated=rotated, connections=1, pause=1)
        report = run_load(load, program.port, 0.5)
        seen = probe(Load("/seen"), program.port).body.decode().split()
    assert report.requests > 6
    first = int(seen[0][0])  # wrk asks its script for one request before the first that it sends
    assert seen[:6] == [f"{(first + n) % 3}here" for n in range(6)]


SEEN = """
import re
seen = []
while True:
    sock, _ = server.accept()
    data = sock.recv(65536)
    while data:
        number = re.search(rb"X-Number: (\\d)", data)
        if number:
            seen.append(number[1] + re.search(rb"X-Both: (\\w+)", data)[1])
        body = b" ".join(seen) if b"/seen" in data else b""
        sock.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
        data = sock.recv(65536)
    sock.close()
"""


def test_missing_tools_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BenchError, match=r"^wrk is not installed \(Debian: apt-get install wrk\)$"):
        run_load(Load(), 1, 0.1)
    with pytest.raises(BenchError, match="apt-get install nghttp2-client"):
        require(Load(http2=True).tool)


@pytest.mark.skipif(shutil.which("h2load") is None, reason="no h2load here (Debian: nghttp2-client)")
def test_h2load_repeats_only_plain_requests() -> None:
    with pytest.raises(BenchError, match="expected a plain GET"):
        run_load(Load(body=b"x", http2=True), 1, 0.1)
