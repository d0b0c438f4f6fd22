"""The tables of options in the reference, as the dataclasses say them: `python -m tests.docs.options` writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields

from sketch.serving.config import options
from sketch.serving.option import about
from sketch.serving.options import ServeOptions
from sketch.serving.server_limits import ServerLimits
from tests.docs.documents import ROOT

PAGE = ROOT / "docs" / "reference.md"
TABLES = {"option": ServeOptions, "server limit": ServerLimits}
"""The first heading of a table, and the dataclass that it shows."""


def rewritten(text: str) -> str:
    """The page with its tables as they have to be."""
    for head, kind in TABLES.items():
        pattern = rf"^\| {head} \| default \| \|\n\|---\|---\|---\|\n(?:\|.*\n)*"
        table = f"| {head} | default | |\n|---|---|---|\n{''.join(rows(kind))}"
        text, found = re.subn(pattern, lambda _, table=table: table, text, flags=re.MULTILINE)
        assert found == 1, f"expected one table of {head}, got {found}"
    return text


def rows(kind: type) -> Iterator[str]:
    """A row for each field of a dataclass."""
    given = {(each.key, each.default) for each in options().values()}
    for each in fields(kind):
        said = about(each)
        default = f"0o{each.default:o}" if said.octal else repr(each.default)
        sentences = [said.text, *([said.more.removesuffix(".")] if said.more else [])]
        if (each.name, each.default) not in given:
            sentences.append("Only from Python")
        yield f"| `{each.name}` | `{default}` | {'. '.join(sentences)} |\n"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text()))
