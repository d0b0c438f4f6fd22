"""Every option on a real process: its effect as a client, the log or the exit code show it, on each server that has it.

A process shows several options at once, where they do not disturb each other: starting one is what costs time. An
option that is added has to be shown here, on each server that honours it.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import ssl
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import fields
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import pytest

from sketch.serving.options import ServeOptions
from sketch.serving.registry import load_server
from sketch.serving.server_limits import ServerLimits
from tests.asgi.launchers.running import BOUND, ROOT, Running, started
from tests.core.serving.tls.files import write_files
from tests.support.programs import free_port
from tests.support.workers import parent_of_workers

SERVERS = ("native", "uvicorn", "hypercorn", "granian")
APPS = "tests.asgi.launchers.options_app"
Test = TypeVar("Test", bound=Callable[..., None])

_shown: dict[str, set[str]] = {server: set() for server in SERVERS}
"""The options that the tests of this file show, by server."""

ELSEWHERE = {
    "host": "tests.asgi.launchers.test_launchers:test_unknown_host",
    "port": "tests.asgi.launchers.test_launchers:test_port_in_use",
    "bind": "tests.asgi.launchers.test_addresses:test_several_addresses",
    "workers": "tests.contract.test_workers:test_what_befalls_workers",
    **dict.fromkeys(
        ("ssl_keyfile_password", "ssl_ciphers", "ssl_cert_reqs"),
        "tests.contract.test_tls:test_ciphers_passwords_and_optional_certificates",
    ),
    "dev_cert": "tests.core.serving.tls.test_dev_cert:test_the_options_get_its_files",  # the server gets the files
    "max_requests": "tests.contract.test_workers:test_requests_are_counted",
    "reload": "tests.asgi.launchers.test_reload:test_a_change_with_an_open_stream_and_a_websocket",
    # The parent has these, whatever its workers run.
    "reload_dir": "tests.core.serving.reload.test_reloading:test_by_polling_with_a_worker_that_hangs",
    "reload_include": "tests.core.serving.reload.test_reloading:test_by_polling_with_a_worker_that_hangs",
    "worker_timeout": "tests.core.serving.processes.test_supervisor:test_a_blocked_worker_is_named_and_replaced",
    "start_timeout": "tests.core.serving.processes.test_supervisor:test_a_start_that_fails",
}
"""Options that a test of another file shows on all servers: starting a process for them once more is not worth it."""


def shows(*names: str, servers: Sequence[str] = SERVERS) -> Callable[[Test], Test]:
    """Note which options a test shows, on which servers."""
    for server in servers:
        _shown[server].update(names)
    return lambda test: test


@contextmanager
def sketch_run(*flags: str, app: str = f"{APPS}:app") -> Iterator[Running]:
    """The command `sketch run`, serving."""
    code = "import sys; from sketch.cli import main; sys.exit(main())"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/adapters"}
    with started([sys.executable, "-c", code, "run", app, *flags], env=environment) as running:
        yield running


def ask(sock: socket.socket, path: str, *fields: str) -> tuple[int, str]:
    """Status and body of a GET on an open connection."""
    head = "".join(f"{field}\r\n" for field in ("Host: test", *fields))
    sock.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
    return answer(sock)


def answer(sock: socket.socket) -> tuple[int, str]:
    """Status and body of the next answer; the body is `close` where the head says so, and it is empty."""
    with sock.makefile("rb") as lines:
        head = b"".join(takewhile(b"\r\n".__ne__, lines))
        assert head, "expected an answer, got the end of the connection"
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = lines.read(int(length[1])).decode() if length else ""
        closes = re.search(rb"(?i)connection: close", head)
        return int(head.split()[1]), f"{body} (close)" if closes else body


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with certificates and keys."""
    path = tmp_path_factory.mktemp("certificates")
    write_files(path)
    return path


