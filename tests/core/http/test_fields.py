"""Header fields: checked once, encoded once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from multidict import CIMultiDict

from sketch.http import fields as known
from sketch.http.fields import (
    FixedFields,
    RawFields,
    content_type_field,
    copy_fields,
    encode_fields,
    encode_given,
    known_fields,
    length_field,
    media_type_alone,
    set_alone,
)
from sketch.response import Response
from tests.support.responses import fields, finalized


def test_memory_of_fields_is_bounded() -> None:
    for number in range(1200):
        assert fields(Response("a" * number, content_type=f"a/{number}"))[b"content-length"] == b"%d" % number
        finalized(Response("a", headers={f"X-{number}": "1"}))
    assert max(map(len, (known._names, known._content_types, known._lengths, known._encoded))) <= known._CACHED_FIELDS


def test_fields_are_encoded_in_order_and_repeated() -> None:
    headers = CIMultiDict([("X-Tag", "1"), ("Y", " spaced\t"), ("X-Tag", "2"), ("X-Name", "café")])
    assert encode_fields(headers) == (
        [(b"x-tag", b"1"), (b"y", b"spaced"), (b"x-tag", b"2"), (b"x-name", b"caf\xe9")],
        None,
    )


def test_the_content_length_is_taken_out() -> None:
    assert encode_fields(CIMultiDict({"Content-Length": "12"})) == ([], 12)
    assert RawFields([(b"Content-Length", b"12"), (b"X-A", b"1")]).encoded() == ([(b"x-a", b"1")], 12)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("a b", "x", "token"),
        ("", "x", "token"),
        ("A", "b\r\nX: y", "control characters"),
        ("A", "\x7f", "control characters"),
        ("A", " \0 ", "control characters"),
        ("Content-Length", "-1", "Content-Length of digits"),
    ],
)
def test_fields_that_cannot_be_sent(name: str, value: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        encode_fields(CIMultiDict([(name, value)]))
    with pytest.raises(ValueError, match=error):
        RawFields([(name.encode(), value.encode())]).encoded()


def test_framing_is_refused_as_text_and_left_out_as_bytes() -> None:
    with pytest.raises(ValueError, match="Transfer-Encoding"):
        encode_fields(CIMultiDict({"Transfer-Encoding": "chunked"}))
    raw = RawFields([(b"Transfer-Encoding", b"chunked"), (b"X-A", b"1")])
    assert raw.encoded() == ([(b"x-a", b"1")], None)
    assert list(raw.decoded().items()) == [("x-a", "1")]


@pytest.mark.parametrize(
    "field", [("a", b"b"), (b"a", "b"), (None, b"b"), (b"content-length", "2"), (b"Content-Length", 2)]
)
def test_raw_fields_are_of_bytes(field: Any) -> None:
    for read in (RawFields([field]).encoded, RawFields([field]).decoded):
        with pytest.raises(TypeError, match="of bytes, got"):
            read()


def test_white_space_around_a_value_is_no_part_of_it() -> None:
    raw = RawFields([(b"X-A", b" a b\t"), (b"x-b", b" ")])
    assert raw.encoded() == raw.encoded() == ([(b"x-a", b"a b"), (b"x-b", b"")], None)
    assert encode_fields(CIMultiDict({"X-A": " a b\t", "x-b": " "})) == raw.encoded()
    assert dict(raw.decoded()) == {"x-a": "a b", "x-b": ""}


def test_characters_of_a_value() -> None:
    """A test for printable text goes before the pattern: both agree on every character."""
    for code in range(256):
        text, raw = f"a{chr(code)}b", b"a%cb" % code
        if (code < 0x20 and chr(code) != "\t") or code == 0x7F:
            with pytest.raises(ValueError, match="control characters"):
                encode_fields(CIMultiDict({"X-A": text}))
            with pytest.raises(ValueError, match="control characters"):
                RawFields([(b"x-a", raw)]).encoded()
        else:
            assert encode_fields(CIMultiDict({"X-A": text})) == ([(b"x-a", raw)], None)
            assert RawFields([(b"x-a", raw)]).encoded() == ([(b"x-a", raw)], None)


def test_text_beyond_latin_1() -> None:
    with pytest.raises(ValueError, match="expected Latin-1 in header X-A"):
        encode_fields(CIMultiDict({"X-A": "\u65e5"}))


def test_a_media_type_alone() -> None:
    kind = (b"content-type", b"text/x-alone")
    assert media_type_alone([kind], 2) is None, "it was not checked yet"
    RawFields([kind]).encoded()
    assert media_type_alone([kind, (b"content-length", b"2")], 2) == kind
    for others in ([(b"content-length", b"3")], [(b"x-a", b"1")], [kind]):
        assert media_type_alone([kind, *others], 2) is None


def test_fields_of_the_body() -> None:
    assert content_type_field(" text/css ") == (b"content-type", b"text/css")
    assert length_field(0) == (b"content-length", b"0")
    with pytest.raises(ValueError, match="Content-Type"):
        content_type_field("text/css\r\nX: y")


def test_values_that_differ_do_not_keep_out_the_others() -> None:
    for number in range(1200):
        encode_given(CIMultiDict([("X-Number", str(number)), ("X-Same", "1")]))
    assert known._encoded[("X-Same", "1")] == (b"x-same", b"1")


@pytest.mark.parametrize("value", [5, ["1"], {"1": 1}, b"1"])
def test_a_value_that_is_no_text_is_refused_after_an_equal_field(value: Any) -> None:
    encode_given(CIMultiDict([("X-Value", "1")]))
    with pytest.raises(TypeError, match="expected a str as the value of header X-Value, got"):
        encode_given(CIMultiDict([("X-Value", value)]))


def test_fields_that_were_given_are_encoded_once() -> None:
    """The same as before, also of a copy, until anything is changed."""
    headers = CIMultiDict({"X-A": "1", "Content-Length": "2"})
    given = encode_given(headers)
    known_fields = encode_fields(headers, (given[0], [(b"known", b"")], 7))
    assert known_fields == ([(b"known", b"")], 7)
    assert encode_fields(headers, given) == ([(b"x-a", b"1")], 2)
    assert encode_fields(headers, given)[0] is not given[1]
    copy, same = copy_fields(headers, given)
    assert same is not None
    assert encode_fields(copy, (same[0], [], 8)) == ([], 8)
    assert copy_fields(RawFields([(b"a", b"1")]), None) == ([(b"a", b"1")], None)


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.add("X-B", "2"),
        lambda fields: fields.update({"X-A": "2"}),
        lambda fields: fields.extend({"X-A": "2"}),
        lambda fields: fields.setdefault("X-B", "2"),
        lambda fields: fields.pop("X-A"),
        lambda fields: fields.popitem(),
        lambda fields: fields.clear(),
        lambda fields: fields.__setitem__("X-A", "2"),
        lambda fields: fields.__delitem__("X-A"),
        lambda fields: fields.merge({"X-B": "2"}),
    ],
)
def test_no_change_of_given_fields_is_missed(change: Callable[[CIMultiDict[str]], object]) -> None:
    response = Response("a", headers={"X-A": "1"})
    before = finalized(response).fields
    assert finalized(response).fields == finalized(response.copy()).fields == before
    copy = response.copy()
    change(copy.headers)
    assert finalized(copy).fields == finalized(copy.copy()).fields
    assert finalized(copy).fields != before
    assert finalized(response).fields == before
    change(response.headers)
    assert finalized(response).fields == finalized(copy).fields


# -- fields that are set together --------------------------------------------------------------------------------------


def test_fixed_fields_are_set_as_one_by_one() -> None:
    fixed = FixedFields([("X-A", "1"), ("x-b", " two ")])
    for kind in ("text/plain", None, "text/plain"):
        headers, encoded = fixed.after_type(kind)
        given = [] if kind is None else [("Content-Type", kind)]
        assert list(headers.items()) == [*given, ("X-A", "1"), ("x-b", " two ")]
        assert known_fields(headers, encoded) == encode_fields(headers)[0]
        headers["X-A"] = "changed"  # the next has the old one
        assert known_fields(headers, encoded) is None


def test_fixed_fields_are_added_to_others() -> None:
    fixed = FixedFields([("X-A", "1")])
    headers = CIMultiDict([("Y", "2"), ("Content-Length", "3")])
    known = encode_given(headers)
    assert fixed.is_beside(headers)
    added = fixed.added_to(headers, known)
    assert encode_fields(headers, added) == encode_fields(headers) == ([(b"y", b"2"), (b"x-a", b"1")], 3)
    assert known_fields(headers, added) is None  # the length has to be compared with the body
    assert not fixed.is_beside(headers)
    assert not fixed.is_beside(CIMultiDict({"x-a": ""}))
    assert fixed.added_to(CIMultiDict({"Z": "1"}), known) is None  # of other headers, or changed since


def test_memory_of_fixed_fields_is_bounded() -> None:
    fixed = FixedFields([("X-A", "1")])
    for number in range(500):
        assert fixed.after_type(f"a/{number}")[1][1][0] == (b"content-type", b"a/%d" % number)
    assert len(fixed._wholes) <= known._MOST_WHOLES


def test_fixed_fields_that_cannot_be_sent() -> None:
    for given, error in (
        ([("A", "b\r\nX: y")], "control characters"),
        ([("Content-Length", "3")], "no Content-Length"),
    ):
        with pytest.raises(ValueError, match=error):
            FixedFields(given)


@pytest.mark.parametrize(
    ("name", "value", "stays"),
    [
        ("X-A", "1", True),
        ("x-a", " 1 ", True),
        ("X-A", "caf\xe9", False),
        ("Y", "1", False),
        ("Content-Length", "1", False),
    ],
)
def test_a_field_that_is_set_alone(name: str, value: str, stays: bool) -> None:
    headers = CIMultiDict([("Y", "2")])
    encoded = set_alone(headers, encode_given(headers), name, value)
    assert headers[name] == value
    assert (encoded is not None) == stays
    assert encode_fields(headers, encoded) == encode_fields(headers)


def test_a_field_that_is_set_alone_is_checked_when_it_is_sent() -> None:
    headers = CIMultiDict([("Y", "2")])
    encoded = set_alone(headers, encode_given(headers), "X", "a\nb")
    with pytest.raises(ValueError, match="control characters"):
        encode_fields(headers, encoded)
