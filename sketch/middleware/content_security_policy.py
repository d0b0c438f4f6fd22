"""Builds a content security policy: what a page may load, run, and be shown in (W3C CSP Level 3)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sketch.checks import check_flags

NONCE = "'nonce'"
"""Stands in a `CSP` for the nonce of the request: only the scripts and styles that `csp_nonce` marks may run."""

Sources = Iterable[str]

_KEYWORDS = frozenset({
    "'self'", "'none'", "'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", "'strict-dynamic'", "'report-sample'",
    "'wasm-unsafe-eval'", "'inline-speculation-rules'", NONCE,
})  # fmt: skip
_HASH = re.compile(r"'sha(?:256|384|512)-[A-Za-z0-9+/_-]+={0,2}'")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HOST = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:\*|(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?:[0-9]{1,5}|\*))?(?:/[A-Za-z0-9!#$%&()*+./:=?@_~-]*)?"
)
_WORD = re.compile(r"[A-Za-z0-9#$%&'()*+./:=?@_~!-]+")
_NOT_SOURCES = frozenset({"sandbox", "report-to", "report-uri", "require-trusted-types-for", "trusted-types"})
_WITH_NONCE = frozenset({
    "default-src", "script-src", "script-src-elem", "style-src", "style-src-elem", "worker-src",
})  # fmt: skip


class CSP:
    """A content security policy, for `SecurityHeaders(csp=)`.

        CSP(default_src=["'self'"], script_src=["'self'", NONCE], img_src=["'self'", "data:", "https://cdn.example"])

    Args:
        default_src, script_src, style_src, img_src and the others: the sources of each kind, as in the policy itself:
            `"'self'"` with its quotes, `"https:"`, `"*.example.com"`, `"'sha256-...'"`, or `NONCE`. Empty: no such
            directive; `["'none'"]`: nothing is allowed.
        frame_ancestors: which origins may show the page in a frame; without it, `SecurityHeaders(frames=)` says it.
        sandbox: what a sandboxed page may: `["allow-forms"]`. None: it is no sandbox.
        report_uri, report_to: where browsers report what they refuse.
        require_trusted_types_for, trusted_types: `["'script'"]`, and the names of policies.
        upgrade_insecure_requests: whether the page's http URLs are loaded by https.
        report_only: whether browsers only report what the policy would refuse.

    Raises:
        TypeError: for a `str` in place of a list.
        ValueError: for what is no source: a keyword without quotes; a semicolon, comma, space or line break, which
            would begin another directive; a nonce that is the same in each answer. Also for `'none'` beside others, and
            for no directive.
    """

    __slots__ = ("_directives", "decides_frames", "has_nonce", "report_only")

    def __init__(
        self,
        *,
        default_src: Sources = (),
        script_src: Sources = (),
        script_src_elem: Sources = (),
        script_src_attr: Sources = (),
        style_src: Sources = (),
        style_src_elem: Sources = (),
        style_src_attr: Sources = (),
        img_src: Sources = (),
        font_src: Sources = (),
        connect_src: Sources = (),
        media_src: Sources = (),
        object_src: Sources = (),
        child_src: Sources = (),
        frame_src: Sources = (),
        worker_src: Sources = (),
        manifest_src: Sources = (),
        base_uri: Sources = (),
        form_action: Sources = (),
        frame_ancestors: Sources = (),
        sandbox: Sources | None = None,
        report_uri: Sources = (),
        report_to: Sources = (),
        require_trusted_types_for: Sources = (),
        trusted_types: Sources = (),
        upgrade_insecure_requests: bool = False,
        report_only: bool = False,
    ) -> None:
        check_flags(upgrade_insecure_requests=upgrade_insecure_requests, report_only=report_only)
        given = {
            "default-src": default_src, "script-src": script_src, "script-src-elem": script_src_elem,
            "script-src-attr": script_src_attr, "style-src": style_src, "style-src-elem": style_src_elem,
            "style-src-attr": style_src_attr, "img-src": img_src, "font-src": font_src, "connect-src": connect_src,
            "media-src": media_src, "object-src": object_src, "child-src": child_src, "frame-src": frame_src,
            "worker-src": worker_src, "manifest-src": manifest_src, "base-uri": base_uri, "form-action": form_action,
            "frame-ancestors": frame_ancestors, "report-uri": report_uri, "report-to": report_to,
            "require-trusted-types-for": require_trusted_types_for, "trusted-types": trusted_types,
        }  # fmt: skip
        checked = {name: _checked(name, sources) for name, sources in given.items()}
        self._directives = {name: sources for name, sources in checked.items() if sources}
        if sandbox is not None:
            self._directives["sandbox"] = _checked("sandbox", sandbox)
        if upgrade_insecure_requests:
            self._directives["upgrade-insecure-requests"] = ()
        if not self._directives:
            raise ValueError("expected at least one directive, as default_src=[\"'self'\"], got none")
        self.report_only = report_only
        """Whether browsers only report."""
        self.has_nonce = any(NONCE in sources for sources in self._directives.values())
        """Whether `NONCE` stands anywhere."""
        self.decides_frames = "frame-ancestors" in self._directives and not report_only
        """Whether the policy decides which origins may show the page in a frame."""

    def text(self, nonce: str | None = None) -> str:
        """Write the policy.

        Args:
            nonce: what stands for `NONCE`; None where no script or style of the page has one: then none may run by it.
        """
        return "; ".join(" ".join([name, *_filled(sources, nonce)]) for name, sources in self._directives.items())

    def __repr__(self) -> str:
        return f"<CSP {self.text()!r:.200}>"


def _filled(sources: tuple[str, ...], nonce: str | None) -> list[str]:
    """Put the nonce in its place. Without one the place is left out; what is then empty allows nothing."""
    if nonce is not None:
        return [f"'nonce-{nonce}'" if source == NONCE else source for source in sources]
    left = [source for source in sources if source != NONCE]
    return left if left or not sources else ["'none'"]


def _checked(name: str, sources: Sources) -> tuple[str, ...]:
    """Check the sources of a directive."""
    if isinstance(sources, str):
        raise TypeError(f"expected {name} as a list of sources, got {sources!r:.200}: write [it]")
    found = tuple(sources)
    for source in found:
        if not isinstance(source, str) or not _is_allowed(name, source):
            raise ValueError(
                f"expected {name} of sources like 'https://cdn.example', got {source!r:.200}{_advice(source)}"
            )
    if "'none'" in found and len(found) > 1 and name not in _NOT_SOURCES:
        raise ValueError(f"expected {name} with 'none' alone, got {list(found)!r:.200}")
    return found


def _is_allowed(name: str, source: str) -> bool:
    if name in _NOT_SOURCES:
        return _WORD.fullmatch(source) is not None
    if source == NONCE:
        return name in _WITH_NONCE
    if source.startswith("'"):
        return source in _KEYWORDS or _HASH.fullmatch(source) is not None
    if f"'{source.lower()}'" in _KEYWORDS:
        return False
    return any(pattern.fullmatch(source) for pattern in (_SCHEME, _HOST))


def _advice(source: object) -> str:
    """What to write instead."""
    if not isinstance(source, str):
        return ""
    if f"'{source.lower()}'" in _KEYWORDS:
        return f": write \"'{source.lower()}'\", with its quotes; without them it is the name of a host"
    if source.startswith("'nonce"):
        return ": write NONCE, in a directive for scripts or styles; a nonce that does not change protects nothing"
    if re.search(r"[;,\s]", source):
        return ": each source is an item of the list, and none begins another directive"
    return ""