@pytest.fixture(scope="module")
def certificate(folder: Path) -> tuple[str, str]:
    """The files of a certificate and its key."""
    return str(folder / "one.pem"), str(folder / "one.key")


def encrypted(sock: socket.socket, own: Path | None = None, most: ssl.TLSVersion | None = None) -> ssl.SSLSocket:
    """The client's end of TLS on a connection.

    Args:
        sock: the connection.
        own: the client's certificate.
        most: the newest version that the client speaks.
    """
    sock.settimeout(BOUND)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if own is not None:
        context.load_cert_chain(own)
    if most is not None:
        context.maximum_version = most
    return context.wrap_socket(sock)


# -- on every server --------------------------------------------------------------------------------------------------

LOG_CONFIG = """
[handlers.file]
class = "sketch.LogFile"
filename = "{folder}/access.log"
[loggers."sketch.access"]
level = "INFO"
handlers = ["file"]
propagate = false
"""
FLAGS_OF_LOGS = ("--access-log-format", "{status} {route} {worker}")
FLAGS = (
    "--uds-mode 600 --backlog 3 --loop asyncio --root-path /api --debug --trusted-proxies unix "
    "--trusted-proxies 192.0.2.0/24 --proxy-hops 2 "
    "--log-level error --drain-delay 1.1 --shutdown-timeout 0.3"
)


@shows("server", "uds", "uds_mode", "backlog", "loop", "root_path", "debug", "trusted_proxies", "proxy_hops")
@shows("ssl_certfile", "ssl_keyfile", "ssl_ca_certs", "ssl_minimum_version", "log_level", "log_config")
@shows("shutdown_timeout", "metrics_bind", "access_log_format", "drain_delay")
@shows("ssl_keyfile_password_file", servers=["native", "uvicorn", "hypercorn"])
@pytest.mark.parametrize("server", SERVERS)
def test_flags_of_one_process(server: str, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "s"
    (tmp_path / "logs.toml").write_text(LOG_CONFIG.format(folder=tmp_path))
    files = [f"--ssl-certfile={folder}/one.pem", f"--ssl-ca-certs={folder}/ca.pem", "--ssl-minimum-version=1.3"]
    if server == "granian":
        files += [f"--ssl-keyfile={folder}/one.key"]
    else:
        files += [f"--ssl-keyfile={folder}/pkcs8.key", f"--ssl-keyfile-password-file={folder}/password"]
    files.append(f"--log-config={tmp_path}/logs.toml")
    with ExitStack() as opened:

        def connect(own: Path | None = folder / "two-both.pem", most: ssl.TLSVersion | None = None) -> ssl.SSLSocket:
            sock = opened.enter_context(socket.socket(socket.AF_UNIX))
            sock.connect(str(path))
            return opened.enter_context(encrypted(sock, own, most))

        port = free_port()
        flags = ("--uds", path, "--metrics-bind", port, *files, *FLAGS.split(), *FLAGS_OF_LOGS)
        running = opened.enter_context(sketch_run("--server", server, *map(str, flags)))
        assert running.first == f"Started server on unix:{path} ({server})"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

        chain = "X-Forwarded-For: 192.0.2.1, 192.0.2.2, 192.0.2.3"
        status, text = ask(connect(), "/about", chain)
        assert (status, json.loads(text)) == (
            200,
            {"root_path": "/api", "client": "192.0.2.2", "scheme": "https", "uvloop": False, "generation": 1},
        )
        assert "the details" in ask(connect(), "/fails")[1]
        with pytest.raises(OSError):
            connect(most=ssl.TLSVersion.TLSv1_2)
        with pytest.raises((AssertionError, OSError)):  # the client learns of it when it reads
            ask(connect(None), "/about")

        metrics = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=BOUND))
        assert 'http_requests_total{method="GET",route="/fails",status="5xx"} 1.0' in ask(metrics, "/metrics")[1]

        (tmp_path / "access.log").rename(tmp_path / "access.log.1")
        running.process.send_signal(signal.SIGUSR1)
        endless = connect()
        endless.sendall(b"GET /endless HTTP/1.1\r\nHost: test\r\n\r\n")
        wait_for_line(running, "endless request")
        assert waiting(running, str(path)) == 3 + 1, "the kernel lets one more wait"

        began = monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert answer(endless)[0] == 503
        assert 1.1 + 0.3 <= monotonic() - began < BOUND / 2
        code, output = ended(running)
    assert code == 0, output
    assert "ERROR sketch" in output
    assert "INFO" not in output
    assert shown(tmp_path / "access.log.1") == ["200 /about 0", "500 /fails 0"]
    assert shown(tmp_path / "access.log") == ["503 /endless 0"], "after the order to reload it is another file"


