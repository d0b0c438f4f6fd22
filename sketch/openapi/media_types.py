"""Media types as a document names them: without parameters."""

from __future__ import annotations

from sketch.errors import problems
from sketch.response import BYTES as _BYTES, HTML as _HTML, JSON as _JSON, TEXT as _TEXT
from sketch.streams import json_lines


def bare(media_type: str) -> str:
    """Return a media type without its parameters."""
    return media_type.partition(";")[0].strip()


BYTES, HTML, JSON, TEXT = map(bare, (_BYTES, _HTML, _JSON, _TEXT))
JSON_LINES = bare(json_lines.JSON_LINES)
PROBLEM = bare(problems.PROBLEM)
EVENTS = "text/event-stream"
MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
