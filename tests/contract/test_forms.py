"""Forms: fields, files, parts as they arrive; what is too much, malformed, or cut off, and what is left of it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.contract.transports import Served, Transport
from tests.core.request.forms.support import LAST, field, file, part, pieces
from tests.support.wire import Broken, Cut

MULTIPART = [("Content-Type", "multipart/form-data; boundary=bound")]
URLENCODED = [("Content-Type", "application/x-www-form-urlencoded")]
LARGE = os.urandom(1_200_000)
"""More than stays in memory."""

UUID = "00000000-0000-0000-0000-000000000005"
PLAIN = ("native-asyncio", "native-uvloop", "uvicorn-httptools", "hypercorn", "granian")
needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc, to see open files")


def described(name: str, filename: str, safe: str, content_type: str, data: bytes) -> list[object]:
    return [name, filename, safe, content_type, len(data), hashlib.sha256(data).hexdigest()]


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for one in parts:
        yield one


# -- what is sent ------------------------------------------------------------------------------------------------------


async def test_fields(transport: Transport) -> None:
    reply = await transport.post("/form", b"a=1&b=%C3%A9+x&a=&=y", URLENCODED)
    assert reply.json() == [["a", "1"], ["b", "é x"], ["a", ""], ["", "y"]]


async def test_fields_and_files(transport: Transport) -> None:
    body = field("a", b"1") + file("f", "../x y.png", LARGE, "image/png") + field("a", "é".encode())
    body += file("g", "", b"", "application/octet-stream") + LAST
    expected = [
        ["a", "1"],
        described("f", "../x y.png", "x_y.png", "image/png", LARGE),
        ["a", "é"],
        described("g", "", "file", "application/octet-stream", b""),
    ]
    assert (await transport.post("/form", body, MULTIPART)).json() == expected
    assert (await transport.post("/form", chunks(*pieces(body, 40_000)), MULTIPART)).json() == expected


async def test_names_as_browsers_and_others_write_them(transport: Transport) -> None:
    body = part('name="a%22b%0D%0Ac"', b"1") + part("name=\"f\"; filename*=utf-8''na%C3%AFve.txt", b"2") + LAST
    found = (await transport.post("/form", body, MULTIPART)).json()
    assert found == [['a"b\r\nc', "1"], described("f", "naïve.txt", "naïve.txt", "", b"2")]


async def test_padding_after_boundaries(transport: Transport) -> None:
    body = (field("a", b"1 \t") + file("f", "f", LARGE[:200_000]) + LAST).replace(b"--bound\r\n", b"--bound \t\r\n")
    expected = [["a", "1 \t"], described("f", "f", "f", "text/plain", LARGE[:200_000])]
    assert (await transport.post("/form", chunks(*pieces(body, 10_007)), MULTIPART)).json() == expected


async def test_no_form_at_all(transport: Transport) -> None:
    assert (await transport.post("/form", b"")).json() == []
    for headers in (MULTIPART, URLENCODED):
        assert (await transport.post("/form", b"", headers)).json() == []
        assert (await transport.post("/form", chunks(), headers)).json() == []
    reply = await transport.post("/form", b"{}", [("Content-Type", "application/json")])
    assert reply.status == 415
    assert reply.header("accept") == "application/x-www-form-urlencoded, multipart/form-data"


async def test_json_of_a_type(transport: Transport) -> None:
    assert (await transport.post("/json/item", b'{"name": "tea", "prices": [1, 2]}')).json() == ["tea", 3]
    reply = await transport.post("/json/item", b'{"name": "tea", "prices": [1, "2"]}')
    assert (reply.status, reply.text) == (
        422, "the body is not as it should be: expected a number - at `$.prices[1]`",
    )  # fmt: skip
    assert (await transport.post("/json/item", b'{"name"')).status == 400


async def test_json_of_a_type_is_sent_as_it_was_read(transport: Transport) -> None:
    text = b'{"item":{"name":"tea","prices":[1.5]},"due":"2026-01-02","number":"%b","tags":["a"]}' % UUID.encode()
    assert (await transport.post("/json/order", text)).body == text


async def test_what_json_cannot_hold_is_a_500(transport: Transport) -> None:
    assert (await transport.post("/json/broken", b"")).status == 500


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.core_rule
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (field("a", b"") * 4 + LAST, "expected at most 3 fields in a form"),
        (file("a", "f", b"") * 3 + LAST, "expected at most 2 files in a form"),
        (field("a", b"x" * 1001) + LAST, "expected fields of at most 1000 bytes"),
        (field("a", b"x" * 1000) * 3 + LAST, "expected a form with fields of at most 2500 bytes together"),
        (file("a", "f", b"x" * 100_001) + LAST, "expected files of at most 100000 bytes"),
        (part('name="a"', b"", "X: " + "y" * 5000) + LAST, "expected parts with at most 16 header fields of 4096"),
        (file("a", "f", b"x" * 99_000) * 2 + LAST + b"x" * 3000, "expected a body of at most 200000 bytes"),
    ],
    ids=["fields", "files", "field", "memory", "file", "header", "body"],
)
async def test_forms_over_a_limit(transport: Transport, body: bytes, reason: str) -> None:
    reply = await transport.post("/form/narrow", chunks(*pieces(body, 7000)), MULTIPART)
    assert reply.status == 413
    assert reply.text.startswith(reason)


async def test_fields_over_a_limit(transport: Transport) -> None:
    for body, reason in ((b"a&b&c&d", "3 fields"), (b"a=" + b"x" * 1001, "1000 bytes"), (b"a" * 2501, "2500 bytes")):
        for sent in (body, chunks(body)):
            reply = await transport.post("/form/narrow", sent, URLENCODED)
            assert reply.status == 413
            assert reason in reply.text


async def test_forms_within_the_limits(transport: Transport) -> None:
    body = field("a", b"x" * 1000) * 2 + file("f", "f", b"x" * 90_000) * 2 + LAST
    assert len((await transport.post("/form/narrow", body, MULTIPART)).json()) == 4


@pytest.mark.core_rule
@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (field("a", b"1"), MULTIPART, "a boundary after the last part"),
        (b"nothing", MULTIPART, "a boundary after the last part"),
        (b"--bound\r\nnonsense\r\n\r\n" + LAST, MULTIPART, "header"),
        (field("a", b"\xff") + LAST, MULTIPART, "the field 'a' in utf-8"),
        (part('name="a"; name="b"', b"1") + LAST, MULTIPART, "the parameter name once"),
        (LAST, [("Content-Type", "multipart/form-data")], "a boundary of 1 to 70 characters"),
        (b"a=%FF", URLENCODED, "the field 'a' in utf-8"),
        (b"a=1", [("Content-Type", "application/x-www-form-urlencoded; charset=klingon")], "a known charset"),
    ],
    ids=["truncated", "no parts", "bad header", "bytes", "repeated", "no boundary", "fields", "charset"],
)
async def test_malformed_forms(transport: Transport, body: bytes, headers: list[tuple[str, str]], reason: str) -> None:
    for sent in (body, chunks(body)):
        reply = await transport.post("/form", sent, headers)
        assert reply.status == 400
        assert reply.text.startswith("expected ")
        assert reason in reply.text


# -- as it arrives -----------------------------------------------------------------------------------------------------


async def test_parts_arrive_before_the_upload_ends(transport: Transport, key: str) -> None:
    async def upload() -> AsyncIterator[bytes]:
        yield field("first", b"1")[:-2]
        await transport.journal(key, "part first")
        yield b"\r\n" + file("second", "n", LARGE[:100_000])
        await transport.journal(key, "text 1")
        await transport.journal(key, "part second")
        yield file("skipped", "n", LARGE[:100_000])
        await transport.journal(key, "size 100000")
        yield field("last", b"2") + LAST

    assert (await transport.post(f"/form/parts?key={key}", upload(), MULTIPART)).text == "complete"
    entries = await transport.journal(key, "text 2")
    assert entries == ["part first", "text 1", "part second", "size 100000", "part skipped", "part last", "text 2"]


async def test_parts_are_saved(transport: Transport, tmp_path: Path) -> None:
    body = file("f", "../../evil", LARGE) + file("g", "g", b"") + LAST
    reply = await transport.post(f"/form/save?directory={tmp_path}", chunks(*pieces(body, 50_000)), MULTIPART)
    assert reply.json() == [len(LARGE), 0]
    assert (tmp_path / "f").read_bytes() == LARGE
    assert names(tmp_path) == ["f", "g"]


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


async def test_nothing_is_left_of_a_part_that_cannot_be_saved(transport: Transport, tmp_path: Path, key: str) -> None:
    body = file("f", "n", LARGE) + LAST
    reply = await transport.post(f"/form/save?directory={tmp_path}&most=1000000", body, MULTIPART)
    assert (reply.status, reply.text) == (413, "expected a part 'f' of at most 1000000 bytes")
    assert names(tmp_path) == []

    async def upload() -> AsyncIterator[bytes]:
        yield body[:600_000]
        while not names(tmp_path):
            await transport.get("/")  # the server gets on meanwhile
        raise Cut

    with pytest.raises(Broken):
        await transport.post(f"/form/save?directory={tmp_path}&key={key}", upload(), MULTIPART)
    await transport.journal(key, "ClientDisconnected")
    assert names(tmp_path) == []


# -- temporary files ---------------------------------------------------------------------------------------------------


async def opened(transport: Transport) -> int:
    return int((await transport.get("/form/open")).json())


async def until_closed(transport: Transport, count: int) -> None:
    """Wait until no more files are open than before; then there may have been one of the test before."""
    while await opened(transport) > count:  # bounded by the suite
        await transport.get("/")


@needs_proc
@pytest.mark.alone
@pytest.mark.parametrize(
    ("target", "end", "status"),
    [
        ("/form", LAST, 200),
        ("/form/fails", LAST, 500),
        ("/form", b"", 400),
        ("/form/narrow", LAST, 413),
    ],
    ids=["success", "error", "truncated", "too large"],
)
async def test_temporary_files_are_gone_afterwards(transport: Transport, target: str, end: bytes, status: int) -> None:
    before = await opened(transport)
    body = file("f", "f", LARGE[:90_000]) * 2 + file("f", "f", LARGE) * (status != 200) + end
    assert (await transport.post(target, chunks(*pieces(body, 100_000)), MULTIPART)).status == status
    await until_closed(transport, before)


@needs_proc
@pytest.mark.alone
async def test_temporary_files_are_gone_after_a_disconnect_in_the_middle_of_an_upload(
    transport: Transport, key: str
) -> None:
    before = await opened(transport)

    async def upload() -> AsyncIterator[bytes]:
        yield file("f", "f", LARGE) + file("g", "g", LARGE * 2)[:2_000_000]
        while await opened(transport) < before + 2:
            await transport.get("/")
        raise Cut

    with pytest.raises(Broken):
        await transport.post(f"/form/left?key={key}", upload(), MULTIPART)
    await transport.journal(key, "ClientDisconnected")
    await until_closed(transport, before)


@needs_proc
@pytest.mark.alone
async def test_temporary_files_of_many_clients_are_gone(transport: Transport, key: str) -> None:
    """Some clients leave, each at another point; the others get their own answers."""
    before = await opened(transport)
    body = file("f", "f", LARGE) + field("a", b"1") + file("g", "g", LARGE) + LAST

    async def one(number: int) -> None:
        async def upload() -> AsyncIterator[bytes]:
            for place, piece in enumerate(pieces(body, 100_000)):
                if place == number:
                    raise Cut
                yield piece

        if number < 24:
            with pytest.raises(Broken):
                await transport.post(f"/form/left?key={key}", upload(), MULTIPART)
        else:
            found = (await transport.post("/form", upload(), MULTIPART)).json()
            assert [entry[4:] for entry in found if len(entry) > 2] == [described("", "", "", "", LARGE)[4:]] * 2

    await asyncio.gather(*(one(number) for number in range(1, 48, 2)))
    await until_closed(transport, before)


@needs_proc
@pytest.mark.alone
async def test_a_stream_may_read_from_an_uploaded_file(transport: Transport) -> None:
    before = await opened(transport)
    body = file("file", "f", LARGE) + LAST
    assert (await transport.post("/form/back", body, MULTIPART)).body == LARGE
    await until_closed(transport, before)
    async with transport.stream("POST", "/form/back", headers=MULTIPART, body=body) as stream:
        await stream.chunk()
    await until_closed(transport, before)


# -- real clients ------------------------------------------------------------------------------------------------------


@pytest.mark.transports(*PLAIN)
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
@pytest.mark.parametrize(
    "expect", [["-H", "Expect:"], ["-H", "Expect: 100-continue"], []], ids=["no", "yes", "its own"]
)
async def test_curl(wired: Served, tmp_path: Path, expect: list[str]) -> None:
    data = LARGE * 2  # so much that curl asks first
    fields = [
        "-F",
        "a=1",
        "-F",
        "b=é;type=text/plain; charset=utf-8",
        "-F",
        "f=@upload;filename=x y.bin;type=image/png",
    ]
    (tmp_path / "upload").write_bytes(data)
    process = await asyncio.create_subprocess_exec(
        "curl", "--silent", "--show-error", "--max-time", "20", *expect, *fields, f"http://127.0.0.1:{wired.port}/form",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    found = httpx.Response(200, content=output).json()
    assert found == [["a", "1"], ["b", "é"], described("f", "x y.bin", "x_y.bin", "image/png", data)]


@pytest.mark.transports(*PLAIN)
async def test_httpx(wired: Served) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{wired.port}", trust_env=False) as client:
        files = {"f": ('naïve "name".bin', LARGE, "image/png")}
        reply = await client.post("/form", data={"a": ["1", "é"], 'odd "name"': "2"}, files=files)
        assert reply.json() == [
            ["a", "1"],
            ["a", "é"],
            ['odd "name"', "2"],
            described("f", 'naïve "name".bin', "naïve__name_.bin", "image/png", LARGE),
        ]
        reply = await client.post("/form", data={"a": ["1", "é"]})
        assert reply.json() == [["a", "1"], ["a", "é"]]
