"""Checks of bounds: those that are lifted, and those of the machine and the platform that are lower."""

from __future__ import annotations

from collections.abc import Iterator

from sketch.cli.doctor.application import is_sketch
from sketch.cli.doctor.case import Case
from sketch.cli.doctor.finding import Fault
from sketch.serving.descriptors import RESERVE

LONG = 3600.0
"""Seconds from which on a wait has no end that a client or an operator would see."""

PROXY_KEEP_ALIVE = 60.0
"""Seconds for which proxies keep idle connections to a server, by default: nginx, AWS's balancers. HAProxy: less."""

HOOKS = 5.0
"""Seconds that the hooks of the end get after `shutdown_timeout`, at most."""


def no_bound(case: Case) -> Iterator[Fault]:
    """Find waits without an end."""
    for name, value in _waits(case):
        if value >= LONG:
            text = f"{name} is {value:g} seconds: a client that stands still holds its connection, and what it needs"
            yield Fault(text, "lower it to what your slowest client needs", (name,))


def _waits(case: Case) -> Iterator[tuple[str, float]]:
    if is_sketch(case.app):
        yield "write_timeout", case.app.limits.write_timeout
        yield "body_timeout", case.app.limits.body_timeout
    if case.is_native:
        yield "limit_header_timeout", case.limits.header_timeout
        yield "limit_keep_alive_timeout", case.limits.keep_alive_timeout


def endless_stop(case: Case) -> Iterator[Fault]:
    """Find a stop that takes too long for anything that waits for it."""
    if case.options.shutdown_timeout >= LONG:
        text = (
            f"shutdown_timeout is {case.options.shutdown_timeout:g} seconds: one request can hold up a restart as long"
        )
        yield Fault(text, "lower it to what your slowest request needs", ("shutdown_timeout",))


def stop_is_cut(case: Case) -> Iterator[Fault]:
    """Find a platform that kills the server before it has stopped."""
    platform = case.system.platform
    needed = case.options.drain_delay + case.options.shutdown_timeout + HOOKS
    if platform is not None and case.reachable() and needed > platform.patience:
        text = f"a stop may take {needed:g} seconds, and {platform.name} kills the process after {platform.patience:g}"
        advice = (
            f"lower --shutdown-timeout and --drain-delay to {platform.patience - HOOKS:g} seconds together, or raise "
        )
        advice += f"the platform's time ({platform.setting})"
        yield Fault(text, advice, ("shutdown_timeout", "drain_delay"))


def workers_unwatched(case: Case) -> Iterator[Fault]:
    """Find workers that may hang for ever."""
    for name in ("worker_timeout", "start_timeout"):
        if case.options.workers is not None and not getattr(case.options, name):
            text = f"{name} is 0: a worker that hangs is never replaced"
            yield Fault(text, "give it a number of seconds that no healthy worker needs", (name,))


def connections_unbounded(case: Case) -> Iterator[Fault]:
    """Find that clients may take all descriptors and all memory."""
    if case.is_native and case.limits.connections is None:
        text = "connections is none: clients may take every descriptor of the process"
        yield Fault(
            text, "give --limit-connections a number that memory allows: some 6 KiB each", ("limit_connections",)
        )


def files_needed(case: Case) -> int | None:
    """Return how many files each process may have to open; None if nothing says so."""
    connections = case.limits.connections if case.is_native else None
    return None if connections is None else connections + RESERVE


def too_few_files(case: Case) -> Iterator[Fault]:
    """Find a limit on open files that is lower than the connections need."""
    needed, hard, everything = files_needed(case), case.system.hard_files, case.system.all_files
    if needed is None:
        return
    if hard is not None and hard < needed:
        text = f"a process may open {hard} files, and {case.limits.connections} connections need {needed}: clients wait"
        yield Fault(text, _MORE_FILES.format(hard - RESERVE), ("limit_connections",))
    elif everything is not None and everything < needed * case.workers:
        text = f"all processes may open {everything} files (fs.file-max), and {case.workers} workers need "
        yield Fault(f"{text}{needed * case.workers}", "raise it: sysctl fs.file-max", ("limit_connections", "workers"))


_MORE_FILES = "raise the hard limit (LimitNOFILE=, ulimit -Hn), or lower --limit-connections to {}"


def short_queue(case: Case) -> Iterator[Fault]:
    """Find a backlog that the system cuts."""
    most = case.system.backlog
    if most is not None and case.options.backlog > most and "backlog" in case.config.settings:
        text = f"backlog is {case.options.backlog}, and the system lets {most} connections wait (net.core.somaxconn)"
        yield Fault(text, "raise it: sysctl net.core.somaxconn", ("backlog",))


def short_keep_alive(case: Case) -> Iterator[Fault]:
    """Find connections that this server closes while a proxy may send the next request on them."""
    seconds = case.limits.keep_alive_timeout
    if case.is_native and case.reachable() and seconds <= PROXY_KEEP_ALIVE:
        text = f"keep_alive_timeout is {seconds:g} seconds: proxies keep idle connections for {PROXY_KEEP_ALIVE:g} and "
        text += "more, so some of their requests meet a closed one (502)"
        yield Fault(text, "keep them open for longer than the proxy does", ("limit_keep_alive_timeout",))
