"""The table of the access log's fields, as the code says them: `python -m tests.docs.log_fields` writes it."""

from __future__ import annotations

import re

from sketch.observability.access_fields import FIELDS
from tests.docs.documents import ROOT

PAGE = ROOT / "docs" / "logs.md"
_HEAD = "| field | type | |\n|---|---|---|\n"


def rewritten(text: str) -> str:
    """The page with its table as it has to be."""
    rows = "".join(
        f"| `{name}` | {field.kind.replace('?', ' or null')} | {field.text} |\n" for name, field in FIELDS.items()
    )
    text, found = re.subn(re.escape(_HEAD) + r"(?:\|.*\n|FIELDS\n)*\n*", lambda _: f"{_HEAD}{rows}\n", text)
    assert found == 1, f"expected one table of fields, got {found}"
    return text


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text()))
