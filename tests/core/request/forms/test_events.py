"""Multipart bodies: which are parsed, and which are refused with which reason."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterator
from contextlib import suppress
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sketch.application import Application
from sketch.exceptions import HTTPBadRequest, HTTPContentTooLarge, HTTPUnsupportedMediaType
from sketch.limits import Limits
from sketch.request.forms import events
from sketch.request.forms.events import MOST_HEADERS, Events, PartHead
from tests.core.request.forms.support import LAST, field, file, form_request, part, pieces


def parse(*chunks: bytes, limits: Limits | None = None) -> list[PartHead | bytes | None]:
    parsing = Events(form_request(app=Application(limits=limits)))
    found = [event for chunk in chunks for event in parsing.push(chunk)]
    parsing.end()
    return found


def only_head(disposition: str, *fields: str) -> PartHead:
    head, *_ = parse(part(disposition, b"x", *fields) + LAST)
    assert isinstance(head, PartHead)
    return head


def as_parts(events: list[PartHead | bytes | None]) -> list[tuple[str, bytes]]:
    """Names and contents, whatever the chunks were."""
    parts: list[tuple[str, bytes]] = []
    for event in events:
        if isinstance(event, PartHead):
            parts.append((event.name, b""))
        elif event is not None:
            name, content = parts[-1]
            parts[-1] = name, content + event
    return parts


def test_parts() -> None:
    first, content, end, second, no_content = parse(field("a", b"1") + file("b", "f.txt", b"") + LAST)
    assert isinstance(first, PartHead)
    assert isinstance(second, PartHead)
    assert (first.name, first.filename, first.content_type, content, end) == ("a", None, "", b"1", None)
    assert (second.name, second.filename, second.content_type, no_content) == ("b", "f.txt", "text/plain", None)


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (LAST, 0),
        (b"\r\n" + field("a", b"1") + LAST, 3),
        (b"preamble\r\n" + field("a", b"1") + LAST + b"epilogue", 3),
        (field("a", b"1") + b"--bound--", 3),
    ],
    ids=["no parts", "an empty line first", "preamble and epilogue", "no line end at the end"],
)
def test_text_around_the_parts_is_ignored(body: bytes, count: int) -> None:
    assert len(parse(body)) == count
    assert len(parse(*[bytes([byte]) for byte in body])) == count


WORDS = st.sampled_from([b"\r\n", b"\r", b"--bound", b"\r\n--boun", b"--", b" ", b"\t", b"x" * 30])


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=12).map(b"".join), st.integers(1, 40))
def test_the_chunks_of_a_content_make_no_difference(content: bytes, size: int) -> None:
    body = field("a", content) + field("b", b"2") + LAST
    try:
        whole = as_parts(parse(body))
    except HTTPBadRequest as exc:
        with pytest.raises(HTTPBadRequest, match=re.escape(str(exc))):
            parse(*pieces(body, size))
    else:
        assert as_parts(parse(*pieces(body, size))) == whole


def test_chunks_of_content_are_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser does not see what the padding filter has found no boundary in, unless it counts the bytes."""
    seen: list[bytes] = []
    kind: Any = events.parser().PushMultipartParser
    original = kind.parse
    monkeypatch.setattr(kind, "parse", lambda self, data: (seen.append(data), original(self, data))[1])
    chunks = [part('name="a"', b"0").removesuffix(b"\r\n"), b"1" * 100, b"2" * 100, b"\r\n" + LAST]
    assert as_parts(parse(*chunks)) == [("a", b"0" + b"1" * 100 + b"2" * 100)]
    assert seen[0] == chunks[0]
    assert b"".join(seen[1:]) == chunks[3]


def test_a_content_length_of_a_part_counts_in_every_chunk() -> None:
    begin = part('name="a"', b"", "Content-Length: 150").removesuffix(b"\r\n")
    assert as_parts(parse(begin, b"1" * 100, b"2" * 50, b"\r\n" + LAST)) == [("a", b"1" * 100 + b"2" * 50)]
    for second in (b"2" * 49, b"2" * 51):
        with pytest.raises(HTTPBadRequest, match="Content-Length"):
            parse(begin, b"1" * 100, second, b"\r\n" + LAST)


def test_padding_after_boundaries() -> None:
    body = field("a", b"1 \r\n--boun") + field("b", b"2") + LAST
    padded = body.replace(b"--bound\r\n", b"--bound \t\r\n").replace(b"--bound--\r\n", b"--bound-- \t\r\n")
    for chunks in ([padded], [bytes([byte]) for byte in padded]):
        contents = [event for event in parse(*chunks) if isinstance(event, bytes)]
        assert b"".join(contents) == b"1 \r\n--boun2"


