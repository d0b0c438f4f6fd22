"""Tokens."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sketch.http.grammar import tokens


def test_names() -> None:
    assert tokens("names", iter(["X-Name", "v1.chat", "!#$%&'*+-.^_`|~"])) == ("X-Name", "v1.chat", "!#$%&'*+-.^_`|~")
    assert tokens("names", []) == ()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("chat", TypeError, "expected names as a list, got 'chat'"),
        (["a", "b c"], ValueError, "expected names of names without spaces or separators, got 'b c'"),
        (["a,b"], ValueError, "got 'a,b'"),
        (["ü"], ValueError, "got 'ü'"),
        ([""], ValueError, "got ''"),
        (["*"], ValueError, "got '*'"),
        ([7], ValueError, "got 7"),
    ],
)
def test_what_is_none(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        tokens("names", given)