def shown(log: Path) -> list[str]:
    return [line.partition(" INFO sketch.access: ")[2] for line in log.read_text().splitlines()]


def wait_for_line(running: Running, text: str) -> None:
    assert running.process.stderr is not None
    for line in running.process.stderr:
        running.lines.append(line)
        if text in line:
            return
    raise AssertionError("".join(running.lines))


def ended(running: Running) -> tuple[int, str]:
    """Exit code and log of a server that was told to stop."""
    _, rest = running.process.communicate(timeout=BOUND)
    return running.process.returncode, "".join(running.lines) + rest


def waiting(running: Running, path: str) -> int:
    """How many connections wait at a unix socket while its server stands still."""
    with ExitStack() as opened:
        running.process.send_signal(signal.SIGSTOP)
        opened.callback(running.process.send_signal, signal.SIGCONT)
        os.waitpid(running.process.pid, os.WUNTRACED)
        for count in range(100):
            sock = opened.enter_context(socket.socket(socket.AF_UNIX))
            sock.setblocking(False)
            try:
                sock.connect(path)
            except BlockingIOError:
                return count
    raise AssertionError("no backlog")


PROGRAM = """
import socket, ssl, sys
from sketch import Limits, run_app
server, app, certificate, key, number = sys.argv[1:]
options = {}
if server != "granian":
    options["ssl"] = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    options["ssl"].load_cert_chain(certificate, key)
if server == "native":
    options["limits"] = Limits(body=10)
sock = socket.socket(fileno=int(number))
run_app(app, server=server, sock=sock, keep_alive_drain=2.0, access_log=False, log_format="json", **options)
"""


@shows("sock", "keep_alive_drain", "access_log", "log_format")
@shows("ssl", servers=["native", "uvicorn", "hypercorn"])
@shows("limits", servers=["native"])
@pytest.mark.parametrize("server", SERVERS)
def test_options_of_a_program(server: str, certificate: tuple[str, str]) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/adapters"}
    app = f"{APPS}:{'foreign' if server == 'native' else 'app'}"
    with ExitStack() as opened:
        bound = opened.enter_context(socket.socket())
        bound.bind(("127.0.0.1", 0))
        arguments = [sys.executable, "-c", PROGRAM, server, app, *certificate, str(bound.fileno())]
        running = opened.enter_context(started(arguments, env=environment, pass_fds=[bound.fileno()]))
        bound.close()
        sock: socket.socket = socket.create_connection(("127.0.0.1", running.port), timeout=BOUND)
        if server != "granian":
            sock = encrypted(sock)
        opened.enter_context(sock)
        if server == "native":
            assert ask(sock, "/") == (200, "https")
            sock.sendall(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 11\r\n\r\nhello world")
            assert answer(sock)[0] == 413
            sock = opened.enter_context(encrypted(socket.create_connection(("127.0.0.1", running.port))))
        assert ask(sock, "/about")[0] == 200

        began = monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert sock.recv(1) == b""
        assert 2.0 <= monotonic() - began < BOUND / 2, "so long a silent connection stays open"
        sock.close()
        code, output = ended(running)
    assert code == 0, output
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["logger"] for line in lines if line["message"].startswith("stopping: ")] == ["sketch.server"]
    assert "GET /" not in output


