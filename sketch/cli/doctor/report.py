"""What the doctor says: as a page for people, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from textwrap import fill
from typing import Any

from sketch.cli.doctor.application import is_sketch, routes_of
from sketch.cli.doctor.case import Case
from sketch.cli.doctor.checks.limits import files_needed
from sketch.cli.doctor.finding import Finding, Severity
from sketch.cli.doctor.packages import Package, extra_packages, extras, install, installed_version, required_packages
from sketch.cli.doctor.servers import OptionRow, ServerRow, list_options, list_servers, takes_one_address
from sketch.serving.registry import BUILT_IN
from sketch.serving.sockets import places

FORMAT = 1
"""The number of the JSON format: it grows when a key goes, or means something else. New keys may come at any time."""
WIDTH = 118


@dataclass(frozen=True, slots=True)
class Report:
    """What the doctor has seen and found."""

    case: Case
    findings: Sequence[Finding]
    every_option: bool = False
    """Whether all options are listed, not only those that are given."""

    @property
    def exit_code(self) -> int:
        """2 with an error among the findings, 1 with a warning, else 0."""
        return int(max((each.severity for each in self.findings), default=Severity.ADVICE))


# -- for programs -----------------------------------------------------------------------------------------------------


def to_json(report: Report) -> dict[str, Any]:
    """Return a report as values of JSON: the keys are documented in docs/doctor.md."""
    case = report.case
    system = case.system
    return {
        "format": FORMAT,
        "exit_code": report.exit_code,
        "findings": [_finding_json(each) for each in report.findings],
        "application": {"import": case.config.app, "kind": _kind(case.app), "routes": _routes(case.app)},
        "server": _server_json(case) if case.is_runnable else None,
        "options": [asdict(each) for each in list_options(case.config, every=report.every_option)],
        "servers": [asdict(each) for each in list_servers(case.options.server)],
        "python": {
            "version": system.python,
            "implementation": system.implementation,
            "executable": system.executable,
            "machine": system.machine,
        },
        "packages": {
            "sketch": installed_version("sketch-web"),
            "required": [_package_json(each) for each in required_packages()],
            "extras": {extra: _extra_json(extra) for extra in extras()},
        },
        "system": {
            "cpus": system.cpus,
            "soft_files": system.soft_files,
            "hard_files": system.hard_files,
            "all_files": system.all_files,
            "needed_files": files_needed(case),
            "backlog": system.backlog,
            "platform": None if system.platform is None else system.platform.name,
        },
    }


def _server_json(case: Case) -> dict[str, Any]:
    return {
        "name": case.options.server,
        "loop": _loop(case),
        "workers": case.options.workers,
        "processes": case.workers,
        "places": places(case.options),
    }


def _finding_json(found: Finding) -> dict[str, Any]:
    return {**found._asdict(), "severity": found.severity.word}


def _package_json(package: Package) -> dict[str, Any]:
    return asdict(package)


def _extra_json(extra: str) -> dict[str, Any]:
    packages = extra_packages(extra)
    missing = any(each.version is None for each in packages)
    return {"packages": [_package_json(each) for each in packages], "install": install(extra) if missing else None}


def _kind(app: Any) -> str | None:
    return None if app is None else "sketch" if is_sketch(app) else "asgi"


def _routes(app: Any) -> int | None:
    return sum(1 for _ in routes_of(app)) if is_sketch(app) else None


def _loop(case: Case) -> str:
    """Return the name of the loop that would run."""
    uvloop = installed_version("uvloop") is not None
    return case.options.loop if case.options.loop != "auto" else "uvloop" if uvloop else "asyncio"


# -- for people -------------------------------------------------------------------------------------------------------


def to_text(report: Report) -> str:
    """Return a report as a page; the findings are its end, where they stay in sight."""
    case = report.case
    sections = {
        "Python": _python(case),
        "Packages": _packages(),
        "Servers": [_server(each) for each in list_servers(case.options.server)],
        "Application": _application(case),
        "Machine": _machine(case),
        "Options": _options(list_options(case.config, every=report.every_option)),
        "Findings": list(_findings(report.findings)),
    }
    return "\n\n".join(
        "\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in sections.items() if lines
    )


def _python(case: Case) -> list[str]:
    system = case.system
    return [f"{system.implementation} {system.python} on {system.machine}", system.executable]


def _packages() -> list[str]:
    needed = ", ".join(f"{each.name} {each.version or 'missing'}" for each in required_packages())
    lines = [f"sketch {installed_version('sketch-web') or '(not installed)'}, {needed}"]
    width = max(map(len, extras()))
    for extra in extras():
        found = extra_packages(extra)
        names = ", ".join(f"{each.name} {each.version or 'missing'}" for each in found)
        missing = any(each.version is None for each in found)
        lines.append(f"{extra:<{width}}  {names}{f': {install(extra)}' if missing else ''}")
    return lines


def _server(row: ServerRow) -> str:
    found = row.version if row.is_installed else f"not installed: {install(row.name)}"
    by = "by httptools " if row.name == "native" else ""
    return f"{'*' if row.is_chosen else ' '} {row.name:<10} {by}{found or ''}".rstrip()


def _application(case: Case) -> list[str]:
    return [f"{case.config.app or 'none'}, {_what(case.app)}", _where(case)]


def _what(app: Any) -> str:
    if app is None:
        return "not loaded"
    routes = _routes(app)
    return f"a sketch application of {routes} route{'' if routes == 1 else 's'}" if is_sketch(app) else _FOREIGN


_FOREIGN = "a foreign ASGI application"


def _where(case: Case) -> str:
    if not case.is_runnable:
        return "nothing would run: the configuration cannot be used"
    processes = "one process" if case.options.workers is None else f"a parent and {case.workers} workers"
    where = f"{', '.join(places(case.options))}, {case.options.scheme.upper()}"
    return f"{case.options.server} on {where}; {processes}, loop {_loop(case)}"


def _machine(case: Case) -> list[str]:
    system = case.system
    needed = files_needed(case)
    files = f"open files of a process: {_amount(system.soft_files)}, and up to {_amount(system.hard_files)} by itself"
    if needed is not None:
        files += f"; {case.limits.connections} connections need {needed}"
        files += f", {needed * case.workers} in {case.workers} workers" if case.workers > 1 else ""
    where = "" if system.platform is None else f"; in {system.platform.name}"
    return [f"{system.cpus} CPU{'s' if system.cpus > 1 else ''} that may be used{where}", files]


def _amount(number: int | None) -> str:
    return "no bound" if number is None else str(number)


def _options(rows: Sequence[OptionRow]) -> list[str]:
    """Return the table of options: value, source, and the servers that honour each."""
    if not rows:
        return []
    cells = [(each.name, each.value or "not set", each.source, *_marks(each)) for each in rows]
    return list(_table([("option", "value", "source", *BUILT_IN), *cells]))


def _marks(row: OptionRow) -> Iterator[str]:
    for server in BUILT_IN:
        one = row.name == "bind" and takes_one_address(server)
        yield "one" if one else "yes" if row.servers[server] else "no"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [min(40, max(map(len, column))) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _findings(findings: Iterable[Finding]) -> Iterator[str]:
    found = list(findings)
    if not found:
        yield "none"
    for each in found:
        yield _wrapped(f"{each.severity.word + ':':<9}{each.text} [{each.name}]", 9)
        yield _wrapped(f"{'':<9}-> {each.advice}", 12)


def _wrapped(text: str, indent: int) -> str:
    return fill(text, WIDTH, subsequent_indent=" " * (indent + 2), break_long_words=False, break_on_hyphens=False)
