"""The page of the demo: a template from the package, filled with escaped values, and its static files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from sketch.demo.facts import Extra

_STATIC = files("sketch.demo") / "static"

HEADERS = {
    # Nothing inline, nothing from elsewhere: the page works without a network and runs only its own script.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@cache
def static_file(name: str) -> str:
    """A file of the page, from wherever the package is installed."""
    return (_STATIC / name).read_text("utf-8")


def _fact(name: str, value: str) -> str:
    return f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"


def _missing(extra: Extra) -> str:
    command = f"pip install 'sketch-web[{extra.extra}]'"
    return f'<p class="missing">Not installed: <code>{escape(command)}</code>, then start the demo again.</p>'


def _chat(websockets: Extra) -> str:
    """The content of the chat's card: the link to a room, or how to install the missing package."""
    if websockets.version is None:
        return _missing(websockets)
    return '<p class="go"><a href="/chat/lobby">Enter the lobby</a></p>'


def _card(extra: Extra) -> str:
    installed = f'<p class="installed">Installed: {escape(extra.version or "")}</p>'
    state = installed if extra.version else _missing(extra)
    return (
        f"<li><h3>{escape(extra.package)}</h3><p>{escape(extra.gives)} <code>{escape(extra.how)}</code></p>{state}</li>"
    )


def render(facts: Mapping[str, str], extras: list[Extra], json_note: str) -> str:
    """The page as HTML. Every value is escaped here."""
    (websockets,) = (extra for extra in extras if extra.extra == "websockets")
    return Template(static_file("page.html")).substitute(
        server=escape("its own server" if facts["server"] == "native" else facts["server"]),
        facts="\n".join(_fact(name, value) for name, value in facts.items()),
        extras="\n".join(map(_card, extras)),
        json_note=escape(json_note),
        chat=_chat(websockets),
    )
