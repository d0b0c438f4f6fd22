"""Checks of what others may reach: debug pages, forged addresses and hosts, secrets, files."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from pathlib import Path

from sketch.cli.doctor.application import has_middleware, is_sketch, makers_of_absolute_urls, shows_details
from sketch.cli.doctor.case import Case
from sketch.cli.doctor.finding import Fault
from sketch.cli.doctor.secrets import has_password
from sketch.http.networks import UNIX
from sketch.serving.config import COMMAND_LINE, FILE, options
from sketch.serving.sockets import is_public


def debug_in_public(case: Case) -> Iterator[Fault]:
    """Find debug pages that others can see."""
    how = case.reachable()
    if how and shows_details(case.app):
        text = f"debug is on, and {how}: an unexpected error shows source code and variables"
        switch = "--no-debug" if is_sketch(case.app) else "the application's own switch"
        yield Fault(text, f"leave debug off here ({switch}); the log has the traceback", ("debug",))


def reload_in_public(case: Case) -> Iterator[Fault]:
    """Find a development server that others can reach."""
    how = case.reachable()
    if how and case.options.reload:
        text = f"reload is on, and {how}: it is for development, and turns debug on"
        yield Fault(text, "leave reload off here; SIGHUP to a parent of workers replaces a version", ("reload",))


def proxies_from_everywhere(case: Case) -> Iterator[Fault]:
    """Find that every client is believed to be a proxy."""
    networks = [ip_network(name, strict=False) for name in case.trusted if name != UNIX]
    four = collapse_addresses(each for each in networks if isinstance(each, IPv4Network))
    six = collapse_addresses(each for each in networks if isinstance(each, IPv6Network))
    every: tuple[IPv4Network | IPv6Network, ...] = (*four, *six)
    for network in every:
        if network.prefixlen == 0:
            text = f"{network} are trusted proxies: every client can forge its address, and the host of the server"
            yield Fault(text, "name the networks of the proxies alone: 10.0.0.0/8", ("trusted_proxies",))


def proxy_protocol_in_public(case: Case) -> Iterator[Fault]:
    """Find that every client may write the header of the PROXY protocol."""
    public = case.public_places()
    if case.options.proxy_protocol and public:
        text = f"proxy_protocol believes every peer, and other machines can reach {', '.join(public)}"
        yield Fault(text, "let a firewall admit the load balancer alone, or listen on a private address", _PROTOCOL)


_PROTOCOL = ("proxy_protocol", "host", "bind")


def writable_socket(case: Case) -> Iterator[Fault]:
    """Find a unix socket on which every local user is believed to be a proxy."""
    if not case.believes_unix or not case.options.uds_mode & stat.S_IWOTH:
        return
    for path in case.unix_paths():
        if _lets_others_in(Path(path).absolute()):
            mode = f"{case.options.uds_mode:o}"
            text = (
                f"every user of this machine may connect to {path} (mode {mode}), and peers there are trusted proxies"
            )
            advice = (
                "give the socket the proxy's group and --uds-mode 660, or put it into a folder that only both enter"
            )
            yield Fault(text, advice, ("uds_mode", "trusted_proxies"))


def _lets_others_in(path: Path) -> bool:
    """Whether every folder above a path lets every user through; one that is not there yet may."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents if folder.exists())


def no_client_address(case: Case) -> Iterator[Fault]:
    """Find a unix socket on which no request has the address of its client."""
    paths = case.unix_paths()
    if paths and not case.believes_unix and not case.options.proxy_protocol:
        text = f"requests on {', '.join(paths)} have no client address, and the scheme is always {case.options.scheme}"
        advice = (
            "--trusted-proxies unix, if only the proxy can connect there and it sets X-Forwarded-For, -Proto, -Host"
        )
        yield Fault(text, advice, ("trusted_proxies",))


def no_trusted_hosts(case: Case) -> Iterator[Fault]:
    """Find absolute URLs for which clients choose the host."""
    how = case.reachable()
    if not how or has_middleware(case.app, "TrustedHosts", "Protection"):
        return
    places = sorted(set(makers_of_absolute_urls(case.app)))
    if places:
        shown = ", ".join(places[:3]) + (", ..." if len(places) > 3 else "")
        text = f"absolute URLs take the host that the client has sent (request.url_for in {shown}), and {how}"
        advice = "name the hosts of the site: Application(outer_middlewares=[TrustedHosts([...])])"
        yield Fault(text, advice)


def plain_http_in_public(case: Case) -> Iterator[Fault]:
    """Find that clients speak plain HTTP to this server itself."""
    public = case.public_places()
    if public and case.options.scheme == "http" and not case.is_proxied and case.system.platform is None:
        text = f"{', '.join(public)} speaks plain HTTP, and no proxy is named that ends TLS"
        yield Fault(text, "put a proxy before it, or give --ssl-certfile and --ssl-keyfile", ("host", "bind"))


def loopback_in_container(case: Case) -> Iterator[Fault]:
    """Find a container whose server nothing outside of it can reach."""
    if case.system.platform is not None and not case.public_places() and not case.unix_paths():
        text = f"{case.options.host} is the container's own loopback: nothing outside of it gets there"
        yield Fault(text, "--host 0.0.0.0, or '' with IPv6, unless a proxy runs beside it in the same pod", ("host",))


def lenient_server(case: Case) -> Iterator[Fault]:
    """Find a server that takes bytes which two readers may read in two ways."""
    how = case.reachable()
    if how and case.options.server == "hypercorn":
        text = (
            f"hypercorn takes Content-Length beside Transfer-Encoding, and {how}: requests can be smuggled past a proxy"
        )
        yield Fault(text, "let a proxy in front refuse both, or choose another server", ("server",))


def secrets_in_sight(case: Case) -> Iterator[Fault]:
    """Find secrets among the arguments, which other users see, and beside the code."""
    where = {COMMAND_LINE: "other users of this machine see arguments", FILE: "it is kept with the code"}
    for name, setting in case.config.settings.items():
        if setting.source in where and (options()[name].about.secret or has_password(setting.value)):
            advice = f"give it in the environment, as {options()[name].variable}, or by a file"
            yield Fault(f"{name} holds a secret, and {where[setting.source]}", advice, (name,))


def readable_key(case: Case) -> Iterator[Fault]:
    """Find a private key, or its password, that every user of the machine can read."""
    options = case.options
    for name, path in (
        ("ssl_keyfile", options.ssl_keyfile or options.ssl_certfile),
        ("ssl_keyfile_password_file", options.ssl_keyfile_password_file),
    ):
        if path is not None and _is_open_to_all(Path(path)):
            text = f"every user of this machine may read {path}, which is secret (mode {_mode(Path(path)):o})"
            yield Fault(text, f"chmod 600 {path}; a new key if others have accounts here", (name,))


def _is_open_to_all(path: Path) -> bool:
    return path.exists() and bool(_mode(path) & stat.S_IROTH) and _lets_others_in(path.absolute())


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def metrics_in_public(case: Case) -> Iterator[Fault]:
    """Find metrics that other machines can read."""
    place = case.options.metrics_bind
    if place is not None and is_public(place):
        text = f"other machines may read the metrics on {place}: paths, errors and load of the application"
        yield Fault(text, "let a firewall admit the collector alone, or bind to a private address", ("metrics_bind",))
