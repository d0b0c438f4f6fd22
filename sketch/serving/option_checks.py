"""The checks of the options for serving: what no backend could honour."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from sketch.checks import check_flags
from sketch.serving.errors import OptionError
from sketch.serving.option import wrong_numbers

ServeOptions: TypeAlias = Any
"""The options that are checked. Their module imports this one."""

LOOPS = ("auto", "asyncio", "uvloop")
MOST_WORKERS = 1024
"""More workers than any machine has use for: a larger number is another one, a port say."""
CERT_REQS = ("optional", "required")
TLS_VERSIONS = ("1.2", "1.3")
LOG_FORMATS = ("auto", "text", "json")
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

# RFC 3986 section 3.3, without empty segments; one slash may follow.
_ROOT_PATH = re.compile(r"(?:/(?:[\w!$&'()*+,;=:@.~-]|%[0-9A-Fa-f]{2})+)*/?", re.ASCII)
_PORT = re.compile(r"\d{1,5}", re.ASCII)
_PLACE = re.compile(r"unix:.+|fd:\d{1,9}|(?:\[[0-9A-Za-z:.%]+\]|[^\[\]/:]*):(?P<port>\d{1,5})", re.ASCII | re.DOTALL)

_CHOICES = {
    "loop": ("a loop", LOOPS),
    "log_level": ("a log level", LOG_LEVELS),
    "log_format": ("a log format", LOG_FORMATS),
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


def check(options: ServeOptions) -> None:
    """Check the values of options, each alone and together.

    Raises:
        OptionError: for a value that no backend could honour.
    """
    if not isinstance(options.host, str):
        raise OptionError(f"expected a host as a str, got {options.host!r:.200}", "host")
    _check_numbers(options)
    _check_switches(options)
    _check_metrics(options)
    if not isinstance(options.root_path, str) or not _ROOT_PATH.fullmatch(options.root_path):
        raise OptionError(f"expected a root path like '/api', percent-encoded, got {options.root_path!r}", "root_path")
    _check_choices(options)
    _check_access_log_format(options)
    _check_addresses(options)
    _check_security(options)
    _check_limits(options)
    if options.reload and options.workers is not None:
        raise OptionError("expected either reload or workers, got both: reload has one worker", "reload", "workers")


def _check_numbers(options: ServeOptions) -> None:
    for name, error in wrong_numbers(options):
        raise OptionError(str(error), name)
    if options.max_requests_jitter and options.max_requests is None:
        raise OptionError("expected max_requests together with max_requests_jitter", "max_requests_jitter")


def _check_choices(options: ServeOptions) -> None:
    for name, (what, choices) in _CHOICES.items():
        given = getattr(options, name)
        if given not in choices:
            raise OptionError(f"expected {what} of {', '.join(choices)}, got {given!r:.200}", name)


def _check_switches(options: ServeOptions) -> None:
    for name in ("access_log", "debug", "dev_cert", "proxy_protocol", "reload"):
        value = getattr(options, name)
        if name == "debug" and value is None:
            continue
        try:
            check_flags(**{name: value})
        except TypeError as exc:
            raise OptionError(str(exc), name) from None


def _check_access_log_format(options: ServeOptions) -> None:
    if options.access_log_format is None:
        return
    from sketch.observability.access_format import AccessFormat  # few programs choose one

    if not isinstance(options.access_log_format, str):
        raise OptionError(
            f"expected access_log_format as text, got {options.access_log_format!r:.200}", "access_log_format"
        )
    try:
        AccessFormat(options.access_log_format)
    except ValueError as exc:
        raise OptionError(str(exc), "access_log_format") from None


def _check_addresses(options: ServeOptions) -> None:
    for place in options.bind:
        found = _PLACE.fullmatch(place)
        if found is None or int(found["port"] or 0) > 65535:
            raise OptionError(
                "expected addresses like '127.0.0.1:8080', '[::1]:8080', 'unix:/run/app.sock' or 'fd:3', "
                f"got {place!r:.200}",
                "bind",
            )
    places = [name for name in ("bind", "sock", "uds", "host", "port") if _is_place(options, name)]
    if len(places) > 1 and places != ["host", "port"]:
        raise OptionError(f"expected only one of {', '.join(places)}: each says where to listen", *places)


def _check_metrics(options: ServeOptions) -> None:
    given = options.metrics_bind
    if given is None:
        return
    found = _PLACE.fullmatch(options.metrics_bind) if isinstance(options.metrics_bind, str) else None
    if found is None or int(found["port"] or 0) > 65535:
        fault = "expected metrics_bind like '9100', '10.0.0.1:9100', '[::1]:9100' or 'unix:/run/metrics.sock'"
        raise OptionError(f"{fault}, got {given!r:.200}", "metrics_bind")
    public = _public_places(options)
    if found["port"] != "0" and {options.metrics_bind, found["port"]} & public:
        fault = f"expected another address for metrics_bind than the public one, and another port, got {given!r:.200}"
        raise OptionError(fault, "metrics_bind")


def _public_places(options: ServeOptions) -> set[str]:
    """The addresses and the ports on which it listens for every client, as text."""
    if options.uds is not None or options.sock is not None:
        return {f"unix:{options.uds}"}
    places = options.bind or (f"{options.host}:{options.port}",)
    return {*places, *(place.rpartition(":")[2] for place in places if not place.startswith(("unix:", "fd:")))}


def _is_place(options: ServeOptions, name: str) -> bool:
    """Whether an option says where to listen. Port 0 says nothing: it is what `serve` takes by itoptions."""
    return name in options.given() and not (name == "port" and options.port == 0)


def _check_security(options: ServeOptions) -> None:
    _check_tls(options)
    if options.proxy_hops != 1 and not options.trusted_proxies:
        raise OptionError("expected trusted_proxies together with proxy_hops", "proxy_hops")
    try:
        options.proxy_headers()
    except ValueError as exc:
        raise OptionError(str(exc), "trusted_proxies") from None


def _check_tls(options: ServeOptions) -> None:
    given = options.given()
    for name in _WITH_CERTIFICATE:
        if name in given and not given & _WITH_CERTIFICATE[name]:
            needed = " or ".join(sorted(_WITH_CERTIFICATE[name], reverse=True))
            raise OptionError(f"expected {needed} together with {name}", name)
    for names in _EITHER:
        if given >= {*names}:
            raise OptionError(f"expected either {' or '.join(names)}, got both", *names)
    for name in ("ssl_keyfile_password", "ssl_ciphers"):
        text = getattr(options, name)
        if text is not None and (not isinstance(text, str) or not text):  # not shown: it may be a secret
            raise OptionError(f"expected {name} as a text that is not empty, got {type(text).__name__}", name)
    if options.proxy_protocol and options.scheme == "https":
        raise OptionError(
            "proxy_protocol together with TLS is not supported: let the load balancer end TLS",
            *("proxy_protocol", "ssl", "ssl_certfile", "dev_cert"),
        )


def _check_limits(options: ServeOptions) -> None:
    if options.limits is not None:
        from sketch.limits import Limits

        _check_kind("limits", options.limits, Limits)
    if options.server_limits is not None:
        from sketch.serving.server_limits import ServerLimits

        _check_kind("server_limits", options.server_limits, ServerLimits)


def _check_kind(name: str, given: object, kind: type) -> None:
    if not isinstance(given, kind):
        raise OptionError(f"expected {name} as {kind.__name__}(...), got {given!r:.200}", name)