# -- on the native server ---------------------------------------------------------------------------------------------

HEADER = b"PROXY TCP4 192.0.2.7 192.0.2.8 1000 80\r\n"
LIMITS: dict[str, Any] = {
    "target": 300, "head": 1000, "headers": 10, "chunk_overhead": 100, "pipeline": 1, "body_buffer": 1000, "drain": 10,
    "connections": 30, "concurrency": 2, "overload": "wait", "header_timeout": 4, "keep_alive_timeout": 6,
    "linger_timeout": 8,
}  # fmt: skip


class Limited:
    """The native server with all of its limits, behind a load balancer that speaks the PROXY protocol."""

    def __init__(self, running: Running, opened: ExitStack) -> None:
        self.running = running
        self._opened = opened

    def connect(self, header: bytes = HEADER) -> socket.socket:
        sock = self._opened.enter_context(socket.create_connection(("127.0.0.1", self.running.port), timeout=BOUND))
        sock.sendall(header)
        return sock

    def refused(self, request: bytes) -> int:
        """The status of the answer to a request after which the connection is closed."""
        with self.connect() as sock:
            sock.sendall(request)
            status, text = answer(sock)
            assert text.endswith("(close)")
            return status

    def unread(self, sock: socket.socket) -> int:
        """The bytes that the server has left in its end of a connection, once it has had a turn to read them."""
        for _ in range(2):
            assert self.refused(b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 300)) == 414
        ends = [in_proc(sock.getpeername()), in_proc(sock.getsockname())]  # the server's end first
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        (queued,) = [line[4] for line in lines if line[1:3] == ends]
        return int(queued.partition(":")[2], 16)


def in_proc(name: tuple[str, int]) -> str:
    """Spell an address as /proc/net/tcp does."""
    return f"{int.from_bytes(socket.inet_aton(name[0]), sys.byteorder):08X}:{name[1]:04X}"


@shows("proxy_protocol", "server_limits", servers=["native"])
def test_limits_of_the_native_server() -> None:
    assert LIMITS.keys() == {each.name for each in fields(ServerLimits)}, "an option that is added has to be shown here"
    flags = [f"--limit-{name.replace('_', '-')}={value}" for name, value in LIMITS.items()]
    with ExitStack() as opened:
        server = Limited(
            opened.enter_context(sketch_run("--port", "0", "--proxy-protocol", "--shutdown-timeout", "0.1", *flags)),
            opened,
        )
        check_proxy_protocol(server)
        with ThreadPoolExecutor(1) as pool:  # it waits while the others work
            times = pool.submit(check_times, *left_alone(server))
            check_sizes(server)
            check_concurrency(server)
            check_buffers(server)
            times.result()
        check_connections(server)
        code, output = server.running.end()
    assert code == 0, output


def check_proxy_protocol(server: Limited) -> None:
    with server.connect() as sock:
        assert json.loads(ask(sock, "/about")[1])["client"] == "192.0.2.7"
    with server.connect(b"GET /about HTTP/1.1\r\nHost: x\r\n\r\n") as sock, suppress(ConnectionResetError):
        assert sock.recv(1) == b""


def check_sizes(server: Limited) -> None:
    head = b"GET /about HTTP/1.1\r\nHost: x\r\n%s\r\n"
    assert server.refused(b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 300)) == 414
    assert server.refused(head % (b"A: %s\r\n" % (b"a" * 1000))) == 431
    assert server.refused(head % (b"A: a\r\n" * 10)) == 431
    trailers = b"POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: %s\r\n\r\n"
    assert server.refused(trailers % (b"a" * 100)) == 431
    with server.connect() as sock:
        for length, expected in ((10, "unread"), (11, "unread (close)")):
            post = b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length
            sock.sendall(post + b"a" * (length - 1))
            assert answer(sock) == (200, expected)
            sock.sendall(b"a")


