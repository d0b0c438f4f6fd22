"""A strict reader of debug pages, and programs that raise."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from sketch.errors.debug.masking import Masker
from sketch.errors.debug.traces import Trace, read_traces

EVIL = "</title></style></pre><script>alert(1)</script><img src=x onerror=alert(1)>\" onload='alert(1)' &lt;b&gt; {0}"

TAGS = {
    "b", "body", "code", "details", "div", "footer", "h1", "h2", "h3", "head", "header", "html", "i", "main", "mark",
    "meta", "p", "pre", "section", "small", "span", "style", "summary", "table", "td", "th", "title", "tr",
}  # fmt: skip
ATTRIBUTES = {"class", "open", "lang", "charset", "name", "content"}
VOID = {"meta"}


class Reader(HTMLParser):
    """Checks that a page is well-formed and has only known tags and attributes; collects its text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.opened: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, f"<{tag}>"
        assert {name for name, _ in attrs} <= ATTRIBUTES, attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def close(self) -> None:
        super().close()
        assert self._open == []


def read(page: str) -> str:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader.text


def traces_of(exc: BaseException) -> list[Trace]:
    return read_traces(exc, Masker())


def run(path: Path, source: str, **variables: Any) -> BaseException:
    """Run the source as that file; return the exception that it raises."""
    path.write_text(source)
    try:
        exec(compile(source, str(path), "exec"), {"__name__": "shop.prices", **variables})
    except BaseException as exc:
        return exc
    raise AssertionError("expected an error")
