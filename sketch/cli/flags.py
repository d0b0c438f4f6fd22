"""The options for serving as flags of the same names; only flags that were given are passed on."""

from __future__ import annotations

from argparse import SUPPRESS, Action, ArgumentParser, ArgumentTypeError, BooleanOptionalAction, _ActionsContainer
from collections.abc import Callable
from typing import Any

from sketch.serving.config import options
from sketch.serving.option import Option


def add_address_flags(parser: ArgumentParser) -> None:
    """Add the flags for the address to listen on and the server."""
    for name in ("host", "port", "server"):
        _add(parser, options()[name])


def add_application(parser: ArgumentParser) -> None:
    """Add the application to serve, and the flag that takes back what other sources say."""
    text = "package.module:app, or package.module:create_app() to call a function for it; without it, what is found in "
    parser.add_argument("app", nargs="?", help=f"{text}[tool.sketch] of pyproject.toml, main.py or app.py")
    text = "ignore what the environment and pyproject.toml say of an option; may be repeated; limits is all --limit-…"
    parser.add_argument("--unset", action="append", default=[], metavar="OPTION", help=text)


def add_serving_flags(parser: ArgumentParser) -> None:
    """Add the flags of all options, under their headings."""
    groups: dict[str, _ActionsContainer] = {}
    for each in options().values():
        heading = each.about.group
        if each.about.secret:
            parser.add_argument(each.flag, nargs="?", action=SecretRefused, default=SUPPRESS, help=SUPPRESS)
        elif heading:
            if heading not in groups:
                groups[heading] = parser.add_argument_group(heading)
            _add(groups[heading], each)


class SecretRefused(Action):
    """Refuses a flag for a secret, and does not show what was given for it."""

    def __call__(self, parser: ArgumentParser, *_: object) -> None:
        """End with an error."""
        (flag,) = self.option_strings
        variable = options()[flag.removeprefix("--").replace("-", "_")].variable
        parser.error(f"expected no {flag}: other users of the machine see arguments; set {variable} in the environment")


def _add(parser: _ActionsContainer, each: Option) -> None:
    about = each.about
    settings: dict[str, Any] = {"dest": each.name, "default": SUPPRESS, "help": _help(each)}
    if each.is_switch:
        parser.add_argument(each.flag, action=BooleanOptionalAction, **settings)
        return
    if each.is_list:
        settings["action"] = "append"
    else:
        settings["type"] = _reader(each)
    parser.add_argument(each.flag, metavar=about.metavar, choices=about.choices, **settings)


def _reader(each: Option) -> Callable[[str], Any]:
    """Return a function for argparse, which shows only its own errors."""

    def read(text: str) -> Any:
        try:
            return each.read(text)
        except ValueError as exc:
            raise ArgumentTypeError(str(exc)) from None

    return read


def _help(each: Option) -> str:
    shown = "" if each.default in (None, "", ()) else f" (default: {_plain(each)})"
    return (each.about.text.replace("`", "") + shown).replace("%", "%%")


def _plain(each: Option) -> str:
    return (each.show(each.default) or "").strip('"')
