"""The debug page: its order, and that all its contents stay text."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest

from sketch.errors.debug.page import POLICY, STYLE, render
from sketch.errors.debug.text import render_text
from sketch.errors.debug.traces import INNERMOST, OUTERMOST, Frame, Line, Trace
from tests.core.errors.debug.support import EVIL, read


def frame(function: str = "f", *, library: bool = False, **changes: Any) -> Frame:
    source = [Line(1, "def f():"), Line(2, "    raise X", current=True, marked=(10, 11))]
    values: dict[str, Any] = {"file": "a.py", "line": 2, "source": source, "variables": [("n", "1")], "hidden": 0}
    return Frame(function=function, library=library, **(values | changes))


def page(*traces: Trace, facts: Any = (("Request", [("Line", "GET /")]),)) -> str:
    chain = list(traces)
    return render(chain, list(facts), render_text(chain))


def test_order_of_the_page() -> None:
    html = page(
        Trace("ValueError: x", [frame("outer"), frame("inner")]),
        facts=[("Request", [("Line", "GET /a")]), ("Query", [("q", "1")]), ("Header fields", [])],
    )
    text = read(html)
    assert "<title>ValueError: x</title>" in html
    assert "<p>GET /a</p><h1>ValueError: x</h1>" in html
    assert html.index("<b>inner</b>") < html.index("<b>outer</b>"), "the most recent call comes first"
    assert '<span class="hot"><i>2</i>    raise <mark>X</mark></span>' in html
    assert "<tr><th>n</th><td>1</td></tr>" in html
    assert "<tr><th>q</th><td>1</td></tr>" in html
    assert "Header fields" not in text, "there are none"
    assert "Traceback (most recent call last):" in text


def opened(html: str) -> list[str]:
    return [part.partition("</b>")[0] for part in html.split("<details open><summary><b>")[1:]]


def test_the_last_call_of_the_application_is_open() -> None:
    frames = [frame("server", library=True), frame("handler"), frame("price"), frame("loads", library=True)]
    assert opened(page(Trace("X", frames))) == ["price"]


def test_an_error_within_libraries_alone_is_open() -> None:
    frames = [frame("outer", library=True), frame("inner", library=True)]
    later = Trace("Y", frames, relation="after")
    assert opened(page(Trace("X", frames), later)) == ["inner"]
    assert opened(page(Trace("X", []))) == []
    assert "<pre></pre>" not in page(Trace("X", [frame(source=[])]))


def test_calls_in_libraries_are_folded() -> None:
    frames = [frame("a", library=True), frame("b", library=True), frame("c"), frame("d", library=True), frame("e")]
    html = page(Trace("X", frames))
    read(html)
    assert html.count('class="libraries"') == 2
    assert "<summary>1 call in libraries</summary>" in html
    assert "<summary>2 calls in libraries</summary>" in html


@pytest.mark.parametrize("library", [False, True])
def test_calls_left_out_of_a_deep_stack_are_counted(library: bool) -> None:
    frames = [frame(f"f{number}", library=library) for number in range(OUTERMOST + INNERMOST)]
    html = page(Trace("X", frames, skipped=950))
    read(html)
    left_out = html.index("<p>... 950 calls are left out here ...</p>")
    assert html.index(f"<b>f{OUTERMOST}</b>") < left_out < html.index(f"<b>f{OUTERMOST - 1}</b>")


def test_chains_and_groups() -> None:
    group = Trace("Group", [frame("g")], parts=[[Trace("A", [frame("a")])], [Trace("B", []), Trace("C", [], 0, "why")]])
    text = read(page(group, Trace("Cause", [frame("c")], 0, "caused by")))
    for wanted in ("Exception 1 of the group", "Exception 2 of the group", "why", "caused by"):
        assert wanted in text
    assert text.index("Exception 1 of the group") < text.index("caused by")


def test_variables_that_are_left_out_are_counted() -> None:
    assert "<tr><th>...</th><td>7 more</td></tr>" in page(Trace("X", [frame(hidden=7)]))


def test_nothing_is_more_than_text() -> None:
    """Every field of everything, in a file, a function, a line, a variable, the request."""
    source = [Line(1, EVIL), Line(2, EVIL, current=True, marked=(8, 40)), Line(3, EVIL, current=True)]
    hostile = frame(EVIL, file=EVIL, source=source, variables=[(EVIL, EVIL)])
    parts = [[Trace(EVIL, [hostile], 0, EVIL), Trace(EVIL, [], 0, EVIL)]]
    traces = [Trace(EVIL, [hostile], 0, ""), Trace(EVIL, [hostile], 3, EVIL, parts)]
    html = page(*traces, facts=[(EVIL, [(EVIL, EVIL)]), (EVIL, [(EVIL, EVIL)])])
    text = read(html)
    assert "<script" not in html
    assert "<img" not in html
    assert text.count(EVIL) > 20


def test_names_take_a_fixed_part_of_a_table() -> None:
    """In a table of fixed layout, a width that is computed of a percentage counts as none: each column gets half."""
    assert "table-layout:fixed" in STYLE
    assert not re.findall(r"th{width:\w+\(", STYLE)


def test_the_policy_lets_nothing_run_or_load() -> None:
    directives = dict(part.strip().partition(" ")[::2] for part in POLICY.split(";"))
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert directives == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert f"<style>{STYLE}</style>" in page(Trace("X", []))
    assert "url(" not in STYLE
    assert "style=" not in page(Trace("X", [frame()]))
