"""The reference page: a document of OpenAPI 3.1 as one HTML page, its style and its script."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from sketch.openapi.page.operations import Operation, References, operations, render_operation
from sketch.openapi.page.prose import inline, prose
from sketch.openapi.page.schemas import section

HEADERS = {
    # Nothing inline and nothing from elsewhere: a text that slipped through as markup could neither run nor load.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The header fields of the page."""

UNTAGGED = "Operations"
"""The title above the operations that have no tag."""


class Page:
    """The page of one document. It is made once; only the path under which the application is reached differs.

    Args:
        document: the document, as objects of JSON.
        path: the path of the page. Its style is at ``{path}/page.css``, its script at ``{path}/page.js``.
        document_path: the path of the document.
    """

    def __init__(self, document: Mapping[str, Any], *, path: str, document_path: str) -> None:
        self._path = path
        self._document_path = document_path
        self._title = str(document["info"]["title"])
        self._header = _header(document)
        self._body = _body(document)

    def render(self, root_path: str) -> str:
        """The page as HTML.

        Args:
            root_path: the path under which the application is reached, ``""`` for none.
        """
        base, path = escape(root_path), escape(root_path + self._path.rstrip("/"))
        source = escape(root_path + self._document_path)
        return (
            f'<!doctype html><html lang="en" data-base="{base}" data-document="{source}">'
            '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<meta name="color-scheme" content="light dark"><title>{escape(self._title)}</title>'
            f'<link rel="stylesheet" href="{path}/page.css"><link rel="icon" href="data:,">'
            f'<script src="{path}/page.js" defer></script></head>'
            '<body><a class="skip" href="#main">To the operations</a>'
            f'<header>{self._header}<p><a href="{source}">The document as JSON</a></p></header>'
            f"{self._body}</body></html>"
        )


def _body(document: Mapping[str, Any]) -> str:
    references = References(document)
    groups = _by_tag(list(operations(document, references)), document)
    schemas = document.get("components", {}).get("schemas", {})
    contents = "".join(_contents(title, found) for title, found in groups.items())
    sections = "".join(_section(title, found, document, references) for title, found in groups.items())
    named = "".join(section(name, schema) for name, schema in schemas.items())
    return (
        '<nav aria-label="Operations"><label for="filter">Find an operation</label>'
        '<input id="filter" type="search" autocomplete="off" placeholder="Path, method or words" aria-keyshortcuts="/">'
        f'<p id="found" role="status"></p><div class="contents">{contents}</div></nav>'
        f'<main id="main" tabindex="-1"><div id="credentials"></div>{sections}'
        + (f'<section id="schemas"><h2>Schemas</h2>{named}</section>' if named else "")
        + "</main>"
    )


def _header(document: Mapping[str, Any]) -> str:
    info = document["info"]
    summary = f'<p class="lead">{inline(str(info["summary"]))}</p>' if info.get("summary") else ""
    return (
        f"<h1>{escape(str(info['title']))} <small>{escape(str(info.get('version', '')))}</small></h1>"
        f"{summary}{prose(str(info.get('description', '')))}"
    )


def _by_tag(found: list[Operation], document: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """The operations under their tags: the tags that the document describes come first, others as they are used."""
    groups: dict[str, list[Operation]] = {str(tag["name"]): [] for tag in document.get("tags", ())}
    for operation in found:
        groups.setdefault(operation.tag or UNTAGGED, []).append(operation)
    return {tag: members for tag, members in groups.items() if members}


def _contents(title: str, found: list[Operation]) -> str:
    links = "".join(
        f'<li><a href="#{operation.anchor}"><b class="{operation.method}">{operation.method.upper()}</b> '
        f"<span>{escape(operation.path)}</span></a></li>"
        for operation in found
    )
    return f"<details open><summary>{escape(title)}</summary><ul>{links}</ul></details>"


def _section(title: str, found: list[Operation], document: Mapping[str, Any], references: References) -> str:
    """One group of operations: its title, what the document says of it, its operations."""
    words = next((str(tag.get("description", "")) for tag in document.get("tags", ()) if tag["name"] == title), "")
    shown = "".join(render_operation(each, references, _schemes(each, document)) for each in found)
    return f'<section id="tag-{quote(title, safe="")}"><h2>{escape(title)}</h2>{prose(words)}{shown}</section>'


def _schemes(operation: Operation, document: Mapping[str, Any]) -> list[str]:
    """The ways to prove who one is that an operation takes: each one name, or several that go together."""
    asked = operation.described.get("security", document.get("security", ()))
    return [" and ".join(f"`{name}`" for name in names) if names else "nothing" for names in asked]
