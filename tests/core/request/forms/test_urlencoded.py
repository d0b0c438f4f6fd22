"""URL-encoded forms."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPBadRequest, HTTPContentTooLarge
from sketch.limits import DEFAULT_LIMITS, Limits
from sketch.request.forms import urlencoded
from sketch.request.forms.urlencoded import INLINE, parse_urlencoded, read_urlencoded
from tests.core.request.forms.support import URLENCODED, form_request
from tests.support.requests import in_loop


def parse(body: bytes, charset: str | None = None, **limits: int) -> list[tuple[str, str]]:
    return list(parse_urlencoded(body, charset, Limits(**limits).over(DEFAULT_LIMITS)).items())


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", []),
        (b"a=1", [("a", "1")]),
        (b"a=1&b=2&a=3", [("a", "1"), ("b", "2"), ("a", "3")]),
        (b"a=&b&=c", [("a", ""), ("b", ""), ("", "c")]),
        (b"&&a=1&&", [("a", "1")]),
        (b"a=b=c", [("a", "b=c")]),
        (b"a+b=c+d%2B", [("a b", "c d+")]),
        (b"%C3%A9=%e2%82%ac", [("é", "€")]),
        ("é=€".encode(), [("é", "€")]),
        (b"a=%zz%", [("a", "%zz%")]),
        (b"a=1;b=2", [("a", "1;b=2")]),
        (b"a=%00%0D%0A", [("a", "\0\r\n")]),
    ],
)
def test_fields(body: bytes, fields: list[tuple[str, str]]) -> None:
    assert parse(body) == fields


def test_charsets() -> None:
    assert parse(b"a=%E9", "latin-1") == [("a", "é")]
    assert parse(b"a=%80&_charset_=windows-1252") == [("a", "€"), ("_charset_", "windows-1252")]
    assert parse(b"a=%C3%A9&_charset_=") == [("a", "é"), ("_charset_", "")]
    assert parse(b"a=%C3%A9&_charset_=latin-1", "utf-8")[0] == ("a", "é")


@pytest.mark.parametrize(
    ("body", "charset", "reason"),
    [
        (b"a=%ff", None, "the field 'a' in utf-8"),
        (b"a=\xff", None, "the field 'a' in utf-8"),
        (b"%ff=a", None, "the field '' in utf-8"),
        (b"a=1", "klingon", "known charset, got 'klingon'"),
        (b"a=1&_charset_=%FF", None, "known charset, got 'ÿ'"),
    ],
)
def test_undecodable_fields_are_a_400(body: bytes, charset: str | None, reason: str) -> None:
    with pytest.raises(HTTPBadRequest, match=reason):
        parse(body, charset)


def test_limits() -> None:
    assert len(parse(b"a&b", form_fields=2, form_field_size=1)) == 2
    with pytest.raises(HTTPContentTooLarge, match="at most 2 fields"):
        parse(b"a&b&c", form_fields=2)
    assert parse(b"a=%41%41", form_field_size=2) == [("a", "AA")]
    with pytest.raises(HTTPContentTooLarge, match="fields of at most 2 bytes"):
        parse(b"a=%41%41%41", form_field_size=2)


@pytest.mark.parametrize("announced", [True, False])
@in_loop
async def test_all_fields_together(announced: bool) -> None:
    app = Application(limits=Limits(form_memory=4))
    headers = [*URLENCODED, (b"content-length", b"5")] if announced else URLENCODED
    request = form_request(b"a=123", app=app, headers=headers)
    with pytest.raises(HTTPContentTooLarge, match="4 bytes together"):
        await read_urlencoded(request)
    if announced:
        assert await request.read() == b"a=123", "expected it to be refused before it is read"


@in_loop
async def test_long_forms_are_parsed_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []

    def parse(*args: object) -> object:
        threads.append(threading.current_thread().name)
        return parse_urlencoded(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(urlencoded, "parse_urlencoded", parse)
    for size in (INLINE, INLINE + 1):
        form = await read_urlencoded(form_request(b"a=" + b"x" * (size - 2), headers=URLENCODED))
        assert len(form["a"]) == size - 2
    assert threads[0] == threading.main_thread().name
    assert threads[1].startswith("sketch-file")


@pytest.mark.parametrize("text", [b"%", b"%41", b"%zz", b"a=%41&"])
def test_parsing_in_the_event_loop_is_fast(text: bytes) -> None:
    most = INLINE if b"&" not in text else DEFAULT_LIMITS.form_fields * len(text) - 1
    body = (text * INLINE)[:most]
    # Compared with a reference of a few milliseconds, which is slower on the same slow or busy machine.
    spent, beside = [min(_cpu_times(run)) for run in (lambda: parse(body), _count)]
    assert spent < 6 * beside


def _count() -> int:
    return sum(number & 1 for number in range(100_000))


def _cpu_times(run: Callable[[], object]) -> Iterator[float]:
    for _ in range(10):
        before = time.process_time()
        run()
        yield time.process_time() - before
