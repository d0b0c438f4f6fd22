"""The checks by name and severity. One more is a function `(case) -> Iterator[Fault]`, and a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from sketch.cli.doctor.case import Case
from sketch.cli.doctor.checks import configuration, exposure, limits, processes
from sketch.cli.doctor.finding import Fault, Finding, Severity
from sketch.serving.config import Config
from sketch.serving.sources import with_sources

ERROR, WARNING, ADVICE = Severity.ERROR, Severity.WARNING, Severity.ADVICE


class Check(NamedTuple):
    """A check, and what its findings are called."""

    name: str
    """Stands in output, and after `--ignore`."""
    severity: Severity
    find: Callable[[Case], Iterator[Fault]]


FIRST = (
    Check("configuration", ERROR, configuration.refused),
    Check("unknown-option", WARNING, configuration.unknown_options),
    Check("application", ERROR, configuration.application),
    Check("old-package", WARNING, configuration.old_packages),
)
"""Checks that need no usable configuration."""

OTHERS = (
    Check("server-missing", ERROR, configuration.server_missing),
    Check("loop-missing", ERROR, configuration.loop_missing),
    Check("extra-missing", ERROR, configuration.extra_missing),
    Check("websockets-missing", ERROR, configuration.websockets_missing),
    Check("certificate-unusable", ERROR, configuration.certificate_unusable),
    Check("certificate-expired", ERROR, configuration.certificate_expired),
    Check("debug-in-public", ERROR, exposure.debug_in_public),
    Check("reload-in-public", ERROR, exposure.reload_in_public),
    Check("proxies-from-everywhere", ERROR, exposure.proxies_from_everywhere),
    Check("readable-key", ERROR, exposure.readable_key),
    Check("secret-in-sight", ERROR, exposure.secrets_in_sight),
    Check("certificate-ends-soon", WARNING, configuration.certificate_ends_soon),
    Check("writable-socket", WARNING, exposure.writable_socket),
    Check("proxy-protocol-in-public", WARNING, exposure.proxy_protocol_in_public),
    Check("no-trusted-hosts", WARNING, exposure.no_trusted_hosts),
    Check("lenient-server", WARNING, exposure.lenient_server),
    Check("no-bound", WARNING, limits.no_bound),
    Check("endless-stop", WARNING, limits.endless_stop),
    Check("stop-is-cut", WARNING, limits.stop_is_cut),
    Check("workers-unwatched", WARNING, limits.workers_unwatched),
    Check("connections-unbounded", WARNING, limits.connections_unbounded),
    Check("too-few-files", WARNING, limits.too_few_files),
    Check("short-keep-alive", WARNING, limits.short_keep_alive),
    Check("memory-of-one", WARNING, processes.memory_of_one),
    Check("no-client-address", ADVICE, exposure.no_client_address),
    Check("plain-http-in-public", ADVICE, exposure.plain_http_in_public),
    Check("metrics-in-public", ADVICE, exposure.metrics_in_public),
    Check("loopback-in-container", ADVICE, exposure.loopback_in_container),
    Check("short-queue", ADVICE, limits.short_queue),
    Check("idle-cpus", ADVICE, processes.idle_cpus),
    Check("runs-as-root", ADVICE, processes.runs_as_root),
    Check("development-mode", ADVICE, processes.development_mode),
    Check("slow-loop", ADVICE, configuration.slow_loop),
)
CHECKS = (*FIRST, *OTHERS)


def examine(case: Case, ignored: frozenset[str] = frozenset()) -> list[Finding]:
    """Run the checks. Returns what they find, the worst first.

    Args:
        case: what they look at; of a configuration that cannot be used nothing more is judged.
        ignored: names of checks that are left out.
    """
    checks = CHECKS if case.is_runnable else FIRST
    found = [
        _finding(each, fault, case.config) for each in checks if each.name not in ignored for fault in each.find(case)
    ]
    return sorted(found, key=lambda finding: -finding.severity)


def _finding(check: Check, fault: Fault, config: Config) -> Finding:
    sources = {name: setting.source for name, setting in config.settings.items()}
    text = with_sources(fault.text, fault.options, sources)
    return Finding(check.name, check.severity, text, fault.advice, fault.options)
