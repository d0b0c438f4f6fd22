"""What annotations say beside types: titles, descriptions, examples; of `msgspec.Meta` and pydantic's `Field`."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from sketch.jsoncodec import STDLIB

NOTES = ("title", "description", "examples", "deprecated")


def notes_of(metadata: Iterable[Any]) -> dict[str, Any]:
    """Return the members of a schema that say what a value means, the last of each."""
    found: dict[str, Any] = {}
    for item in metadata:
        extra = getattr(item, "extra_json_schema", None) or getattr(item, "json_schema_extra", None)
        if isinstance(extra, Mapping):
            found |= extra
        if type(item).__name__ in ("Meta", "FieldInfo"):
            for name in NOTES:
                value = getattr(item, name, None)
                if value is not None and value is not False:
                    found[name] = plain(value) if name == "examples" else True if name == "deprecated" else value
        elif hasattr(item, "documentation"):  # `typing_extensions.Doc`
            found["description"] = item.documentation
    return found


def plain(value: Any) -> Any:
    """Return a value as JSON holds it.

    Raises:
        TypeError, ValueError: for one that JSON cannot hold.
    """
    return STDLIB.loads(STDLIB.dumps(value))


def default_of(default: Any) -> dict[str, Any]:
    """Return the member `default` of a schema; nothing for a value that JSON cannot hold, and for None and none."""
    if default is None or default is inspect.Parameter.empty:
        return {}
    try:
        return {"default": plain(default)}
    except (TypeError, ValueError):
        return {}


def split_docstring(function: Any) -> tuple[str | None, str | None]:
    """Return the first paragraph of a docstring as one line, and the rest up to a form feed."""
    text = inspect.cleandoc(getattr(function, "__doc__", None) or "").partition("\f")[0].strip()
    first, _, rest = text.partition("\n\n")
    return " ".join(first.split()) or None, rest.strip() or None
