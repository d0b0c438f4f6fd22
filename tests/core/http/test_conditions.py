"""Validators and conditions (RFC 9110 sections 5.6.7, 8.8 and 13); files/test_plan.py tests them with files."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given, strategies as st

from sketch.http.conditions import Validators, check_conditions, check_etag, format_date, parse_date, range_applies


@given(st.integers(-(10**10), 10**11))
def test_dates(seconds: int) -> None:
    text = format_date(seconds)
    assert text[-4:] == " GMT"
    if 0 <= seconds < 10**10:
        assert text == formatdate(seconds, usegmt=True)
        assert parse_date(text.encode()) == seconds


@pytest.mark.parametrize(
    "text", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_dates_in_three_forms(text: str) -> None:
    assert parse_date(text.encode()) == 784_111_777


@pytest.mark.parametrize("text", ["", "now", "0", "-1", "2026-01-01", "Sun, 99 Nov 1994 08:49:37 GMT", "\xff" * 50])
def test_malformed_dates(text: str) -> None:
    assert parse_date(text.encode("latin-1")) is None
    assert parse_date(None) is None


@pytest.mark.parametrize("etag", ['""', '"a"', 'W/"a b"', '"\xff!#~"'])
def test_entity_tags(etag: str) -> None:
    if " " in etag:
        with pytest.raises(ValueError, match="ETag"):
            check_etag(etag)
    else:
        assert check_etag(etag) == etag


@pytest.mark.parametrize("etag", ["", "a", 'w/"a"', '"a', '"a""', '"a"\r\n', '"\0"', '"日"'])
def test_malformed_entity_tags(etag: str) -> None:
    with pytest.raises(ValueError, match="expected an ETag"):
        check_etag(etag)


def test_a_tag_with_commas_and_quotes_around_it() -> None:
    current = Validators('"a,b"', 0, True)
    assert check_conditions("GET", {b"if-none-match": b'"x", "a,b"'}.get, current) == 304
    assert check_conditions("GET", {b"if-none-match": b'"a", "b"'}.get, current) is None


@pytest.mark.parametrize("field", [b'"a"', b' "x" ,\t"a"', b'"x",,"a",', b'W/"x", "a"', rb'"\", "a"', b'oops, "a"'])
def test_lists_that_hold_the_tag(field: bytes) -> None:
    current = Validators('"a"', 0, True)
    assert check_conditions("GET", {b"if-none-match": field}.get, current) == 304
    assert check_conditions("PUT", {b"if-match": field}.get, current) is None


@pytest.mark.parametrize(
    "field", [b'w/"a"', b'x"a"', b'"a"x', b'"a" "b"', b'"a"\xa0', b'W/ "a"', b'"x"a"', b"*\xa0", b"*, *", b"a", b""]
)
def test_lists_with_malformed_tags_do_not_hold_them(field: bytes) -> None:
    current = Validators('"a"', 0, True)
    assert check_conditions("GET", {b"if-none-match": field}.get, current) is None
    assert check_conditions("PUT", {b"if-match": field}.get, current) == 412


@pytest.mark.parametrize(
    "field", [b'"' * 60_000, b',"' * 30_000, b", " * 30_000, b"," + b" " * 60_000, b'"a",' * 15_000]
)
def test_a_long_list_takes_no_longer_than_its_length(field: bytes) -> None:
    begin = time.process_time()
    assert check_conditions("GET", {b"if-none-match": field}.get, Validators('"b"', 0, True)) is None
    assert time.process_time() - begin < 0.5


@pytest.mark.parametrize(
    ("condition", "current", "applies"),
    [
        (None, Validators('W/"a"', 5, False), True),
        (b'"a"', Validators('"a"', 5, False), True),
        (b'"a"', Validators('W/"a"', 5, True), False),
        (b'W/"a"', Validators('W/"a"', 5, True), False),
        (b"Thu, 01 Jan 1970 00:00:05 GMT", Validators('"a"', 5, True), True),
        (b"Thu, 01 Jan 1970 00:00:05 GMT", Validators('"a"', 5, False), False),
        (b"Thu, 01 Jan 1970 00:00:06 GMT", Validators('"a"', 5, True), False),
    ],
)
def test_if_range(condition: bytes | None, current: Validators, applies: bool) -> None:
    assert range_applies(condition, current) is applies
