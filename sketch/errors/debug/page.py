"""The debug page: self-contained HTML in which nothing can run or load."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby

from sketch.errors.debug.facts import Fact
from sketch.errors.debug.traces import OUTERMOST, Frame, Line, Trace

STYLE = """
:root{color-scheme:light dark;--back:#fbfbfa;--card:#fff;--text:#1f2328;--soft:#656d76;--line:#d8dee4;--red:#b42318;
--mark:#fff1b8;--hot:#fdeceb;--app:#0b5cad}
@media(prefers-color-scheme:dark){:root{--back:#15181c;--card:#1c2025;--text:#e2e6ea;--soft:#9aa4ae;--line:#333a42;
--red:#ff8b7e;--mark:#5c4a00;--hot:#3a1f1e;--app:#7db8f7}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:15px/1.5 system-ui,sans-serif}
main{max-width:68rem;margin:0 auto;padding:2rem 1rem 3rem}
pre,code,td,th{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:13px}
header{border-left:4px solid var(--red);padding:.2rem 0 .2rem 1rem;margin-bottom:2rem}
header p{margin:0;color:var(--soft)}
h1{margin:.3rem 0;font:600 1.3rem/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--red);
white-space:pre-wrap;overflow-wrap:anywhere;max-height:20rem;overflow-y:auto}
h2{margin:2rem 0 .6rem;font-size:1.05rem}
h3{margin:1.6rem 0 .6rem;font-size:.95rem;font-weight:600;white-space:pre-wrap;overflow-wrap:anywhere}
h3 small{display:block;color:var(--soft);font-weight:400}
details{background:var(--card);border:1px solid var(--line);border-radius:6px;margin:.4rem 0}
summary{cursor:pointer;padding:.45rem .8rem;overflow-wrap:anywhere}
summary small{color:var(--soft)}summary b{color:var(--app);font-weight:600}
summary code{display:block;padding-left:1rem;color:var(--soft);white-space:pre-wrap}
details[open]>summary{border-bottom:1px solid var(--line)}details[open]>summary>code{display:none}
.libraries,.libraries details{background:none}.libraries>details{margin:.4rem .6rem}
.libraries>summary,.libraries b{color:var(--soft);font-weight:400}
pre{margin:0;padding:.5rem 0;overflow-x:auto;line-height:1.55}
pre i{display:inline-block;width:3.6rem;padding-right:.9rem;text-align:right;font-style:normal;color:var(--soft)}
pre .hot{display:inline-block;min-width:100%;background:var(--hot)}
mark{background:var(--mark);color:inherit;border-radius:2px}
.text{padding:.8rem;white-space:pre-wrap;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;table-layout:fixed}
.card{background:var(--card);border:1px solid var(--line);border-radius:6px;overflow:hidden}
details table{border-top:1px solid var(--line)}
td,th{padding:.25rem .8rem;text-align:left;vertical-align:top;overflow-wrap:anywhere;white-space:pre-wrap}
th{width:13rem;font-weight:400;color:var(--soft)}tr+tr{border-top:1px solid var(--line)}
.part{border-left:2px solid var(--line);padding-left:1rem;margin-left:.2rem}
@media(max-width:40rem){th{width:34%}}
footer{margin-top:2.5rem;color:var(--soft)}
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The page's Content-Security-Policy: no script, no other style than its own, nothing loaded."""


def render(traces: list[Trace], request: list[tuple[str, list[Fact]]], text: str) -> str:
    """Render the page as HTML.

    Args:
        traces: the exception and those that led to it.
        request: facts about the request, under titles.
        text: the same traces as text, to be copied.
    """
    return _document(
        traces[0].title,
        request,
        f"<h2>Traceback, most recent call first</h2>{''.join(_trace(trace, traces) for trace in traces)}"
        f"{_facts(request)}<h2>As text</h2>"
        f'<details><summary>Traceback, most recent call last</summary><pre class="text">{escape(text)}</pre></details>',
    )


def render_miss(routes: list[Fact], request: list[tuple[str, list[Fact]]]) -> str:
    """Render the page for a path without a route.

    Args:
        routes: the routes that there are.
        request: facts about the request, under titles.
    """
    return _document("404 Not Found", request, f"{_facts([('The routes', routes)])}{_facts(request)}")


def render_explained(title: str, inputs: list[tuple[str, list[Fact]]], request: list[tuple[str, list[Fact]]]) -> str:
    """Render the page for an exception with the inputs that have led to it.

    Args:
        title: the status and the reason.
        inputs: what was declared and what came, under the name of each input.
        request: facts about the request, under titles.
    """
    return _document(title, request, f"{_facts(inputs)}{_facts(request)}")


def _facts(titled: list[tuple[str, list[Fact]]]) -> str:
    return "".join(f"<h2>{escape(name)}</h2>{_table(rows, 'card')}" for name, rows in titled if rows)


def _document(title: str, request: list[tuple[str, list[Fact]]], body: str) -> str:
    """The whole page: the request's first fact and the title as its header, then the body."""
    lines = title.splitlines() or [""]
    # The title of a SyntaxError begins with its place and its line.
    short = escape(lines[-1 if lines[0].startswith('File "') else 0][:200])
    first = "".join(f"<p>{escape(value)}</p>" for _, value in request[0][1][:1])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{short}</title><style>{STYLE}</style></head>'
        "<body><main>"
        f"<header>{first}<h1>{escape(title)}</h1></header>{body}"
        "<footer>This page is shown because the application runs with debug on. Never do so in production.</footer>"
        "</main></body></html>"
    )


def _trace(trace: Trace, chain: list[Trace]) -> str:
    head = f"<h3><small>{escape(trace.relation)}</small>{escape(trace.title)}</h3>" if trace.relation else ""
    frames = list(reversed(trace.frames))
    # The cause is mostly the last call in the application's own code, of the exception shown first: that is opened.
    opened = next((frame for frame in frames if not frame.library), frames[0] if frames else None)
    if trace is not chain[0] and opened is not None and opened.library:
        opened = None
    return head + "".join(_frames(frames, trace, opened)) + "".join(_parts(trace.parts))


def _parts(parts: list[list[Trace]]) -> Iterator[str]:
    for number, chain in enumerate(parts, 1):
        title = f"<h3><small>Exception {number} of the group</small>{escape(chain[0].title)}</h3>"
        yield f'<section class="part">{title}{"".join(_trace(trace, chain) for trace in chain)}</section>'


def _frames(frames: list[Frame], trace: Trace, opened: Frame | None) -> Iterator[str]:
    """Render the calls; consecutive calls in libraries are folded together."""
    border = len(frames) - OUTERMOST if trace.skipped else -1
    for (library, _), group in groupby(enumerate(frames), lambda item: (item[1].library, item[0] < border)):
        members = list(group)
        if members[0][0] == border:
            yield f"<p>... {trace.skipped} calls are left out here ...</p>"
        shown = "".join(_frame(frame, frame is opened) for _, frame in members)
        if library and not any(frame is opened for _, frame in members):
            noun = "call" if len(members) == 1 else "calls"
            shown = f'<details class="libraries"><summary>{len(members)} {noun} in libraries</summary>{shown}</details>'
        yield shown


def _frame(frame: Frame, opened: bool) -> str:
    current = next((line.text.strip() for line in frame.source if line.current), "")
    hidden = [("...", f"{frame.hidden} more")] if frame.hidden else []
    return (
        f"<details{' open' if opened else ''}><summary><b>{escape(frame.function)}</b> "
        f"<small>{escape(frame.file)}:{frame.line}</small><code>{escape(current)}</code></summary>"
        f"{_source(frame.source)}{_table([*frame.variables, *hidden])}</details>"
    )


def _source(lines: list[Line]) -> str:
    if not lines:
        return ""
    return f"<pre>{chr(10).join(map(_line, lines))}</pre>"


def _line(line: Line) -> str:
    text = escape(line.text)
    if line.marked is not None:
        begin, end = line.marked
        pieces = (line.text[:begin], line.text[begin:end], line.text[end:])
        text = "{}<mark>{}</mark>{}".format(*map(escape, pieces))
    number = f"<i>{line.number}</i>{text}"
    return f'<span class="hot">{number}</span>' if line.current else number


def _table(rows: Iterable[Fact], style: str = "") -> str:
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    table = f"<table>{cells}</table>" if cells else ""
    return f'<div class="{style}">{table}</div>' if style and table else table
