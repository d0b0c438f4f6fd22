"""The jinja2 environments: where templates are found, what is escaped in them, and how strict they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateNotFound

from sketch.http.file_types import UNKNOWN, file_type
from sketch.response import HTML

_SUFFIXES = (".jinja", ".jinja2", ".j2")
_MARKUP = ("text/html", "application/xhtml+xml", "application/xml")


def media_type_of(name: str) -> str:
    """Return the media type of what a template makes: `page.html`, `feed.xml.j2`, `mail.txt`; HTML if it is unknown."""
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    kind = file_type(name)
    return HTML if kind == UNKNOWN else kind


def is_escaped(name: str | None) -> bool:
    """Whether values are escaped in a template: in HTML, XML and SVG, and where it is not known what it makes."""
    kind = HTML if name is None else media_type_of(name).partition(";")[0]
    return kind.startswith(_MARKUP) or kind.endswith("+xml")


class DirectoryLoader(FileSystemLoader):
    """Reads templates below directories, of which the first with a template of that name has it.

    A name with `..` in it, and one that begins with a slash, leads nowhere else: the parts of a name are names of
    files below the directory.
    """

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Read a template. Raises TemplateNotFound, which lists the directories, if there is none of that name."""
        if not isinstance(template, str):
            raise TypeError(f"expected the name of a template, got {template!r:.200}")
        try:
            return super().get_source(environment, template)
        except TemplateNotFound:
            places = ", ".join(self.searchpath)
            raise TemplateNotFound(
                template, f"expected the name of a template, a file below {places}, got {template!r:.200}"
            ) from None


def make_environment(directories: Sequence[str]) -> Environment:
    """Make the environment for templates below these directories."""
    return Environment(
        loader=DirectoryLoader(directories),
        autoescape=is_escaped,  # noqa: S701 - it decides by the name
        enable_async=True,
        auto_reload=False,
    )


def variant_of(environment: Environment, *, strict: bool, reload: bool) -> Environment:
    """Make an environment with the same templates, filters and globals.

    Args:
        environment: the one to copy.
        strict: whether a name that is not defined is an error, wherever it is used.
        reload: whether to look whether a file has changed, each time it is used.
    """
    variant = environment.overlay(auto_reload=reload)
    if strict:
        variant.undefined = StrictUndefined
    return variant
