"""Checks of what can be run at all: the configuration, the application, the packages and TLS files it needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from time import time

from sketch.cli.doctor.application import has_websockets
from sketch.cli.doctor.case import Case
from sketch.cli.doctor.certificates import Certificate, read_certificate
from sketch.cli.doctor.finding import Fault
from sketch.cli.doctor.packages import extra_packages, extras, install, installed_version, required_packages
from sketch.serving.options import ServeError
from sketch.serving.registry import BUILT_IN
from sketch.serving.tls.context import server_context
from sketch.serving.tls.dev_cert import check_local

SOON = 14 * 24 * 3600.0
"""Seconds until the end of a certificate that is renewed by itself: certbot does it 30 days before."""


def refused(case: Case) -> Iterator[Fault]:
    """Tell why the configuration cannot be used."""
    yield from case.faults


def unknown_options(case: Case) -> Iterator[Fault]:
    """Tell which names in the configuration mean nothing."""
    for line in case.unknown:
        yield Fault(line, "correct the name, or remove it: it has no effect")


def application(case: Case) -> Iterator[Fault]:
    """Tell why the application cannot be served."""
    yield from case.app_faults


def server_missing(case: Case) -> Iterator[Fault]:
    """Find a server whose package is not installed."""
    name = case.options.server
    if name in BUILT_IN and name != "native" and installed_version(name) is None:
        yield Fault(f"server {name!r} is not installed", install(name), ("server",))


def loop_missing(case: Case) -> Iterator[Fault]:
    """Find a loop that was asked for and is not installed."""
    if case.options.loop == "uvloop" and installed_version("uvloop") is None:
        yield Fault("the loop 'uvloop' is not installed", install("fast"), ("loop",))


def extra_missing(case: Case) -> Iterator[Fault]:
    """Find options whose packages are not installed."""
    for name, (extra, package) in _EXTRAS.items():
        if getattr(case.options, name) and installed_version(package) is None:
            yield Fault(f"{name} needs the package {package}", install(extra), (name,))


_EXTRAS = {"dev_cert": ("certificates", "trustme"), "metrics_bind": ("metrics", "prometheus-client")}
"""Options that need an extra, and the package in it without which nothing starts."""


def slow_loop(case: Case) -> Iterator[Fault]:
    """Find the slower event loop where the faster one is only not installed."""
    if case.options.loop == "auto" and installed_version("uvloop") is None and sys.platform != "win32":
        yield Fault("uvloop is not installed, so the loop is asyncio's: a request costs more", install("fast"))


def websockets_missing(case: Case) -> Iterator[Fault]:
    """Find uvicorn without a package for websockets, where the application has some."""
    able = installed_version("websockets") or installed_version("wsproto")
    if case.options.server == "uvicorn" and not able and has_websockets(case.app):
        text = "the application has websockets, for which uvicorn needs another package: each handshake is refused"
        yield Fault(text, install("websockets"), ("server",))


def old_packages(_: Case) -> Iterator[Fault]:
    """Find packages below the versions that sketch is made for."""
    for each in required_packages():
        if each.is_too_old:
            yield Fault(_old(each.name, each.version, each.minimum), f"pip install --upgrade {each.name}")
    for extra in extras():
        for each in extra_packages(extra):
            if each.is_too_old:
                advice = install(extra).replace("install", "install --upgrade", 1)
                yield Fault(_old(each.name, each.version, each.minimum), advice)


def _old(name: str, found: str | None, minimum: str) -> str:
    return f"{name} {found} is too old: sketch is made for {minimum} and later"


def certificate_unusable(case: Case) -> Iterator[Fault]:
    """Find TLS files that no server could use, and a certificate for development where it is refused."""
    try:
        if case.options.dev_cert:
            check_local(case.options)
        server_context(case.options)
    except ServeError as exc:
        yield Fault(str(exc), "correct it: `sketch run` stops with the same line", exc.names)


def certificate_expired(case: Case) -> Iterator[Fault]:
    """Find a certificate whose time is over."""
    found = _usable_certificate(case)
    if found is not None and found.is_expired:
        text = f"the certificate {case.options.ssl_certfile} has expired: clients refuse it"
        yield Fault(text, "renew it", ("ssl_certfile",))


def certificate_ends_soon(case: Case) -> Iterator[Fault]:
    """Find a certificate that should have been renewed by now."""
    found = _usable_certificate(case)
    if found is not None and found.expires_at is not None and found.expires_at - time() < SOON:
        days = max(0, int((found.expires_at - time()) // 86400))
        text = f"the certificate {case.options.ssl_certfile} expires in {days} days"
        yield Fault(text, "renew it, and look why nothing has done so by itself", ("ssl_certfile",))


def _usable_certificate(case: Case) -> Certificate | None:
    """Return what a client learns of the certificate; None without one, and if `certificate_unusable` tells of it."""
    if case.options.ssl_certfile is None:
        return None
    try:
        return read_certificate(case.options)
    except ServeError:
        return None
