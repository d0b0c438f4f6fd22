"""The configuration of `sketch run`: what its sources say, each over the ones before it.

These are the defaults, `[tool.sketch]` in the `pyproject.toml` of the working directory, `PORT` as platforms set it,
`SKETCH_*` in the environment, and the command line.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from sketch.observability.logs import show
from sketch.serving.option import About, Option, options_of
from sketch.serving.options import LIMITS, OptionError, ServeError, ServeOptions
from sketch.serving.registry import check_supported, load_server
from sketch.serving.server_limits import ServerLimits
from sketch.serving.sources import with_sources

logger = logging.getLogger("sketch")

FILE, PLATFORM, COMMAND_LINE, DEFAULT = "pyproject.toml", "PORT", "the command line", "default"
PREFIX = "SKETCH_"
APP = Option("app", "app", "str | None", None, About("application to serve", "", "", "IMPORT", None, False, False))
ALL_LIMITS = "limits"
"""What stands for all limits of the native server where options are named."""
_LIMIT = "limit_"
_TABLE, _LIMITS_TABLE = "[tool.sketch]", "[tool.sketch.limits]"
_PLACES = ({"bind"}, {"uds"}, {"host", "port"})
"""Options that say where to listen: one of these sets in a source stands for all of them in a weaker source."""


class Setting(NamedTuple):
    """The value of an option, and where it was given."""

    value: Any
    source: str


class Config:
    """Values of options, by name, with their sources; later sources replace the values of earlier ones."""

    def __init__(self) -> None:
        self.settings: dict[str, Setting] = {}

    def add(self, values: Mapping[str, Any], source: str | None = None) -> None:
        """Add what a source says, by the names of options.

        Args:
            values: the values.
            source: the name of the source; None for the environment, where each value has a name of its own.
        """
        for places in _PLACES:
            if places & values.keys():
                for name in set().union(*_PLACES) - places - values.keys():
                    self.settings.pop(name, None)
        for name, value in values.items():
            self.settings[name] = Setting(value, source or options()[name].variable)

    @property
    def app(self) -> str | None:
        """The import string of the application, None if no source names one."""
        found: str | None = self.settings["app"].value if "app" in self.settings else None
        return found

    def given(self) -> dict[str, Any]:
        """Return what was given, as arguments of `run_app`.

        Raises:
            OptionError: for a value that the server could not honour; the message names its source.
        """
        limits = {each.key: each.name for each in _limits() if each.name in self.settings}
        for key, name in limits.items():
            try:
                ServerLimits(**{key: self.settings[name].value})
            except (TypeError, ValueError) as exc:
                raise self._error(str(exc), name) from None
        others = self.settings.keys() - {"app", *limits.values()}
        given = {name: self.settings[name].value for name in sorted(others)}
        if limits:
            given["server_limits"] = ServerLimits(**{key: self.settings[name].value for key, name in limits.items()})
        try:
            chosen = ServeOptions(**given)
            check_supported(load_server(chosen.server), chosen)
        except OptionError as exc:
            raise self._error(str(exc), *exc.names) from None
        return given

    def _error(self, message: str, *names: str) -> OptionError:
        if "server_limits" in names:
            names = (*(each.name for each in _limits()), *names)
        sources = {name: setting.source for name, setting in self.settings.items()}
        return OptionError(with_sources(message, names, sources) + self._way_out(names), *names)

    def _way_out(self, names: Iterable[str]) -> str:
        """Say how the command line gets rid of a value with which it does not go together."""
        given = [name for name in names if name in self.settings]
        weaker = [name for name in given if self.settings[name].source != COMMAND_LINE]
        if not weaker or len(weaker) == len(given):
            return ""
        if weaker[0].startswith(_LIMIT):
            return f": --unset {ALL_LIMITS} takes all limits back"
        return f": --unset {weaker[0]} takes it back"

    def sources(self) -> dict[str, str]:
        """Return where values come from, by the names of options; the command line is left out: its user sees it."""
        return {name: each.source for name, each in self.settings.items() if each.source != COMMAND_LINE}

    def render(self) -> str:
        """Return all options in the form of `pyproject.toml`, each with its source behind it; secrets are masked."""
        serving = [self._line(each) for each in options().values() if not each.name.startswith(_LIMIT)]
        return "\n".join([_TABLE, *serving, "", _LIMITS_TABLE, *map(self._line, _limits())])

    def _line(self, each: Option) -> str:
        setting = self.settings.get(each.name) or Setting(each.default, DEFAULT)
        shown = each.show(setting.value)
        text = f"# {each.key} is not set" if shown is None else f"{each.key} = {shown}"
        return f"{text:<40}  # {setting.source}"


@cache
def options() -> dict[str, Option]:
    """Return all options of `sketch run`, by name."""
    return {each.name: each for each in (APP, *options_of(ServeOptions), *_limits())}


def _limits() -> Iterable[Option]:
    return options_of(ServerLimits, prefix=_LIMIT, group=LIMITS)


def read_config(
    flags: Mapping[str, Any], environment: Mapping[str, str], folder: Path, unset: Iterable[str] = ()
) -> Config:
    """Read all sources. A name that does not exist is a warning.

    Args:
        flags: what the command line says.
        environment: the environment variables.
        folder: where `pyproject.toml` may be.
        unset: names of options for which only the command line counts; `limits` for all limits.

    Raises:
        ServeError: for a file or a text that cannot be read, the message names the source; an `OptionError` for a name
            to unset that does not exist.
    """
    config, ignored = Config(), set(_named(unset))
    variables = _read_environment(environment, ignored)
    config.add(_read_file(folder / FILE, ignored), FILE)
    config.add(_read_platform(environment, config, {*variables, *flags, *({"port"} & ignored)}), PLATFORM)
    config.add(variables)
    config.add(flags, COMMAND_LINE)
    return config


def _named(texts: Iterable[str]) -> Iterator[str]:
    """Yield the names of the options that texts name, as a flag or as a key."""
    for text in texts:
        name = _plain(text)
        if name == ALL_LIMITS:
            yield from (each.name for each in _limits())
        elif name in options():
            yield name
        else:
            meant = meant_by(text)
            advice = f": did you mean {meant.name}?" if meant else ""
            raise OptionError(
                f"expected the name of an option to unset, or {ALL_LIMITS}, got {text!r}{advice}", "unset"
            )


def _read_platform(environment: Mapping[str, str], config: Config, stronger: set[str]) -> dict[str, Any]:
    """Return the port that a platform has chosen, and the host to which it forwards, unless something names a place."""
    text = environment.get(PLATFORM)
    if not text or stronger & {"port", "bind", "uds"} or config.settings.keys() & {"bind", "uds"}:
        return {}
    host = {} if "host" in config.settings else {"host": "0.0.0.0"}  # noqa: S104 - a platform forwards to it
    return {**host, "port": _read(options()["port"], text, PLATFORM)}


def _read_environment(environment: Mapping[str, str], ignored: Collection[str]) -> dict[str, Any]:
    known = {each.variable: each for each in options().values()}
    found = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX):
            continue
        if variable not in known:
            meant = meant_by(variable.removeprefix(PREFIX))
            _warn(f"environment variable {variable}", meant and meant.variable)
        elif text and known[variable].name not in ignored:
            # An empty text, `SKETCH_UDS=` in a unit or a compose file, takes a variable back.
            found[known[variable].name] = _read(known[variable], text, variable)
    return found


def _read_file(path: Path, ignored: Collection[str]) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise ServeError(f"cannot read {path}: {exc.strerror}") from None
    import tomllib  # few programs have the file where they run

    try:
        content = tomllib.loads(data.decode())
    except ValueError as exc:  # TOMLDecodeError and UnicodeDecodeError are
        raise ServeError(f"cannot read {path}: {exc}") from None
    table = _table_in(_table_in(content, "tool", "[tool]"), "sketch", _TABLE)
    limits = _table_in(table, "limits", _LIMITS_TABLE)
    table.pop("limits", None)
    return {**_read_table(_TABLE, table, ignored), **_read_table(_LIMITS_TABLE, limits, ignored)}


def _table_in(outer: dict[str, Any], key: str, heading: str) -> dict[str, Any]:
    table = outer.get(key, {})
    if not isinstance(table, dict):
        raise ServeError(f"expected {heading} in {FILE} to be a table, got {table!r:.200}")
    return table


def _read_table(heading: str, table: dict[str, Any], ignored: Collection[str]) -> dict[str, Any]:
    known = {each.key: each for each in options().values() if _heading(each) == heading}
    found = {}
    for key, value in table.items():
        if key not in known:
            meant = meant_by(key, heading)
            elsewhere = f" in {_heading(meant)}" if meant and _heading(meant) != heading else ""
            _warn(f"{key!r} in {heading} of {FILE}", meant and meant.key + elsewhere)
            continue
        name = known[key].name
        if known[key].about.secret and name not in ignored:
            raise OptionError(f"expected no secret in {FILE}, got {key}: set {known[key].variable} instead", name)
        if name not in ignored:
            try:
                found[name] = known[key].read_toml(value)
            except ValueError as exc:
                raise OptionError(f"{exc} ({key} is from {FILE})", name) from None
    return found


def _heading(each: Option) -> str:
    """Return the table of the file in which an option stands."""
    return _LIMITS_TABLE if each.name.startswith(_LIMIT) else _TABLE


def _read(each: Option, text: str, source: str) -> Any:
    try:
        return each.read(text)
    except ValueError as exc:
        raise OptionError(f"{exc} ({each.name} is from {source})", each.name) from None


def meant_by(name: str, heading: str | None = None) -> Option | None:
    """Return the option that was probably meant by a name that does not exist, None if it is like no other.

    Args:
        name: as it was written.
        heading: the table in which it was written; an option that belongs there is preferred.
    """
    from difflib import get_close_matches  # for mistakes only

    every = sorted(options().values(), key=lambda each: _heading(each) != heading)
    known = {spelled: each for each in reversed(every) for spelled in (each.key, each.name)}
    close = get_close_matches(_plain(name), list(known), 1)
    return known[close[0]] if close else None


def _plain(name: str) -> str:
    """Return a name as Python spells it: `--Limit-Head` is `limit_head`."""
    return name.lstrip("-").replace("-", "_").lower()


def _warn(what: str, meant: str | None) -> None:
    show()
    advice = f": did you mean {meant}?" if meant else ": there is no such option"
    logger.warning("ignored the unknown %s%s", what, advice)
