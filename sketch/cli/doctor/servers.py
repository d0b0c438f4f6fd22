"""The servers: which are installed, and which options each of them honours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sketch.cli.doctor.packages import installed_version
from sketch.cli.doctor.secrets import masked
from sketch.serving.config import Config, options
from sketch.serving.option import Option
from sketch.serving.registry import BUILT_IN, honours, load_server, server_names

LIMIT = "limit_"


@dataclass(frozen=True, slots=True)
class ServerRow:
    """A server that can be chosen."""

    name: str
    version: str | None
    """That of its package; None if it is not installed, or unknown."""
    is_installed: bool
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class OptionRow:
    """An option, and what it does on each server."""

    name: str
    value: str | None
    """As `pyproject.toml` has it; secrets are masked. None if it is not set."""
    source: str
    servers: dict[str, bool] = field(default_factory=dict)
    """Whether each built-in server honours it."""


def list_servers(chosen: str) -> list[ServerRow]:
    """Return the servers by name: the built-in ones, and those of other packages."""
    return [_server(name, name == chosen) for name in (*BUILT_IN, *sorted(server_names().keys() - BUILT_IN.keys()))]


def _server(name: str, is_chosen: bool) -> ServerRow:
    found = installed_version("httptools" if name == "native" else name)
    return ServerRow(name, found, found is not None or name not in BUILT_IN, is_chosen)


def list_options(config: Config, *, every: bool) -> list[OptionRow]:
    """Return the options that a source has given, or all of them."""
    shown = options().values() if every else [options()[name] for name in config.settings]
    return [_row(each, config) for each in shown if each.name != "app"]


def _row(each: Option, config: Config) -> OptionRow:
    setting = config.settings.get(each.name)
    value: Any = each.default if setting is None else setting.value
    source = "default" if setting is None else setting.source
    field_name = "server_limits" if each.name.startswith(LIMIT) else each.name
    shown = each.show(value)
    shown = None if shown is None else masked(shown)
    return OptionRow(each.name, shown, source, {server: _honours(server, field_name) for server in BUILT_IN})


def _honours(server: str, name: str) -> bool:
    return honours(load_server(server), name)


def takes_one_address(server: str) -> bool:
    """Whether a built-in server listens on one address only."""
    return getattr(load_server(server), "one_address", False)
