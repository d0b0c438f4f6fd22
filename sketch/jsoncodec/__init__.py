"""JSON: the codecs, reading as a type, writing objects."""

from __future__ import annotations

from sketch.jsoncodec.codec import STDLIB, JSONCodec, find_type_reader, json_codec, loads_as
from sketch.jsoncodec.errors import ValidationError

__all__ = ["STDLIB", "JSONCodec", "ValidationError", "find_type_reader", "json_codec", "loads_as"]
