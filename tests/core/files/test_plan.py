"""Files: the rules of RFC 9110 sections 8.8, 13 and 14 as a pure function."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from sketch.files.plan import SETTLED, FileFacts, FilePlan, plan_file
from sketch.http.ranges import ByteRange

SIZE = 100
MTIME = 784_111_777  # Sun, 06 Nov 1994 08:49:37 GMT
TAG = f'"{MTIME * 10**9:x}-{SIZE:x}"'
BEFORE, AT, AFTER = (
    "Sun, 06 Nov 1994 08:49:36 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:38 GMT",
)


SECOND = 10**9
OLD = FileFacts(SIZE, MTIME * SECOND, (MTIME + 3600) * SECOND)
FRESH = FileFacts(SIZE, MTIME * SECOND, MTIME * SECOND + SETTLED)
"""Changed a moment ago: it may change again without a new time of modification."""


def planned(method: str = "GET", status: int = 200, facts: FileFacts = OLD, **headers: str) -> FilePlan:
    """The plan for these request fields: `if_match=` is If-Match."""
    sent = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}
    return plan_file(method, sent.get, facts, status)


def of_size(size: int) -> FileFacts:
    return FileFacts(size, 0, MTIME * SECOND)


# -- section 8.8: validators -------------------------------------------------------------------------------------------


def test_a_file_that_has_just_changed_has_a_weak_tag() -> None:
    """Section 8.8.1. The tag stays the same when it becomes strong, so that what a client has stays valid."""
    assert planned(facts=FRESH).headers["ETag"] == f"W/{TAG}"
    later = FileFacts(SIZE, MTIME * SECOND, MTIME * SECOND + SETTLED + 1)
    assert planned(facts=later).headers["ETag"] == TAG
    assert planned(facts=FRESH, if_none_match=f"W/{TAG}").status == 304
    assert planned(facts=later, if_none_match=f"W/{TAG}").status == 304
    assert planned(facts=FRESH, if_match=f"W/{TAG}").status == 412, "If-Match compares strongly"
    assert planned(facts=FRESH, if_match=TAG).status == 412


def test_a_weak_validator_allows_no_ranges() -> None:
    """Section 13.1.5: neither the tag nor the date of a file that has just changed (section 8.8.2.2)."""
    for condition in (f"W/{TAG}", TAG, AT):
        assert planned(facts=FRESH, range="bytes=0-1", if_range=condition).status == 200
    assert planned(facts=FRESH, range="bytes=0-1").status == 206


def test_a_modification_time_in_the_future_is_not_sent() -> None:
    """Section 8.8.2.1: a clock of another machine."""
    ahead = FileFacts(SIZE, (MTIME + 3600) * SECOND, MTIME * SECOND)
    assert planned(facts=ahead).headers["Last-Modified"] == AT
    assert planned(facts=ahead).headers["ETag"].startswith("W/")


def test_size_time_and_coding_make_the_tag() -> None:
    now = (MTIME + 3600) * SECOND
    facts = [
        OLD,
        FileFacts(SIZE + 1, MTIME * SECOND, now),
        FileFacts(SIZE, MTIME * SECOND + 1, now),
        FileFacts(SIZE, MTIME * SECOND, now, encoding="br"),
        FileFacts(SIZE, MTIME * SECOND, now, encoding="gzip"),
    ]
    assert len({planned(facts=one).headers["ETag"] for one in facts}) == len(facts)


@pytest.mark.parametrize("etag", ['"v1"', 'W/"v1"'])
def test_a_tag_of_the_application_replaces_it(etag: str) -> None:
    facts = FileFacts(SIZE, MTIME * SECOND, MTIME * SECOND, etag)
    assert planned(facts=facts).headers["ETag"] == etag
    assert planned(facts=facts, if_none_match='"v1"').status == 304
    strong = etag == '"v1"'
    assert planned(facts=facts, range="bytes=0-1", if_range=etag).status == (206 if strong else 200)
    assert planned(facts=facts, if_match='"v1"').status == (200 if strong else 412)


def test_modification_times_before_1970() -> None:
    headers = planned(facts=FileFacts(SIZE, -(10**9), 0)).headers
    assert headers["Last-Modified"] == "Wed, 31 Dec 1969 23:59:59 GMT"


# -- section 13: conditional requests ----------------------------------------------------------------------------------


def test_unconditional_requests() -> None:
    plan = planned()
    assert (plan.status, plan.parts) == (200, (ByteRange(0, SIZE),))
    assert plan.headers == {"ETag": TAG, "Last-Modified": AT, "Accept-Ranges": "bytes"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        # 13.1.1 If-Match: strong comparison
        ({"if_match": "*"}, 200),
        ({"if_match": TAG}, 200),
        ({"if_match": f'"other", {TAG}'}, 200),
        ({"if_match": '"other"'}, 412),
        ({"if_match": f"W/{TAG}"}, 412),
        ({"if_match": "garbage"}, 412),
        # 13.1.4 If-Unmodified-Since, ignored beside If-Match and where it is no date
        ({"if_unmodified_since": BEFORE}, 412),
        ({"if_unmodified_since": AT}, 200),
        ({"if_unmodified_since": AFTER}, 200),
        ({"if_unmodified_since": "yesterday"}, 200),
        ({"if_match": TAG, "if_unmodified_since": BEFORE}, 200),
        # 13.1.2 If-None-Match: weak comparison
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": TAG}, 304),
        ({"if_none_match": f"W/{TAG}"}, 304),
        ({"if_none_match": f'"a" , W/"b",{TAG}'}, 304),
        ({"if_none_match": '"other"'}, 200),
        ({"if_none_match": TAG.strip('"')}, 200),
        # 13.1.3 If-Modified-Since, ignored beside If-None-Match
        ({"if_modified_since": AT}, 304),
        ({"if_modified_since": AFTER}, 304),
        ({"if_modified_since": BEFORE}, 200),
        ({"if_modified_since": "Sunday, 06-Nov-94 08:49:37 GMT"}, 304),
        ({"if_modified_since": "Sun Nov  6 08:49:37 1994"}, 304),
        ({"if_modified_since": "2026-01-01"}, 200),
        ({"if_modified_since": ""}, 200),
        ({"if_none_match": '"other"', "if_modified_since": AT}, 200),
        # 13.2.2: If-Match first
        ({"if_match": '"other"', "if_none_match": TAG}, 412),
        ({"if_match": TAG, "if_none_match": TAG}, 304),
    ],
)
def test_conditions(headers: dict[str, str], status: int) -> None:
    for method in ("GET", "HEAD"):
        assert planned(method, **headers).status == status
    if status == 304:
        assert planned(**headers) == FilePlan(304, {"ETag": TAG, "Last-Modified": AT})


def test_conditions_of_other_methods() -> None:
    assert planned("POST", if_none_match=TAG).status == 412
    assert planned("POST", if_modified_since=AT).status == 200, "If-Modified-Since is for GET and HEAD alone"
    assert planned("POST", if_match='"other"').status == 412


def test_error_pages_have_no_conditions_and_no_ranges() -> None:
    plan = planned(status=404, if_none_match=TAG, range="bytes=0-1")
    assert (plan.status, plan.parts) == (404, (ByteRange(0, SIZE),))


# -- section 14: ranges ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "offset", "length"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-9", 0, 10),
        ("bytes=90-", 90, 10),
        ("bytes=99-99", 99, 1),
        ("bytes=-10", 90, 10),
        ("bytes=-1000", 0, 100),
        ("bytes=50-1000", 50, 50),
        ("bytes=50-" + "9" * 5000, 50, 50),
        ("bytes=" + "0" * 40 + "7-9", 7, 3),
        ("Bytes= 1-2 ", 1, 2),
    ],
)
def test_one_range(asked: str, offset: int, length: int) -> None:
    plan = planned(range=asked)
    assert (plan.status, plan.parts) == (206, (ByteRange(offset, length),))
    assert plan.headers["Content-Range"] == f"bytes {offset}-{offset + length - 1}/{SIZE}"
    assert plan.headers["ETag"] == TAG


def test_several_ranges() -> None:
    plan = planned(range="bytes=0-1, 10-19, -1, 200-")
    assert (plan.status, plan.parts) == (206, (ByteRange(0, 2), ByteRange(10, 10), ByteRange(99, 1)))
    assert "Content-Range" not in plan.headers, "each part has its own (section 14.4)"


@pytest.mark.parametrize("asked", ["bytes=0-9,5-14", "bytes=10-14,0-9", "bytes=0-14,200-", "bytes=0-0,1-2,3-14"])
def test_several_ranges_that_merge_into_one(asked: str) -> None:
    assert planned(range=asked) == planned(range="bytes=0-14"), "section 15.3.7.2"


@pytest.mark.parametrize(
    "asked", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=" + "9" * 5000 + "-", "bytes=-0,100-"]
)
def test_ranges_past_the_end(asked: str) -> None:
    assert planned(range=asked) == FilePlan(416, {"Content-Range": "bytes */100"})


@pytest.mark.parametrize(
    "asked",
    ["bytes=-", "bytes=5-2", "bytes=a-b", "bytes=1", "bytes=", "lines=0-1", "bytes=0-1,x", "bytes=--1", "bytes=0-1x",
     "bytes=\xb2-3", ""],
)  # fmt: skip
def test_ranges_that_are_ignored(asked: str) -> None:
    assert planned(range=asked) == planned()


def test_ranges_are_for_get() -> None:
    for method in ("HEAD", "POST"):
        assert planned(method, range="bytes=0-1").status == 200


@pytest.mark.parametrize(("asked", "status"), [("bytes=0-", 416), ("bytes=-5", 200), ("bytes=-0", 416), ("", 200)])
def test_ranges_of_an_empty_file(asked: str, status: int) -> None:
    plan = planned(facts=of_size(0), range=asked)
    assert (plan.status, sum(part.length for part in plan.parts)) == (status, 0)


@pytest.mark.parametrize(
    ("condition", "status"),
    [(TAG, 206), (AT, 206), (f"W/{TAG}", 200), ('"other"', 200), (BEFORE, 200), (AFTER, 200), ("garbage", 200)],
)
def test_if_range(condition: str, status: int) -> None:
    assert planned(range="bytes=0-1", if_range=condition).status == status


PIECES = ["bytes=", "0", "9", "100", "-", ",", " ", "W/", '"', "*", TAG, "Sun, ", "06 Nov ", "1994", ":", "GMT", "\xb2"]


@given(
    st.dictionaries(
        st.sampled_from(["range", "if_range", "if_match", "if_none_match", "if_modified_since", "if_unmodified_since"]),
        st.one_of(
            st.text(st.characters(max_codepoint=255), max_size=20),
            st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
            st.sampled_from([BEFORE, AT, AFTER, TAG, "bytes=0-0,2-2", "bytes=-1,0-"]),
        ),
    ),
    st.sampled_from(["GET", "HEAD", "PUT"]),
    st.sampled_from([0, 1, SIZE]),
)
def test_no_field_breaks_the_plan(headers: dict[str, str], method: str, size: int) -> None:
    plan = planned(method, facts=of_size(size), **headers)
    assert plan.status in (200, 206, 304, 412, 416)
    assert (plan.status in (200, 206)) == bool(plan.parts)
    for part in plan.parts:
        assert 0 <= part.offset <= part.offset + part.length <= size


def test_whole_files_have_no_ranges() -> None:
    """Section 14.2: a server may ignore them. Conditions still count."""
    facts = FileFacts(OLD.size, OLD.mtime_ns, OLD.now_ns, whole=True)
    for ranges in ("bytes=0-1", "bytes=0-1,3-4", f"bytes={SIZE}-"):
        plan = planned(facts=facts, range=ranges)
        assert (plan.status, plan.parts) == (200, (ByteRange(0, SIZE),))
        assert "Accept-Ranges" not in plan.headers
    assert planned(facts=facts, if_none_match=TAG).status == 304
