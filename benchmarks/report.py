"""Writes the report of a run: tables to read, the data, the pictures, and the tables in README.md."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.contestants import CONTESTANTS
from benchmarks.numbers import number
from benchmarks.outcome import Outcome, Result
from benchmarks.sections import Section, measured
from sketch.bench import Figures, Sample
from sketch.bench.table import figures_table, table

DATA = "results.json"
TABLE = "results.md"
README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- results -->", "<!-- end of results -->"


# -- for people -------------------------------------------------------------------------------------------------------


def text(outcome: Outcome) -> str:
    """All tables, as plain text."""
    return "\n\n".join([about(outcome), *map(_result_text, outcome.results.values())])


def about(outcome: Outcome) -> str:
    """Describe the machine, the method and the versions of a run."""
    known = outcome.about
    names = ", ".join(f"{name} {version}" for name, version in known["versions"].items())
    place = f"{known['date']}; {known['processor']}; {known['system']}; {known['python']}; {known['cores']}."
    return f"{place}\n{known['method']}.\n{names}."


def _result_text(result: Result) -> str:
    lines = [f"{result.title} ({result.unit})"]
    if any("rate" in more for more in result.more.values()):
        lines.append(figures_table({name: _figures(more) for name, more in result.more.items()}))
    else:
        best = min(result.values.values(), default=0.0)
        rows = [[name, f"{value:.2f}", f"{value / best:.2f}" if best else "-"] for name, value in result.ordered()]
        lines.append(table(("contestant", "median", "x"), rows))
    lines += [f"skipped: {name}: {reason}" for name, reason in result.skipped.items()]
    return "\n".join(lines)


def _figures(data: dict[str, object]) -> Figures:
    # Runs of before user time was measured do not have it.
    samples = tuple(Sample(**{"user": 0.0, **sample}) for sample in data["samples"])  # type: ignore[attr-defined]
    return Figures.of(samples)


def markdown(outcome: Outcome) -> str:
    """A table for each section; then the method, and which contestants have no figure, and why."""
    lines = [line for section, results in measured(outcome) for line in _section(section, results)]
    lines += ["Bold figures: the best, what can only be a floor aside.", "", *about(outcome).splitlines()]
    results = outcome.results.values()
    lines += [f"- {name} has no figure for {one.title}: {why}" for one in results for name, why in one.skipped.items()]
    return "\n".join(lines) + "\n"


def _section(section: Section, results: list[Result]) -> list[str]:
    """The Markdown of a section: a row per contestant, a column per case; and a second table of user time alone."""
    lines = [f"### {section.title}", "", *_table(results), "", _units(results) + ".", ""]
    users = [_user_time(result) for result in results]
    if any(user.values for user in users):
        lines += ["Of these, user time, without the kernel's part:", "", *_table(users), ""]
    return lines


def _user_time(result: Result) -> Result:
    """The user time alone, where it was measured."""
    values = {name: more["user"] for name, more in result.more.items() if "user" in more}
    return Result(result.name, result.title, result.unit, values)


def _table(results: list[Result]) -> list[str]:
    rows = [name for name in CONTESTANTS if any(name in result.values for result in results)]
    return [
        "|  | " + " | ".join(result.title for result in results) + " |",
        "|---|" + "---:|" * len(results),
        *(f"| {_bold(name)} | " + " | ".join(_cell(result, name) for result in results) + " |" for name in rows),
    ]


def _bold(name: str) -> str:
    return f"**{name}**" if CONTESTANTS[name].kind == "ours" else name


def _cell(result: Result, name: str) -> str:
    if name not in result.values:
        return "-"
    value = number(result.values[name])
    racing = [other for key, other in result.values.items() if not _is_floor(result, key)]
    return f"**{value}**" if racing and result.values[name] == min(racing) and not _is_floor(result, name) else value


def _is_floor(result: Result, name: str) -> bool:
    """Whether no framework can be better: the bare event loop, or the bare function where there is no server."""
    one = CONTESTANTS[name]
    return one.kind == "floor" or (one.module == "bare" and result.name.startswith(("inprocess", "calls")))


def _units(results: list[Result]) -> str:
    units: dict[str, list[str]] = {}
    for result in results:
        units.setdefault(result.unit, []).append(result.title)
    if len(units) == 1:
        return f"In {results[0].unit}"
    return "In " + "; ".join(f"{unit} ({', '.join(titles)})" for unit, titles in units.items())


# -- files ------------------------------------------------------------------------------------------------------------


def write(outcome: Outcome, directory: Path) -> None:
    """Write data, table and pictures; the project's own results go into README.md as well."""
    directory.mkdir(parents=True, exist_ok=True)
    outcome.write(directory / DATA)
    (directory / TABLE).write_text(markdown(outcome))
    if directory.resolve() == README.parent / "results":
        README.write_text(with_table(README.read_text(), markdown(outcome)))
    try:
        from benchmarks import pictures
    except ImportError as exc:
        print(f"no pictures: {exc} (pip install -r benchmarks/requirements.txt)", file=sys.stderr)
    else:
        for path in pictures.draw(outcome, directory):
            print(f"drawn: {path}", file=sys.stderr)


def with_table(document: str, new: str) -> str:
    """Replace the table between the marks of a document."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{new}\n{END}{after}"
