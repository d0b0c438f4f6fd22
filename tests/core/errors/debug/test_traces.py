"""Traces: exceptions as data."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from sketch.errors.debug import traces as module
from sketch.errors.debug.text import render_text
from sketch.errors.debug.traces import CAUSE, CONTEXT
from sketch.templates import Templates
from tests.core.errors.debug.support import run, traces_of


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as exc:
        return exc


def test_a_frame_has_its_source_and_its_variables(tmp_path: Path) -> None:
    source = "".join(f"# line {number}\n" for number in range(1, 10))
    source += "def price(item):\n    tax = 2\n    return tax + item['count']  # här\nprice({})\n"
    (trace,) = traces_of(run(tmp_path / "prices.py", source))
    frame = trace.frames[-1]
    assert trace.title == "KeyError: 'count'"
    assert (frame.file, frame.line, frame.function, frame.library) == (str(tmp_path / "prices.py"), 12, "price", False)
    assert [line.number for line in frame.source] == [7, 8, 9, 10, 11, 12, 13]
    assert [line.number for line in frame.source if line.current] == [12]
    assert frame.variables == [("item", "{}"), ("tax", "2")]
    line = frame.source[5]
    assert line.marked is not None
    assert line.text[slice(*line.marked)] == "item['count']"


def test_columns_are_those_of_characters(tmp_path: Path) -> None:
    (trace,) = traces_of(run(tmp_path / "a.py", "x = 'ä€𝄞' + y\n"))
    line = trace.frames[-1].source[0]
    assert line.marked is not None
    assert line.text[slice(*line.marked)] == "y"


def test_a_whole_line_is_not_marked(tmp_path: Path) -> None:
    (trace,) = traces_of(run(tmp_path / "a.py", "def f():\n    raise ValueError\nf()\n"))
    assert [frame.source[frame.line - 1].marked for frame in trace.frames[-2:]] == [None, None]


def test_without_source_there_are_still_variables() -> None:
    try:
        exec(compile("def f(n):\n    raise ValueError\nf(1)", "<nowhere>", "exec"), {})
    except ValueError as exc:
        frame = traces_of(exc)[0].frames[-1]
    assert (frame.file, frame.source, frame.variables) == ("<nowhere>", [], [("n", "1")])


def test_files_of_the_working_directory_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = run(tmp_path / "a.py", "1/0")
    monkeypatch.chdir(tmp_path)
    assert traces_of(error)[0].frames[-1].file == "a.py"
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert traces_of(error)[0].frames[-1].file == str(tmp_path / "a.py")


@pytest.mark.parametrize(
    ("file", "name", "library"),
    [
        ("/srv/shop/prices.py", "shop.prices", False),
        ("/srv/shop/prices.py", "sketchbook", False),
        ("/srv/.venv/lib/python3.11/site-packages/attr/x.py", "attr.x", True),
        ("/usr/lib/python3/dist-packages/attr/x.py", "attr.x", True),
        ("/srv/sketch/application.py", "sketch.application", True),
        ("/srv/sketch_native/exchange.py", "sketch_native.exchange", True),
        (contextlib.__file__, "contextlib", True),
        ("<frozen importlib._bootstrap>", "importlib._bootstrap", True),
        ("<string>", "__main__", False),
    ],
)
def test_frames_of_libraries(file: str, name: str, library: bool) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        exec(compile("1/0", file, "exec"), {"__name__": name})
    assert traces_of(caught.value)[0].frames[-1].library is library


def test_libraries_are_named_without_their_directory() -> None:
    with pytest.raises(ValueError) as caught:
        contextlib.ExitStack().enter_context(contextlib.nullcontext(int("x")))
    with pytest.raises(TypeError) as caught_inside:
        contextlib.ExitStack().enter_context(3)  # type: ignore[arg-type]
    assert traces_of(caught.value)[0].frames[-1].file.endswith("tests/core/errors/debug/test_traces.py")
    assert traces_of(caught_inside.value)[0].frames[-1].file == "contextlib.py"


# -- chains ----------------------------------------------------------------------------------------------------------


def titles(exc: BaseException) -> list[tuple[str, str]]:
    return [(trace.relation, trace.title) for trace in traces_of(exc)]


def test_causes_and_contexts() -> None:
    error = ValueError("last")
    error.__cause__ = KeyError("cause")
    error.__cause__.__context__ = OSError("context")
    assert titles(error) == [("", "ValueError: last"), (CAUSE, "KeyError: 'cause'"), (CONTEXT, "OSError: context")]


def test_a_context_that_was_suppressed_is_not_shown() -> None:
    error = ValueError("shown")
    error.__context__ = KeyError("hidden")
    error.__suppress_context__ = True  # raise ... from None
    assert titles(error) == [("", "ValueError: shown")]


def test_circles_and_long_chains_end() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert len(traces_of(first)) == 2
    error = last = ValueError(0)
    for number in range(100):
        last.__cause__ = last = ValueError(number)
    assert len(traces_of(error)) == module.CHAIN


def test_groups() -> None:
    inner = ExceptionGroup("inner", [raised(KeyError("deep"))])
    (trace,) = traces_of(raised(ExceptionGroup("outer", [inner, ValueError("flat")])))
    assert trace.title == "ExceptionGroup: outer (2 sub-exceptions)"
    assert [chain[0].title for chain in trace.parts] == ["ExceptionGroup: inner (1 sub-exception)", "ValueError: flat"]
    assert trace.parts[0][0].parts[0][0].title == "KeyError: 'deep'"


def test_groups_are_bounded() -> None:
    wide = ExceptionGroup("wide", [ValueError(number) for number in range(100)])
    assert len(traces_of(wide)[0].parts) == module.PARTS
    deep: Exception = ValueError()
    for _ in range(50):
        deep = ExceptionGroup("deep", [deep])
    depth, parts = 0, traces_of(deep)[0].parts
    while parts:
        depth, parts = depth + 1, parts[0][0].parts
    assert depth == module.NESTED


def deepen(number: int) -> int:
    return deepen(number + 1)


def test_deep_stacks_are_cut() -> None:
    with pytest.raises(RecursionError) as caught:
        deepen(0)
    (trace,) = traces_of(caught.value)
    assert len(trace.frames) == module.INNERMOST + module.OUTERMOST
    assert trace.skipped > 100
    assert trace.frames[module.OUTERMOST - 1].variables < trace.frames[-1].variables
    assert f"... {trace.skipped} calls are left out here ..." in render_text([trace])


def test_many_variables_are_counted(tmp_path: Path) -> None:
    (trace,) = traces_of(run(tmp_path / "a.py", "1/0", **{f"v{number}": number for number in range(100)}))
    frame = trace.frames[-1]
    assert (len(frame.variables), frame.hidden) == (module.VARIABLES, 100 - module.VARIABLES)


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_exceptions_that_cannot_be_printed_and_long_ones() -> None:
    assert traces_of(Unprintable())[0].title.endswith("Unprintable: <exception str() failed>")
    assert len(traces_of(ValueError("x" * 1_000_000))[0].title) == module.MESSAGE + 3
    assert traces_of(ValueError())[0].title == "ValueError"
    noted = ValueError("a")
    noted.add_note("password=hunter2!")
    assert traces_of(noted)[0].title == "ValueError: a\npassword=<masked>"


def test_one_frame_gives_away_the_secrets_of_another(tmp_path: Path) -> None:
    source = "def use(value):\n    raise ValueError(f'cannot use {value}')\ndef find(token):\n    use(token)\nfind(t)\n"
    (trace,) = traces_of(run(tmp_path / "a.py", source, t="planted-7f3a"))
    assert "planted" not in repr(trace)
    assert trace.title == "ValueError: cannot use <masked>"


# -- templates ---------------------------------------------------------------------------------------------------------


def test_a_template_is_shown_as_its_author_knows_it(tmp_path: Path) -> None:
    (tmp_path / "base.html").write_text("<body>\n{% block content %}{% endblock %}")
    source = "{% extends 'base.html' %}\n{% block content %}\n<p>{{ user.name }} {{ missing }}\n{% endblock %}"
    (tmp_path / "page.html").write_text(source)
    with pytest.raises(UndefinedError) as caught:
        asyncio.run(Templates(tmp_path, strict=True).render("page.html", {"user": {"name": "ann"}}))
    (trace,) = traces_of(caught.value)
    shown = [frame for frame in trace.frames if not frame.library and str(tmp_path) in frame.file]
    assert [(Path(frame.file).name, frame.line, frame.function) for frame in shown] == [
        ("page.html", 1, "top-level template code"),
        ("base.html", 2, "top-level template code"),
        ("page.html", 3, "block 'content'"),
    ]
    (line,) = [line for line in shown[-1].source if line.current]
    assert (line.text, line.marked) == ("<p>{{ user.name }} {{ missing }}", None)
    assert ("user", "{'name': 'ann'}") in shown[-1].variables
    assert "in block 'content'" in render_text([trace])


def test_the_name_of_a_missing_template_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(TemplateNotFound) as caught:
        asyncio.run(Templates(tmp_path).render("missing-page.html"))
    (trace,) = traces_of(caught.value)
    assert trace.title.endswith(f"a file below {tmp_path}, got 'missing-page.html'")