def check_concurrency(server: Limited) -> None:
    """Two requests run, the third one waits for the end of one of them."""
    socks = [server.connect() for _ in range(3)]
    for number, sock in enumerate(socks):
        sock.sendall(b"POST /count?%d HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n" % number)
        if number < 2:
            wait_for_line(server.running, f"begun {number}")
    answers = []
    for sock in socks:
        sock.sendall(b"a")
        answers.append(answer(sock))
        sock.close()
    assert answers == [(200, "1"), (200, "2"), (200, "2")]


def left_alone(server: Limited) -> list[socket.socket]:
    """Half a head, a silent connection, and one that the server has ended while its client has not."""
    half, idle, left = socks = [server.connect() for _ in range(3)]
    half.sendall(b"GET /")
    assert ask(idle, "/about")[0] == 200
    left.sendall(b"nonsense\r\n\r\n")
    assert answer(left)[0] == 400
    return socks


def check_times(half: socket.socket, idle: socket.socket, left: socket.socket) -> None:
    """They are closed in the order of their limits. If one of these had its default, the order would be another one."""
    over: list[socket.socket] = []
    deadline = monotonic() + BOUND
    while len(over) < 3:
        assert monotonic() < deadline, over
        over += select.select([sock for sock in (half, idle) if sock not in over], [], [], 0.05)[0]
        if left not in over and is_closed(left):
            over.append(left)
    assert over == [half, idle, left]
    assert answer(half)[0] == 408
    assert idle.recv(1) == b""


def is_closed(sock: socket.socket) -> bool:
    """Send a byte that nothing waits for; whether the other end has refused an earlier one."""
    try:
        sock.send(b"x")
    except OSError:
        return True
    return False


def check_buffers(server: Limited) -> None:
    """What neither the queue of a connection nor the buffer of a body has room for stays in the socket."""
    pipelined, body = server.connect(), server.connect()
    pipelined.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_for_line(server.running, "endless request")
    body.sendall(b"POST /endless HTTP/1.1\r\nHost: x\r\nContent-Length: 50001\r\n\r\n")
    wait_for_line(server.running, "endless request")
    for sock, part in ((pipelined, b"GET /about HTTP/1.1\r\nHost: x\r\n\r\n"), (body, b"a" * 10_000)):
        unread = []
        for _ in range(5):
            sock.sendall(part)
            unread.append(server.unread(sock))
        assert unread[0] == 0
        assert unread[-1] >= len(part), unread


def check_connections(server: Limited) -> None:
    for _ in range(LIMITS["connections"]):
        server.connect(b"")
    assert answer(server.connect(b""))[0] == 503


# -- on the parent of workers -----------------------------------------------------------------------------------------


@shows("max_requests_jitter")
def test_a_worker_may_serve_more_requests_by_the_jitter(tmp_path: Path) -> None:
    """As much as a random number says: with this bound, it is hardly ever one of the first."""
    options = {"workers": 1, "worker_timeout": 1, "max_requests": 1, "max_requests_jitter": 2**31 - 1}
    with parent_of_workers(tmp_path, **options) as parent:
        heard = monotonic() + 0.6  # the worker tells every quarter of a second how many it has served
        while monotonic() < heard:
            assert parent.get()["generation"] == 1
        assert parent.stop() == 0
    assert "it is replaced" not in parent.output


# -- all of them ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_other_tests_show(name: str) -> None:
    module, _, test = ELSEWHERE[name].partition(":")
    assert callable(getattr(import_module(module), test))


@pytest.mark.parametrize("server", SERVERS)
def test_every_option_is_shown_on_each_server_that_has_it(server: str) -> None:
    every = {each.name for each in fields(ServeOptions)}
    of_others = {name for other in SERVERS for name in load_server(other).options} - load_server(server).options
    assert every - of_others - _shown[server] - ELSEWHERE.keys() == set()
