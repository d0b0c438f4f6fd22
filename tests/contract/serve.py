"""The process of a served transport: `python -m tests.contract.serve NAME MODULE:ATTRIBUTE PORT`.

Most go through `sketch.run_app`. The others are the servers' own command lines: both ways of using them are held.
"""

from __future__ import annotations

import argparse
import os
import ssl
import sys
from pathlib import Path
from typing import Any

from sketch import run_app

SECONDS = 3
"""How long a server may take to end; hypercorn takes all of it where a body was left unread."""
SHORT = 1
"""A short shutdown timeout, for tests in which the server uses all of it."""

DRAIN = 0.1
"""How long a stopping server waits for the last request of an idle connection."""

RUN_APP: dict[str, dict[str, Any]] = {
    "native-asyncio": {"server": "native", "loop": "asyncio"},
    "native-uvloop": {"server": "native", "loop": "uvloop"},
    "native-tls": {"server": "native", "loop": "asyncio"},
    "uvicorn-httptools": {"server": "uvicorn"},
    "hypercorn": {"server": "hypercorn"},
    "granian": {"server": "granian"},
}
COMMANDS = {
    "uvicorn-h11": "uvicorn --http h11 --ws wsproto --host 127.0.0.1 --port PORT --timeout-graceful-shutdown SECONDS",
    "uvicorn-command": "uvicorn --http httptools --host 127.0.0.1 --port PORT --timeout-graceful-shutdown SECONDS",
    "hypercorn-command": "hypercorn --bind 127.0.0.1:PORT --graceful-timeout SECONDS",
    "granian-rsgi": "granian --loop asyncio --port PORT --workers-kill-timeout SECONDSs",
    "peregrine-command": "peregrine --protocol asgi --port PORT --graceful-timeout SECONDS000 --ws-compress",
    "daphne-command": "daphne --port PORT",
    "gunicorn-command": "gunicorn --worker-class asgi --bind 127.0.0.1:PORT --graceful-timeout SECONDS",
    "granian-command": "granian --interface asgi --loop asyncio --port PORT --workers-kill-timeout SECONDSs",
}

ADVISED = {name: ["--no-proxy-headers"] for name in ("uvicorn-h11", "uvicorn-command")}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=[*RUN_APP, *COMMANDS])
    parser.add_argument("target")
    parser.add_argument("port", type=int)
    parser.add_argument("--certificate")
    parser.add_argument("--tls", help="a folder with the files of `tests.contract.test_tls`")
    parser.add_argument("--root-path")
    parser.add_argument("--uds")
    parser.add_argument("--trusted-proxies")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="how long it may take to end")
    parser.add_argument("--drain", type=float, default=DRAIN, help="how long it waits for an idle connection")
    parser.add_argument("--workers", type=int, help="worker processes; without it one process, and no parent")
    parser.add_argument("--no-access-log", action="store_true")
    parser.add_argument("--log-format", default="auto")
    parser.add_argument("--defaults", action="store_true", help="without what the documentation advises")
    arguments = parser.parse_args()
    if arguments.name in COMMANDS:
        become_command(arguments)
    options: dict[str, Any] = {"host": "127.0.0.1", "port": arguments.port, **RUN_APP[arguments.name]}
    if arguments.certificate:
        options["ssl"] = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        options["ssl"].load_cert_chain(arguments.certificate)
    if arguments.tls:
        options |= tls_options(Path(arguments.tls), arguments.name)
    if arguments.root_path:
        options["root_path"] = arguments.root_path
    if arguments.uds:
        options["uds"] = arguments.uds
    if arguments.workers:
        options["workers"] = arguments.workers
    options["log_format"] = arguments.log_format
    if arguments.no_access_log:
        options["access_log"] = False
    if arguments.trusted_proxies:
        options["trusted_proxies"] = [arguments.trusted_proxies]
    return run_app(arguments.target, shutdown_timeout=arguments.seconds, keep_alive_drain=arguments.drain, **options)


def tls_options(folder: Path, name: str) -> dict[str, Any]:
    """The options of TLS, as many as the server has."""
    options: dict[str, Any] = {"ssl_certfile": folder / "server.pem", "ssl_keyfile": folder / "server.key"}
    if name != "granian":
        options |= {"ssl_ca_certs": folder / "ca.pem", "ssl_cert_reqs": "optional", "ssl_ciphers": "ECDHE+CHACHA20"}
        options |= {"ssl_keyfile": folder / "encrypted-server.key", "ssl_keyfile_password": "hunter2"}
    return options


def become_command(arguments: argparse.Namespace) -> None:
    """Replace this process by the server's own command line."""
    filled = COMMANDS[arguments.name].replace("PORT", str(arguments.port)).replace("SECONDS", str(arguments.seconds))
    command = filled.split()
    if not arguments.defaults:
        command += ADVISED.get(arguments.name, [])
    if arguments.root_path:
        prefix = "--url-path-prefix" if arguments.name == "granian-command" else "--root-path"
        command += [prefix, arguments.root_path]
    os.execv(sys.executable, [sys.executable, "-m", *command, arguments.target])


if __name__ == "__main__":
    sys.exit(main())
