"""Texts that people wrote, on the reference page."""

from __future__ import annotations

import pytest

from sketch.openapi.page.prose import prose
from tests.core.openapi.page.reading import operation


def test_prose() -> None:
    described = "One `a < b`,\nstill one.\n\n- first\n  goes on\n- second\n\n```python\nx = 1\n\ny = 2\n```\nlast"
    markup = operation(description=described)
    assert "<p>One <code>a &lt; b</code>,\nstill one.</p><ul><li>first goes on</li><li>second</li></ul>" in markup
    assert '<pre tabindex="0">x = 1\n\ny = 2</pre><p>last</p>' in markup


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("a", "<p>a</p>"),
        ("``a`b``", "<p><code>a`b</code></p>"),
        ("a ` b", "<p>a ` b</p>"),
        ("<img src=x>[x](javascript:a)", "<p>&lt;img src=x&gt;[x](javascript:a)</p>"),
        ("a\n* b", "<p>a</p><ul><li>b</li></ul>"),
        ("```\nnever closed", '<pre tabindex="0">never closed</pre>'),
    ],
)
def test_texts(text: str, expected: str) -> None:
    assert prose(text) == expected
