"""Any form in any chunks is read as it was sent; any bytes are read, or refused as a client's mistake."""

from __future__ import annotations

import asyncio
import os
import re
from itertools import pairwise

import pytest
from hypothesis import example, given, settings, strategies as st

from sketch.application import Application
from sketch.exceptions import HTTPBadRequest, HTTPException, HTTPUnsupportedMediaType
from sketch.limits import Limits
from sketch.pipeline.resources import close_resources
from sketch.request import Request
from sketch.request.forms import Form, UploadedFile
from sketch.testing.encoding import BOUNDARY, encode_body
from sketch.transport import ClientDisconnected
from tests.support.openfiles import open_files
from tests.support.requests import make_request

ROUNDS = int(os.environ.get("SKETCH_FUZZ", "0"))
"""Examples per property in a long session (`nox -s fuzz`), which then differ from run to run."""


def bounded(examples: int) -> settings:
    return settings(max_examples=ROUNDS or examples, derandomize=not ROUNDS, deadline=None, database=None)


# Percent-encoded names would be decoded (browsers leave no way to tell them apart), and Windows paths are
# cut.
AMBIGUOUS = re.compile(r'%22|%0D|%0A|^.:\\|^\\\\|\\"')

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = TEXT.filter(lambda name: not AMBIGUOUS.search(name))
CONTENTS = st.binary(max_size=200) | st.sampled_from([b"\r", b"\n", b"\r\n", b"--", b"\r\n--", b"\r\n--sketch-test"])
FIELDS = st.lists(st.tuples(NAMES, TEXT), max_size=5)
FILES = st.lists(st.tuples(NAMES, st.tuples(NAMES, CONTENTS)), max_size=5)
CUTS = st.lists(st.integers(0, 2000), max_size=10)
TINY = Limits(form_file_memory=50)

# Low enough that some of the forms exceed them.
NARROW = Limits(
    form_fields=3, form_files=2, form_field_size=30, form_file_size=60, form_header_size=80, form_memory=90, body=900
)


def chunked(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    return [data[start:end] for start, end in pairwise(places)]


def request_of(body: bytes, content_type: str, cuts: list[int], limits: Limits | None, *, cut: bool = False) -> Request:
    chunks: list[bytes | Exception] = list(chunked(body, cuts))
    if cut:
        chunks.append(ClientDisconnected("cut"))
    headers = [(b"host", b"x"), (b"content-type", content_type.encode("latin-1"))]
    return make_request(method="POST", headers=headers, body=chunks, app=Application(limits=limits))


async def contents(form: Form) -> list[tuple[str, str | tuple[str, bytes]]]:
    return [
        (name, (value.filename, await value.read()) if isinstance(value, UploadedFile) else value)
        for name, value in form.items()
    ]


async def close(request: Request) -> None:
    await close_resources(request, request.at_end.resources)


@bounded(100)
@given(fields=FIELDS, files=FILES, cuts=CUTS)
def test_multipart_forms(
    fields: list[tuple[str, str]], files: list[tuple[str, tuple[str, bytes]]], cuts: list[int]
) -> None:
    async def run() -> None:
        body, content_type = encode_body(None, None, fields, files)
        assert isinstance(body, bytes)
        assert content_type is not None
        request = request_of(body, content_type, cuts, TINY)
        try:
            assert await contents(await request.form()) == [*fields, *files]
        finally:
            await close(request)
        parts = request_of(body, content_type, cuts, None).multipart()
        found = [(part.name, part.filename, await part.read()) async for part in parts]
        sent = [(name, None, text.encode()) for name, text in fields]
        assert found == sent + [(name, *file) for name, file in files]

    asyncio.run(run())


@bounded(100)
@given(fields=st.lists(st.tuples(TEXT, TEXT), max_size=8), cuts=CUTS)
def test_urlencoded_forms(fields: list[tuple[str, str]], cuts: list[int]) -> None:
    body, content_type = encode_body(None, None, fields, None)
    assert isinstance(body, bytes)
    assert content_type is not None
    fields = [field for field in fields if field != ("", "")] if body else []
    form = asyncio.run(request_of(body, content_type, cuts, None).form())
    # A field without a name and a value is "=": it counts as a field unless it is the only one.
    assert [pair for pair in form.items() if pair != ("", "")] == fields


WHOLE, CONTENT_TYPE = encode_body(
    None, None, [("a", "1"), ("_charset_", "utf-8")], [("f", ("n.txt", b"content " * 9)), ("g", ("", b""))]
)
assert isinstance(WHOLE, bytes)
assert CONTENT_TYPE is not None
SNIPPETS = st.sampled_from(
    [
        b"\r\n", b"\n", b"\r", b"--", BOUNDARY.encode(), b"--" + BOUNDARY.encode() + b"\r\n", b":", b";", b'"', b"\\",
        b"name=", b"filename*=utf-8''%", b"Content-Disposition: form-data", b"Content-Type: text/plain; charset=utf-16",
        b"Content-Length: 5", b" ", b"\0", b"\xff", b"%22", b"X: y\r\n" * 20, b"z" * 5000,
    ]
)  # fmt: skip
EDITS = st.lists(
    st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 30), SNIPPETS | st.binary(max_size=5)), min_size=1, max_size=6
)