@pytest.mark.parametrize(
    ("disposition", "name", "filename"),
    [
        ('name="a"; filename="x.txt"', "a", "x.txt"),
        ("name=a; filename=x.txt", "a", "x.txt"),
        ('filename="x.txt"; name="a"', "a", "x.txt"),
        ('name="a"; filename=""', "a", ""),
        ('name=""', "", None),
        ('name="a%22b%0D%0Ac"; filename="d%22e"', 'a"b\r\nc', 'd"e'),
        ('name="50%25"', "50%25", None),
        (r'name="a\"b"', 'a"b', None),
        ('name="é"; filename="ü.txt"', "é", "ü.txt"),
        (r'name="a"; filename="C:\dir\x.txt"', "a", "x.txt"),
        ('name="a"; filename="../../etc/passwd"', "a", "../../etc/passwd"),
        ("name=\"a\"; filename*=UTF-8''na%C3%AFve%20file.txt", "a", "naïve file.txt"),
        ('name="a"; filename="plain"; filename*=utf-8\'en\'na%C3%AFve', "a", "naïve"),
        ("name*=utf-8''%C3%A9; filename*=iso-8859-1''%E9", "é", "é"),
        ('name="a"; filename="x; filename*=utf-8\'\'evil"', "a", "x; filename*=utf-8''evil"),
        ('name="a"; filename="plain"; filename*=utf-8\'\'%zz', "a", "plain"),
        ('name="a"; filename="plain"; filename*=utf-8\'\'%ff', "a", "plain"),
        ('name="a"; filename="plain"; filename*=klingon\'\'x', "a", "plain"),
        ('name="a"; filename="plain"; filename*=nonsense', "a", "plain"),
    ],
)
def test_names(disposition: str, name: str, filename: str | None) -> None:
    head = only_head(disposition)
    assert (head.name, head.filename) == (name, filename)


def test_header_fields_of_a_part() -> None:
    head = only_head('name="a"', "Content-Type: Text/HTML; charset=latin-1", "X-Note: two", "x-note: three")
    assert (head.content_type, head.charset) == ("text/html", "latin-1")
    assert head.headers.getall("x-note") == ["two", "three"]
    assert head.headers is head.headers
    assert only_head('name="a"').charset is None


def test_coded_contents_are_known() -> None:
    assert only_head('name="a"', "Content-Transfer-Encoding: Binary").transfer_encoding is None
    assert only_head('name="a"', "Content-Transfer-Encoding: base64").transfer_encoding == "base64"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "boundary after the last part"),
        (b"no boundary at all", "boundary after the last part"),
        (field("a", b"1"), "boundary after the last part"),
        (field("a", b"1") + b"--bound", "boundary after the last part"),
        (part('name="a"')[:20], "boundary after the last part"),
        (b"--bound\nContent", "line break"),
        (b"--boundless\r\n", "byte after first boundary"),
        (b"x--bound\r\n", "in front of first boundary"),
        (b"--bound\r\nContent-Disposition: form-data\r\n\r\n1\r\n" + LAST, "a part with a name"),
        (b'--bound\r\nContent-Disposition: attachment; name="a"\r\n\r\n1\r\n' + LAST, "Wrong type"),
        (b"--bound\r\n\r\n1\r\n" + LAST, "Missing Content-Disposition"),
        (b"--bound\r\nnonsense\r\n\r\n1\r\n" + LAST, "Malformed segment header"),
        (b'--bound\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n1\r\n' + LAST, "failed to decode"),
        (part('name="a"', b"1", 'Content-Disposition: form-data; name="b"') + LAST, "one Content-Disposition"),
        (part('name="a"', b"1", "Content-Type: a/b", "Content-Type: c/d") + LAST, "one Content-Type"),
        (part('name="a"', b"1", "Content-Length: 2") + LAST, "Content-Length"),
        (part('name="a"; name="b"', b"1") + LAST, "the parameter name once in Content-Disposition"),
        (part('name=a; NAME="b"', b"1") + LAST, "the parameter name once in Content-Disposition"),
        (part('name="a"; ??; name="b"', b"1") + LAST, "the parameter name once in Content-Disposition"),
        (part('name="a"; filename=x; filename="y"', b"1") + LAST, "the parameter filename once"),
        (part("name=\"a\"; filename*=utf-8''x; filename*=utf-8''y", b"1") + LAST, r"the parameter filename\* once"),
        (part("name=\"a\"; name*=utf-8''b", b"1") + LAST, "a part with a name, got it twice"),
        (part('name="a"', b"1", "Content-Type: text/plain; charset=utf-8; charset=latin-1") + LAST, "charset once"),
        (b"--bound" + b" " * 1025 + b"\r\n", "at most 1024 bytes of padding"),
        (field("a", b"1").replace(b"\r\n", b"\n") + LAST, "line break"),
    ],
)
def test_malformed_forms_are_a_400_with_the_reason(body: bytes, reason: str) -> None:
    for chunks in ([body], [bytes([byte]) for byte in body]):
        with pytest.raises(HTTPBadRequest, match=reason) as caught:
            parse(*filter(None, chunks))
        assert str(caught.value).startswith("expected a form in multipart/form-data: ")


