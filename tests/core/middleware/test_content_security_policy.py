"""Content security policies."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import CSP, NONCE

SELF = "'self'"


def test_text() -> None:
    policy = CSP(
        default_src=[SELF],
        script_src=[SELF, NONCE, "'strict-dynamic'", "'sha256-abc+/=='"],
        style_src_elem=[NONCE],
        img_src=["data:", "https://*.cdn.example:8443/a/b", "*", "[::1]:*"],
        object_src=["'none'"],
        report_uri=["/csp?x=1"],
        trusted_types=["default", "'allow-duplicates'"],
        sandbox=["allow-forms"],
        upgrade_insecure_requests=True,
    )
    assert policy.text("abc") == (
        "default-src 'self'; script-src 'self' 'nonce-abc' 'strict-dynamic' 'sha256-abc+/=='; "
        "style-src-elem 'nonce-abc'; img-src data: https://*.cdn.example:8443/a/b * [::1]:*; object-src 'none'; "
        "report-uri /csp?x=1; trusted-types default 'allow-duplicates'; sandbox allow-forms; upgrade-insecure-requests"
    )
    assert "script-src 'self' 'strict-dynamic' " in policy.text()
    assert "style-src-elem 'none'; " in policy.text()  # what only a nonce allows, nothing does without one
    assert policy.has_nonce
    assert not policy.decides_frames
    assert CSP(sandbox=[]).text() == "sandbox"
    assert CSP(frame_ancestors=[SELF]).decides_frames
    assert not CSP(frame_ancestors=[SELF], report_only=True).decides_frames
    assert repr(CSP(default_src=[SELF])) == "<CSP \"default-src 'self'\">"


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("a.example; script-src *", "none begins another directive"),
        ("a.example\r\nX: y", "none begins another directive"),
        ("a.example, b.example", "none begins another directive"),
        ("a.example b.example", "none begins another directive"),
        ("https://a.example/x;y", "none begins another directive"),
        ("self", "write \"'self'\", with its quotes"),
        ("NONE", "write \"'none'\", with its quotes"),
        ("'nonce-abc'", "write NONCE"),
        ("'unsafe'", ""),
        ("'sha1-abc'", ""),
        ("", ""),
        ("https://", ""),
        ("bücher.example", ""),
        (7, ""),
    ],
)
def test_what_is_no_source(source: Any, advice: str) -> None:
    with pytest.raises(ValueError, match=f"expected script-src of sources like.*{advice}"):
        CSP(script_src=[SELF, source])


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"img_src": SELF}, TypeError, "expected img-src as a list of sources"),
        ({"img_src": [NONCE]}, ValueError, "expected img-src of sources"),
        ({"img_src": ["'none'", "a.example"]}, ValueError, "expected img-src with 'none' alone"),
        ({"sandbox": ["allow-forms;"]}, ValueError, "expected sandbox of sources"),
        ({"report_to": ["a;b"]}, ValueError, "expected report-to of sources"),
        ({"default_sources": [SELF]}, TypeError, "default_sources"),
        ({"report_only": "no", "img_src": [SELF]}, TypeError, "expected report_only to be True or False"),
        ({}, ValueError, "expected at least one directive"),
    ],
)
def test_arguments(options: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        CSP(**options)
