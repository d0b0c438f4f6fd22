"""The options for serving an application, the same on every backend."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from sketch.checks import check_flags
from sketch.serving.option import option, wrong_numbers

if TYPE_CHECKING:
    import socket
    import ssl as tls

    from sketch.limits import Limits
    from sketch.middleware.proxy_headers import ProxyHeaders
    from sketch.serving.server_limits import ServerLimits


class ServeError(Exception):
    """Raised when an application cannot be served; the message tells the user why, in one line.

    Args:
        message: what is expected, and what was given.
        names: the options that it is about, `app` for the application.
    """

    def __init__(self, message: str, *names: str) -> None:
        super().__init__(message)
        self.names = names


class OptionError(ServeError):
    """Raised for the value of an option that no backend could honour."""


LOOPS = ("auto", "asyncio", "uvloop")
MOST_WORKERS = 1024
"""More workers than any machine has use for: a larger number is another one, a port say."""
CERT_REQS = ("optional", "required")
TLS_VERSIONS = ("1.2", "1.3")
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

TLS_OPTIONS = frozenset(
    {"ssl_keyfile_password", "ssl_keyfile_password_file", "ssl_ca_certs", "ssl_cert_reqs", "ssl_minimum_version"}
    | {"ssl_ciphers"}
)
"""The options about TLS that a server honours if it takes a ready-made context."""

ADDRESS, APPLICATION, RELOAD, TLS, PROXIES = "address", "application", "development", "TLS", "proxies"
LIMITS, PROCESSES, STOPPING, LOGGING = "limits of the native server", "processes", "stopping", "logging"
METRICS = "metrics"

# RFC 3986 section 3.3, without empty segments; one slash may follow.
_ROOT_PATH = re.compile(r"(?:/(?:[\w!$&'()*+,;=:@.~-]|%[0-9A-Fa-f]{2})+)*/?", re.ASCII)
_PORT = re.compile(r"\d{1,5}", re.ASCII)
_PLACE = re.compile(r"unix:.+|fd:\d{1,9}|(?:\[[0-9A-Za-z:.%]+\]|[^\[\]/:]*):(?P<port>\d{1,5})", re.ASCII | re.DOTALL)


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
        for name in ("uds", "ssl_certfile", "ssl_keyfile", "ssl_keyfile_password_file", "ssl_ca_certs"):
            object.__setattr__(self, name, _path(name, getattr(self, name)))
        if not isinstance(self.host, str):
            raise OptionError(f"expected a host as a str, got {self.host!r:.200}", "host")
        self._check_numbers()
        self._check_switches()
        self._check_metrics()
        if not isinstance(self.root_path, str) or not _ROOT_PATH.fullmatch(self.root_path):
            raise OptionError(f"expected a root path like '/api', percent-encoded, got {self.root_path!r}", "root_path")
        self._check_choices()
        self._check_addresses()
        self._check_security()
        self._check_limits()
        if self.reload and self.workers is not None:
            raise OptionError("expected either reload or workers, got both: reload has one worker", "reload", "workers")

    def _check_numbers(self) -> None:
        for name, error in wrong_numbers(self):
            raise OptionError(str(error), name)
        if self.max_requests_jitter and self.max_requests is None:
            raise OptionError("expected max_requests together with max_requests_jitter", "max_requests_jitter")

    def _check_choices(self) -> None:
        for name, (what, choices) in _CHOICES.items():
            given = getattr(self, name)
            if given not in choices:
                raise OptionError(f"expected {what} of {', '.join(choices)}, got {given!r:.200}", name)

    def _check_switches(self) -> None:
        for name in ("access_log", "debug", "dev_cert", "proxy_protocol", "reload"):
            value = getattr(self, name)
            if name == "debug" and value is None:
                continue
            try:
                check_flags(**{name: value})
            except TypeError as exc:
                raise OptionError(str(exc), name) from None

    def _check_addresses(self) -> None:
        for place in self.bind:
            found = _PLACE.fullmatch(place)
            if found is None or int(found["port"] or 0) > 65535:
                raise OptionError(
                    "expected addresses like '127.0.0.1:8080', '[::1]:8080', 'unix:/run/app.sock' or 'fd:3', "
                    f"got {place!r:.200}",
                    "bind",
                )
        places = [name for name in ("bind", "sock", "uds", "host", "port") if self._is_place(name)]
        if len(places) > 1 and places != ["host", "port"]:
            raise OptionError(f"expected only one of {', '.join(places)}: each says where to listen", *places)

    def _check_metrics(self) -> None:
        given = self.metrics_bind
        if given is None:
            return
        if isinstance(given, str) and _PORT.fullmatch(given):
            object.__setattr__(self, "metrics_bind", f"127.0.0.1:{given}")
        found = _PLACE.fullmatch(self.metrics_bind) if isinstance(self.metrics_bind, str) else None
        if found is None or int(found["port"] or 0) > 65535:
            fault = "expected metrics_bind like '9100', '10.0.0.1:9100', '[::1]:9100' or 'unix:/run/metrics.sock'"
            raise OptionError(f"{fault}, got {given!r:.200}", "metrics_bind")
        public = self._public_places()
        if found["port"] != "0" and {self.metrics_bind, found["port"]} & public:
            fault = (
                f"expected another address for metrics_bind than the public one, and another port, got {given!r:.200}"
            )
            raise OptionError(fault, "metrics_bind")

    def _public_places(self) -> set[str]:
        """The addresses and the ports on which it listens for every client, as text."""
        if self.uds is not None or self.sock is not None:
            return {f"unix:{self.uds}"}
        places = self.bind or (f"{self.host}:{self.port}",)
        return {*places, *(place.rpartition(":")[2] for place in places if not place.startswith(("unix:", "fd:")))}

    def _is_place(self, name: str) -> bool:
        """Whether an option says where to listen. Port 0 says nothing: it is what `serve` takes by itself."""
        return name in self.given() and not (name == "port" and self.port == 0)

    def _check_security(self) -> None:
        self._check_tls()
        if self.proxy_hops != 1 and not self.trusted_proxies:
            raise OptionError("expected trusted_proxies together with proxy_hops", "proxy_hops")
        try:
            self.proxy_headers()
        except ValueError as exc:
            raise OptionError(str(exc), "trusted_proxies") from None

    def _check_tls(self) -> None:
        given = self.given()
        for name in _WITH_CERTIFICATE:
            if name in given and not given & _WITH_CERTIFICATE[name]:
                needed = " or ".join(sorted(_WITH_CERTIFICATE[name], reverse=True))
                raise OptionError(f"expected {needed} together with {name}", name)
        for names in _EITHER:
            if given >= {*names}:
                raise OptionError(f"expected either {' or '.join(names)}, got both", *names)
        for name in ("ssl_keyfile_password", "ssl_ciphers"):
            text = getattr(self, name)
            if text is not None and (not isinstance(text, str) or not text):  # not shown: it may be a secret
                raise OptionError(f"expected {name} as a text that is not empty, got {type(text).__name__}", name)
        if self.proxy_protocol and self.scheme == "https":
            raise OptionError(
                "proxy_protocol together with TLS is not supported: let the load balancer end TLS",
                *("proxy_protocol", "ssl", "ssl_certfile", "dev_cert"),
            )

    def _check_limits(self) -> None:
        if self.limits is not None:
            from sketch.limits import Limits

            _check_kind("limits", self.limits, Limits)
        if self.server_limits is not None:
            from sketch.serving.server_limits import ServerLimits

            _check_kind("server_limits", self.server_limits, ServerLimits)

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


_CHOICES = {
    "loop": ("a loop", LOOPS),
    "log_level": ("a log level", LOG_LEVELS),
    "ssl_cert_reqs": ("ssl_cert_reqs", CERT_REQS),
    "ssl_minimum_version": ("ssl_minimum_version", TLS_VERSIONS),
}
_CERTIFICATE = frozenset({"ssl_certfile"})
_ANY_CERTIFICATE = frozenset({"ssl_certfile", "dev_cert"})
_WITH_CERTIFICATE = {
    "ssl_keyfile": _CERTIFICATE,
    "ssl_keyfile_password": _CERTIFICATE,
    "ssl_keyfile_password_file": _CERTIFICATE,
    "ssl_ca_certs": _ANY_CERTIFICATE,
    "ssl_minimum_version": _ANY_CERTIFICATE,
    "ssl_ciphers": _ANY_CERTIFICATE,
    "ssl_cert_reqs": frozenset({"ssl_ca_certs"}),
}
"""Options that say something about others, without one of which they would have no effect."""

_EITHER = (
    ("ssl", "ssl_certfile"),
    ("ssl", "dev_cert"),
    ("ssl_certfile", "dev_cert"),
    ("ssl_keyfile_password", "ssl_keyfile_password_file"),
)


def _check_kind(name: str, given: object, kind: type) -> None:
    if not isinstance(given, kind):
        raise OptionError(f"expected {name} as {kind.__name__}(...), got {given!r:.200}", name)


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
