"""The characters of tokens and the control characters of fields are spelled in one module: `sketch/http/grammar.py`."""

from __future__ import annotations

import re
from pathlib import Path

import sketch
import sketch_asgi
import sketch_gateway
import sketch_native
import sketch_rsgi

SPELLED = re.compile(r"\[[^\]]*!#\$%&'|\\x08\\x0a|\\x0[0-8]-|0x1F|< 0x20")
"""A character class of a token, or of control characters, as patterns and tables spell it."""


def test_other_modules_use_the_grammar() -> None:
    roots = [Path(package.__path__[0]) for package in (sketch, sketch_asgi, sketch_gateway, sketch_native, sketch_rsgi)]
    modules = [path for root in roots for path in root.rglob("*.py")]
    assert [path.name for path in modules if SPELLED.search(path.read_text(encoding="utf-8"))] == ["grammar.py"]
