"""Texts that people wrote (docstrings, descriptions) as HTML: paragraphs, lists and code, everything escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import groupby

_CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_FENCE = re.compile(r"^\s*(```|~~~).*$")
_ITEM = re.compile(r"^\s*[-*]\s+")


def inline(text: str) -> str:
    """One piece of text: escaped, what stands in backticks as code."""
    pieces = []
    end = 0
    for found in _CODE.finditer(text):
        pieces.append(f"{escape(text[end : found.start()])}<code>{escape(found[2].strip())}</code>")
        end = found.end()
    return "".join(pieces) + escape(text[end:])


def prose(text: str) -> str:
    """A whole text: paragraphs between blank lines, lists of lines that begin with ``-`` or ``*``, fenced code.

    The rest of Markdown stays as it was written: nothing in a text becomes a link or an image.
    """
    return "".join(_block(code, lines) for code, lines in _blocks(text.splitlines()))


def _blocks(lines: list[str]) -> Iterator[tuple[bool, list[str]]]:
    """The parts of a text, each with whether it is code."""
    fenced = False
    block: list[str] = []
    for line in lines:
        if _FENCE.match(line):
            yield fenced, block
            fenced, block = not fenced, []
        elif not fenced and not line.strip():
            yield False, block
            block = []
        else:
            block.append(line)
    yield fenced, block


def _block(code: bool, lines: list[str]) -> str:
    if not lines:
        return ""
    if code:
        return f'<pre tabindex="0">{escape(chr(10).join(lines))}</pre>'
    return "".join(
        _lines(item, list(group)) for item, group in groupby(_joined(lines), lambda line: bool(_ITEM.match(line)))
    )


def _joined(lines: list[str]) -> Iterator[str]:
    """The lines of a block, an item of a list with the indented lines that continue it."""
    last = ""
    for line in lines:
        if last and _ITEM.match(last) and line.startswith((" ", "\t")) and not _ITEM.match(line):
            last = f"{last} {line.strip()}"
            continue
        if last:
            yield last
        last = line
    if last:
        yield last


def _lines(item: bool, lines: list[str]) -> str:
    if item:
        items = (inline(_ITEM.sub("", line)) for line in lines)
        return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"
    return f"<p>{inline(chr(10).join(lines))}</p>"