def edited(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for start, length, snippet in edits:
        data = data[:start] + snippet + data[start + length :]
    return data


@bounded(250)
@given(edits=EDITS, cuts=CUTS, narrow=st.booleans(), cut=st.booleans())
@example(edits=[(0, 0, b"")], cuts=[], narrow=False, cut=False)
def test_any_bytes_are_a_form_or_a_clients_mistake(
    edits: list[tuple[int, int, bytes]], cuts: list[int], narrow: bool, cut: bool
) -> None:
    async def run() -> None:
        body = edited(WHOLE, edits)
        request = request_of(body, CONTENT_TYPE, cuts, NARROW if narrow else TINY, cut=cut)
        outcomes = []
        try:
            form = await request.form()
            outcomes.append(await contents(form))
        except (HTTPException, ClientDisconnected) as exc:
            outcomes.append(check(exc, cut))
        finally:
            await close(request)
        parts = request_of(body, CONTENT_TYPE, cuts, NARROW if narrow else TINY, cut=cut)
        try:
            outcomes.append([await part.text() async for part in parts.multipart()])
        except (HTTPException, ClientDisconnected) as exc:
            outcomes.append(check(exc, cut))
        if edits == [(0, 0, b"")] and not narrow and not cut:
            assert outcomes[0] == [
                ("a", "1"),
                ("_charset_", "utf-8"),
                ("f", ("n.txt", b"content " * 9)),
                ("g", ("", b"")),
            ]

    before = open_files()
    asyncio.run(run())
    assert open_files() == before


def check(exc: Exception, cut: bool) -> int:
    if isinstance(exc, HTTPException):
        assert exc.status in (400, 413), exc
        assert exc.reason
        return exc.status
    assert cut
    return 0


@bounded(100)
@given(body=st.binary(max_size=300) | st.text("a=&%+;0F", max_size=100).map(str.encode), cuts=CUTS)
def test_any_bytes_are_fields_or_a_clients_mistake(body: bytes, cuts: list[int]) -> None:
    request = request_of(body, "application/x-www-form-urlencoded", cuts, NARROW)
    try:
        form = asyncio.run(request.form())
    except HTTPException as exc:
        check(exc, cut=False)
    else:
        assert all(isinstance(value, str) for value in form.values())


@bounded(100)
@given(content_type=st.text(st.characters(max_codepoint=255), max_size=60), prefixed=st.booleans())
def test_any_media_type(content_type: str, prefixed: bool) -> None:
    if prefixed:
        content_type = "multipart/form-data; boundary=" + content_type
    with pytest.raises((HTTPBadRequest, HTTPUnsupportedMediaType)):
        asyncio.run(request_of(b"x", content_type, [], None).form())