@pytest.mark.parametrize(
    ("content_type", "error", "reason"),
    [
        (b"multipart/form-data", HTTPBadRequest, "boundary of 1 to 70 characters, got None"),
        (b'multipart/form-data; boundary=""', HTTPBadRequest, "got ''"),
        (b"multipart/form-data; boundary=" + b"x" * 71, HTTPBadRequest, "boundary of 1 to 70"),
        (b"multipart/form-data; boundary=\xe9", HTTPBadRequest, "boundary of 1 to 70"),
        (b"multipart/form-data; boundary=x; Boundary=y", HTTPBadRequest, "the parameter boundary once in Content-Type"),
        (b"multipart/mixed; boundary=x", HTTPUnsupportedMediaType, "got 'multipart/mixed'"),
        (b"", HTTPUnsupportedMediaType, "got ''"),
    ],
)
def test_media_types_that_are_refused(content_type: bytes, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        Events(form_request(headers=[(b"content-type", content_type)]))


@pytest.mark.parametrize("boundary", [b"x", b'"quoted boundary (1)"', b"-" * 70, b"'()+_,-./:=?"])
def test_boundaries(boundary: bytes) -> None:
    parsing = Events(form_request(headers=[(b"content-type", b"multipart/form-data; boundary=" + boundary)]))
    bare = boundary.strip(b'"').partition(b",")[0]
    assert list(parsing.push(b"--" + bare + b"--\r\n")) == []
    parsing.end()


@pytest.mark.parametrize(
    ("limits", "body", "reason"),
    [
        (Limits(form_fields=2), field("a", b"1") * 3, "at most 2 fields"),
        (Limits(form_files=2), file("a", "f", b"1") * 3, "at most 2 files"),
        (Limits(form_header_size=100), part('name="a"', b"", "X: " + "y" * 90), "16 header fields of 100 bytes"),
        (Limits(form_header_size=100), b"--bound\r\nX: " + b"y" * 200, "16 header fields of 100 bytes"),
        (None, part('name="a"', b"", *["X: y"] * MOST_HEADERS), "16 header fields"),
        (None, b"--bound\r\nX: " + b"y" * 10_000, "header fields of 4096 bytes"),
    ],
)
def test_limits(limits: Limits | None, body: bytes, reason: str) -> None:
    with pytest.raises(HTTPContentTooLarge, match=reason):
        parse(body + LAST, limits=limits)


@pytest.mark.parametrize(
    "disposition",
    [
        'name="' + "\\a" * 1900,
        '; a="' * 700,
        ";" * 3900,
        "; " + " " * 3900,
        "; *" * 1300,
        'name*="' + "\\" * 3900,
        "filename*=utf-8''" + "%e9" * 1200,
        '; a = "\\a' * 400,
    ],
)
def test_hostile_headers_take_no_time(disposition: str) -> None:
    """A hundred at once, each as long as it may be, in less than a second."""
    body = part(disposition + '; name="a"', b"x") * 100 + LAST
    begin = process_time()
    with suppress(HTTPBadRequest):
        parse(body)
    assert process_time() - begin < 1


@pytest.mark.parametrize("filling", [b"\r", b"\r\n", b"-", b"\r\n--boun", b"\r\n--bound", b"x"])
@pytest.mark.parametrize("where", ["before", "behind", "in a part"])
def test_much_before_and_behind_the_parts_takes_no_time(filling: bytes, where: str) -> None:
    """A mebibyte of it, and in small chunks, in less than a second."""
    much = filling * (1024 * 1024 // len(filling))
    start, end = field("a", b"")[:-2], b"\r\n" + LAST
    body = {"before": much + end, "behind": LAST + much, "in a part": start + much + end}[where]
    begin = process_time()
    with suppress(HTTPBadRequest):
        parse(*pieces(body, 1000))
    assert process_time() - begin < 1


def test_forms_within_the_limits() -> None:
    limits = Limits(form_fields=2, form_files=2)
    assert len(parse(field("a", b"1") * 2 + file("a", "f", b"1") * 2 + LAST, limits=limits)) == 12


def test_the_charset_of_a_form() -> None:
    """The field `_charset_` names the encoding of the texts after it, and of their names."""
    parsing = Events(form_request())
    (head, _) = parsing.push(field("_charset_", b"x"))
    assert isinstance(head, PartHead)
    with pytest.raises(HTTPBadRequest, match="known charset, got 'nonsense'"):
        parsing.text(head, b"nonsense")
    assert parsing.text(head, b"windows-1252") == "windows-1252"
    (_, head, content, _) = parsing.push(part('name="a"', b"\x80").replace(b'"a"', b'"\xe9"') + LAST)
    assert isinstance(head, PartHead)
    assert isinstance(content, bytes)
    assert (head.name, parsing.text(head, content)) == ("é", "€")


@pytest.fixture
def forgetful() -> Iterator[None]:
    events.parser.cache_clear()
    yield
    events.parser.cache_clear()


@pytest.mark.usefixtures("forgetful")
def test_a_missing_parser_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "multipart", None)
    with pytest.raises(RuntimeError, match=r"pip install 'sketch-web\[forms\]'"):
        Events(form_request())


@pytest.mark.usefixtures("forgetful")
def test_another_package_of_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    other = types.ModuleType("multipart")
    other.__file__ = "/somewhere/multipart/__init__.py"
    monkeypatch.setitem(sys.modules, "multipart", other)
    with pytest.raises(RuntimeError, match=r"at /somewhere/.* is another"):
        Events(form_request())
