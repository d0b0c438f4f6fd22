"""The options for serving an application, the same on every backend."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from sketch.serving.errors import OptionError as OptionError, ServeError as ServeError
from sketch.serving.option import option
from sketch.serving.option_checks import (
    CERT_REQS,
    LOG_FORMATS,
    LOG_LEVELS,
    LOOPS as LOOPS,
    MOST_WORKERS,
    TLS_VERSIONS,
    check,
)

if TYPE_CHECKING:
    import socket
    import ssl as tls

    from sketch.limits import Limits
    from sketch.middleware.proxy_headers import ProxyHeaders
    from sketch.serving.server_limits import ServerLimits

TLS_OPTIONS = frozenset(
    {"ssl_keyfile_password", "ssl_keyfile_password_file", "ssl_ca_certs", "ssl_cert_reqs", "ssl_minimum_version"}
    | {"ssl_ciphers"}
)
"""The options about TLS that a server honours if it takes a ready-made context."""

ADDRESS, APPLICATION, RELOAD, TLS, PROXIES = "address", "application", "development", "TLS", "proxies"
LIMITS, PROCESSES, STOPPING, LOGGING = "limits of the native server", "processes", "stopping", "logging"
METRICS = "metrics"


_PORT = re.compile(r"\d{1,5}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """The options for serving an application: the same names on every backend, and as flags of `sketch run`.

    Raises:
        OptionError: for a value that no backend could honour.
    """

    host: str = option(
        "127.0.0.1",
        "name or address to listen on",
        more="A name: all its addresses, on one port. `''`: every address of the machine, IPv4 and IPv6. `'::'`: every "
        "IPv6 address, without IPv4. granian listens on the first of them only. The first line of output says which.",
        group=ADDRESS,
        metavar="NAME",
    )
    port: int = option(8080, "TCP port; 0 takes a free one", group=ADDRESS, metavar="N", most=65535)
    uds: str | None = option(
        None, "path of a unix socket to listen on instead of a port", group=ADDRESS, metavar="PATH"
    )
    bind: tuple[str, ...] = option(
        (),
        "address to listen on: `host:port`, `[ipv6]:port`, `unix:path`, or `fd:N` for an open descriptor; several may "
        "be given. In place of `host`, `port` and `uds`",
        more="granian takes one. Sockets that systemd passes take the place of the default address.",
        group=ADDRESS,
        metavar="ADDRESS",
    )
    sock: socket.socket | None = option(None, "bound socket to listen on instead of a port", group=ADDRESS)
    uds_mode: int = option(
        0o666,
        "permissions of unix sockets, in octal digits",
        more="They hold before the server listens.",
        group=ADDRESS,
        metavar="MODE",
        octal=True,
        most=0o777,
    )
    backlog: int = option(2048, "connections that may wait to be accepted", group=ADDRESS, metavar="N", least=1)

    server: str = option(
        "native", "`native`, `uvicorn`, `hypercorn`, `granian`, or another package's", group=APPLICATION, metavar="NAME"
    )
    loop: str = option("auto", "event loop; `auto` is uvloop where it is installed", group=APPLICATION, choices=LOOPS)
    root_path: str = option(
        "",
        "prefix under which a proxy publishes the application, percent-encoded: `/api`",
        group=APPLICATION,
        metavar="PATH",
    )
    debug: bool | None = option(
        None, "show details of unexpected errors to every client; overrides the application's own", group=APPLICATION
    )

    reload: bool = option(
        False,
        "restart when the code changes, for development; turns debug on, for local requests unless `debug` is given",
        more="While the application cannot be started, every request is answered by a page that says why. Requests "
        "that come during a restart wait for its end. Not with `workers`, and not on an address that other machines "
        "reach, unless `debug` is given, too. By the package watchfiles where it is installed, else by polling.",
        group=RELOAD,
    )
    reload_dir: tuple[str, ...] = option(
        (),
        "directory or file to watch with `reload`; several may be given. Without it the working directory, and where "
        "the application is",
        more="Hidden directories, virtual environments, `node_modules` and `site-packages` below it are left out. "
        "Modules from elsewhere are watched once they are loaded.",
        group=RELOAD,
        metavar="PATH",
    )
    reload_include: tuple[str, ...] = option(
        (),
        "pattern of files to watch beside `*.py`: `*.html`, `templates/*`; several may be given",
        group=RELOAD,
        metavar="PATTERN",
    )

    ssl: tls.SSLContext | None = option(None, "ready-made TLS context, in place of the files of one", group=TLS)
    ssl_certfile: str | None = option(None, "certificate chain in PEM: serves HTTPS", group=TLS, metavar="FILE")
    ssl_keyfile: str | None = option(None, "its private key, if it is not in the same file", group=TLS, metavar="FILE")
    ssl_keyfile_password: str | None = option(
        None,
        "password of an encrypted key",
        more="Never on the command line, where other users see it: in the environment, or by the next option.",
        group=TLS,
        secret=True,
    )
    ssl_keyfile_password_file: str | None = option(
        None, "file whose first line is the password of the key", group=TLS, metavar="FILE"
    )
    ssl_ca_certs: str | None = option(
        None,
        "CA certificates in PEM that may have signed those of clients: asks each client for one",
        group=TLS,
        metavar="FILE",
    )
    ssl_cert_reqs: str = option(
        "required",
        "whether clients may be without a certificate, where they are asked for one: `optional` or `required`",
        more="`optional` leaves it to the application, which looks at `request.tls`.",
        group=TLS,
        choices=CERT_REQS,
    )
    ssl_minimum_version: str = option(
        "1.2", "oldest version of TLS that is spoken: `1.2` or `1.3`", group=TLS, choices=TLS_VERSIONS
    )
    ssl_ciphers: str | None = option(
        None,
        "ciphers of TLS 1.2, as OpenSSL lists them: `ECDHE+AESGCM`",
        more="Those of TLS 1.3 are all safe, and stay.",
        group=TLS,
        metavar="LIST",
    )
    dev_cert: bool = option(
        False,
        "serve HTTPS with a certificate for `localhost`, `127.0.0.1` and `::1` that is made for development",
        more="Needs `pip install 'sketch-web[certificates]'`. Only on addresses of this machine.",
        group=TLS,
    )

    proxy_protocol: bool = option(
        False,
        "each connection begins with a header of the PROXY protocol (version 1 or 2), which names the client; any "
        "other connection is closed. Only where the load balancer alone can reach the server: the header is trusted",
        group=PROXIES,
    )
    trusted_proxies: tuple[str, ...] = option(
        (),
        "network or address of proxies whose `X-Forwarded-*` fields name the client: `10.0.0.0/8`, `2001:db8::7`, or "
        "`unix` for peers on a unix socket; several may be given",
        more="For every application, on every server: what `ProxyHeaders` does. A sketch application with one of its "
        "own is an error.",
        group=PROXIES,
        metavar="NETWORK",
    )
    proxy_hops: int = option(
        1, "how many of the trusted proxies a request passes through, at most", group=PROXIES, metavar="N", least=1
    )

    server_limits: ServerLimits | None = option(
        None, "`sketch_native.ServerLimits(...)`: limits on what precedes a request; natively", group=LIMITS
    )
    limits: Limits | None = option(
        None, "`Limits(...)`: what a client may ask of a foreign application; natively", group=LIMITS
    )

    workers: int | None = option(
        None,
        "worker processes, watched by a parent; 0 is one per usable CPU. Without it one process, and no parent",
        group=PROCESSES,
        metavar="N",
        most=MOST_WORKERS,
    )
    worker_timeout: float = option(
        30.0,
        "seconds without a heartbeat after which a worker is replaced; 0 is no bound",
        group=PROCESSES,
        metavar="SECONDS",
    )
    start_timeout: float = option(
        60.0, "seconds in which a worker has to be ready; 0 is no bound", group=PROCESSES, metavar="SECONDS"
    )
    max_requests: int | None = option(
        None, "requests after which a worker is replaced", group=PROCESSES, metavar="N", least=1
    )
    max_requests_jitter: int = option(
        0, "random number of requests, at most, by which `max_requests` is larger", group=PROCESSES, metavar="N"
    )

    shutdown_timeout: float = option(
        20.0, "seconds for running requests after the order to stop", group=STOPPING, metavar="SECONDS"
    )
    drain_delay: float = option(
        0.0,
        "seconds for which a server that was told to stop goes on to accept connections, until load balancers know",
        group=STOPPING,
        metavar="SECONDS",
    )
    keep_alive_drain: float = option(
        1.0,
        "seconds for which a stopping server waits for the last request of an idle connection",
        group=STOPPING,
        metavar="SECONDS",
    )

    access_log: bool = option(True, "a line per request", group=LOGGING)
    access_log_format: str | None = option(
        None,
        'the line, with fields in braces: `{client} "{method} {target}" {status} {bytes} {duration}` by default',
        more="[Logs](logs.md) lists the fields. It is the message of the logger `sketch.access`, whatever shows it; "
        "JSON has all fields by itself.",
        group=LOGGING,
        metavar="FORMAT",
    )
    log_format: str = option(
        "auto",
        "form of the log on stderr: `text`, `json`, or `auto`, which is text, in a terminal in columns and colours",
        group=LOGGING,
        choices=LOG_FORMATS,
    )
    log_config: str | None = option(
        None,
        "file for `logging.config.dictConfig`, in TOML, JSON, or YAML where PyYAML is installed; applied before the "
        "application is loaded",
        more="With workers the parent applies it, too. Loggers that it does not name stay enabled.",
        group=LOGGING,
        metavar="FILE",
    )
    log_level: str = option(
        "info",
        "lowest level that the logger `sketch` logs",
        more="What it logs is shown on stderr, unless the program handles it: by a handler of a logger or of the root "
        "logger, set up in its module, in a startup hook, or later.",
        group=LOGGING,
        choices=LOG_LEVELS,
    )

    metrics_bind: str | None = option(
        None,
        "address at which `/metrics` shows the metrics, of all workers together: a port of 127.0.0.1, or as for `bind`",
        more="Needs the extra `metrics`. It counts the requests of a sketch application as `Metrics` does, which it "
        "attaches if the application has none. With workers the parent serves it.",
        group=METRICS,
        metavar="ADDRESS",
    )

    def __post_init__(self) -> None:
        for name in ("bind", "trusted_proxies", "reload_include"):
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        object.__setattr__(self, "reload_dir", _paths("reload_dir", self.reload_dir))
        for name in ("uds", "ssl_certfile", "ssl_keyfile", "ssl_keyfile_password_file", "ssl_ca_certs", "log_config"):
            object.__setattr__(self, name, _path(name, getattr(self, name)))
        if isinstance(self.metrics_bind, str) and _PORT.fullmatch(self.metrics_bind):
            object.__setattr__(self, "metrics_bind", f"127.0.0.1:{self.metrics_bind}")
        check(self)

    def proxy_headers(self) -> ProxyHeaders | None:
        """Return what reads the fields of the trusted proxies, None if there are none."""
        if not self.trusted_proxies:
            return None
        from sketch.middleware.proxy_headers import ProxyHeaders  # few servers need it

        return ProxyHeaders(self.trusted_proxies, hops=self.proxy_hops)

    @property
    def scheme(self) -> str:
        """`"https"` if TLS was asked for, else `"http"`."""
        return "http" if self.ssl is None and self.ssl_certfile is None and not self.dev_cert else "https"

    def given(self) -> set[str]:
        """The names of the options that differ from their default."""
        return {field.name for field in fields(self) if getattr(self, field.name) != field.default}


def _path(name: str, given: object) -> str | None:
    """Return a path as text: users may give a `Path`."""
    path = os.fspath(given) if isinstance(given, os.PathLike) else given
    if path is not None and (not isinstance(path, str) or not path):
        raise OptionError(f"expected {name} as a path, got {given!r:.200}", name)
    return path


def _paths(name: str, given: object) -> tuple[str, ...]:
    """Return several paths as texts."""
    paths = given if isinstance(given, list | tuple) else _texts(name, given)
    return _texts(name, [os.fspath(path) if isinstance(path, os.PathLike) else path for path in paths])


def _texts(name: str, given: object) -> tuple[str, ...]:
    """Return several texts as a tuple: users may write a list."""
    if not isinstance(given, list | tuple) or not all(isinstance(each, str) and each for each in given):
        raise OptionError(f"expected {name} as a list or tuple of texts, got {given!r:.200}", name)
    return tuple(given)
