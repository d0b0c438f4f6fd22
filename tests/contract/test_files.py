"""Files: conditions, ranges, directories, and clients that resume."""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.contract.routes_files import STATIC
from tests.contract.support import open_files
from tests.contract.transports import Served, Stream, Transport
from tests.support.wire import Broken, Reply

MTIME = 784_111_777
BEFORE, AT, AFTER = (f"Sun, 06 Nov 1994 08:49:{second} GMT" for second in (36, 37, 38))
SIZE = 307_200
DATA = bytes(range(256)) * 1200
TAG = f'"{MTIME * 10**9:x}-{SIZE:x}"'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file.bin"
    path.write_bytes(DATA)
    os.utime(path, (MTIME, MTIME))
    return path


@pytest.mark.core_rule
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([], 200),
        ([("If-None-Match", TAG)], 304),
        ([("If-None-Match", f'"other", W/{TAG}')], 304),
        ([("If-None-Match", '"other"'), ("If-None-Match", TAG)], 304),
        ([("If-None-Match", '"other"'), ("If-Modified-Since", AFTER)], 200),
        ([("If-Modified-Since", AT)], 304),
        ([("If-Modified-Since", BEFORE)], 200),
        ([("If-Modified-Since", "yesterday")], 200),
        ([("If-Match", TAG)], 200),
        ([("If-Match", f"W/{TAG}")], 412),
        ([("If-Match", '"other"')], 412),
        ([("If-Unmodified-Since", BEFORE)], 412),
        ([("If-Match", TAG), ("If-None-Match", TAG)], 304),
        ([("Range", "bytes=0-9"), ("If-Range", TAG)], 206),
        ([("Range", "bytes=0-9"), ("If-Range", AT)], 206),
        ([("Range", "bytes=0-9"), ("If-Range", AFTER)], 200),
        ([("Range", "bytes=0-9"), ("If-Range", f"W/{TAG}")], 200),
        ([("Range", "bytes=0-9"), ("If-None-Match", TAG)], 304),
        ([("Range", "items=0-9")], 200),
        ([("Range", f"bytes={SIZE}-")], 416),
        ([("Range", "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 200, 2)))], 200),
    ],
)
async def test_conditions(transport: Transport, file: Path, fields: list[tuple[str, str]], status: int) -> None:
    reply = await transport.get(f"/file?path={file}", fields)
    assert reply.status == status
    if status == 200:
        assert (reply.body, reply.header("etag"), reply.header("last-modified")) == (DATA, TAG, AT)
        assert reply.header("accept-ranges") == "bytes"
    elif status == 206:
        assert (reply.body, reply.header("content-range")) == (DATA[:10], f"bytes 0-9/{SIZE}")
    elif status == 304:
        assert (reply.body, reply.header("etag"), reply.header("last-modified")) == (b"", TAG, AT)
        assert reply.header("content-type") is None
    elif status == 416:
        assert reply.header("content-range") == f"bytes */{SIZE}"


async def test_a_file_that_has_just_changed_has_a_weak_tag(transport: Transport, file: Path) -> None:
    """A resumed download starts again, because the file may have changed within the same second."""
    os.utime(file)
    reply = await transport.get(f"/file?path={file}")
    etag, modified = reply.header("etag"), reply.header("last-modified")
    assert etag is not None
    assert modified is not None
    assert etag.startswith('W/"')
    assert (await transport.get(f"/file?path={file}", [("If-None-Match", etag)])).status == 304
    for condition in (etag, etag.removeprefix("W/"), modified):
        ranged = await transport.get(f"/file?path={file}", [("Range", "bytes=0-1"), ("If-Range", condition)])
        assert ranged.status == 200


def parts_of(reply: Reply) -> dict[str, bytes]:
    """The parts of a multipart answer by their Content-Range, in their order."""
    message = message_from_bytes(f"Content-Type: {reply.header('content-type')}\r\n\r\n".encode() + reply.body)
    assert message.get_content_type() == "multipart/byteranges"
    return {str(part["Content-Range"]): part.get_payload(decode=True) for part in message.get_payload()}  # type: ignore[misc,union-attr]


async def test_several_ranges(transport: Transport, tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_text("0123456789" * 30_000)
    text = file.read_bytes()
    reply = await transport.get(f"/file?path={file}", [("Range", "bytes=200000-200009, 0-1,1-4, 100000-199998,-1")])
    assert reply.status == 206
    assert reply.header("content-range") is None
    assert reply.header("content-length") == str(len(reply.body))
    assert parts_of(reply) == {
        "bytes 200000-200009/300000": text[200_000:200_010],
        "bytes 0-4/300000": text[:5],
        "bytes 100000-199998/300000": text[100_000:199_999],
        "bytes 299999-299999/300000": text[-1:],
    }
    assert reply.body.count(b"Content-Type: text/plain; charset=utf-8\r\n") == 4


async def test_several_ranges_that_merge_into_one(transport: Transport, file: Path) -> None:
    reply = await transport.get(f"/file?path={file}", [("Range", "bytes=5-9,0-4,999999-")])
    assert (reply.status, reply.body, reply.header("content-range")) == (206, DATA[:10], f"bytes 0-9/{SIZE}")


async def test_a_part_behind_the_fifth_gibibyte(transport: Transport, tmp_path: Path) -> None:
    """Of a file of holes, which takes no space; too much of it to be read with the head."""
    file, begin = tmp_path / "large", 5 * 2**30
    with file.open("wb") as large:
        large.seek(begin)
        large.write(DATA)
    size = begin + SIZE
    reply = await transport.get(f"/file?path={file}", [("Range", f"bytes={begin - 300_000}-")])
    assert (reply.status, reply.header("content-range")) == (206, f"bytes {begin - 300_000}-{size - 1}/{size}")
    assert reply.body == bytes(300_000) + DATA


async def test_head_has_no_ranges(transport: Transport, file: Path) -> None:
    reply = await transport.request("HEAD", f"/file?path={file}", headers=[("Range", "bytes=0-1,5-6")])
    assert (reply.status, reply.body, reply.header("content-length")) == (200, b"", str(SIZE))


async def test_a_client_that_leaves_in_the_middle_of_parts(wired: Served, file: Path) -> None:
    with file.open("ab") as growing:
        growing.truncate(50_000_000)
    ranges = [("Range", "bytes=0-10000000,10000002-49999999")]
    for _ in range(3):
        async with wired.stream("GET", f"/file?path={file}", headers=ranges) as stream:
            assert stream.status == 206
            await stream.chunk()
            await stream.leave()
    async with asyncio.timeout(10):
        while str(file) in open_files(wired.pid):
            await wired.get("/")


async def test_a_download_has_a_name(transport: Transport, file: Path) -> None:
    reply = await transport.get(f"/files/download?path={file}")
    assert reply.body == DATA
    assert reply.header("content-disposition") == (
        "attachment; filename=\"Gr__e 1.bin\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%201.bin"
    )


@pytest.mark.parametrize("fields", [[], [("Range", "bytes=0-9,100-300000")]], ids=["whole", "parts"])
async def test_a_file_that_shrinks_before_it_is_sent(
    transport: Transport, file: Path, fields: list[tuple[str, str]]
) -> None:
    with pytest.raises(Broken):
        await transport.get(f"/files/shrinking?path={file}", fields)
    assert (await transport.get("/")).text == "hello"


@pytest.mark.parametrize("fields", [[], [("Range", "bytes=0-9,100-")]], ids=["whole", "parts"])
async def test_a_file_that_shrinks_while_it_is_sent(
    transport: Transport, tmp_path: Path, fields: list[tuple[str, str]]
) -> None:
    """The file is larger than all buffers on the way."""
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    async with transport.stream("GET", f"/file?path={path}", headers=fields) as stream:
        await stream.chunk()
        os.truncate(path, 1000)
        with pytest.raises(Broken):
            await rest_of(stream)


async def rest_of(stream: Stream) -> None:
    while await stream.chunk():
        continue


async def test_json_lines(transport: Transport) -> None:
    reply = await transport.get("/lines")
    assert (reply.text, reply.header("content-type")) == ('{"n":1}\n{"n":2}\n"é"\n', "application/jsonl")


# -- a directory -------------------------------------------------------------------------------------------------------


async def test_files_of_a_directory(transport: Transport) -> None:
    reply = await transport.get("/static/css/site.css?v=1")
    assert (reply.status, reply.body) == (200, (STATIC / "css" / "site.css").read_bytes())
    assert reply.header("content-type") == "text/css; charset=utf-8"
    assert reply.header("cache-control") == "no-cache"
    etag = reply.header("etag")
    assert etag is not None
    same = await transport.get("/static/css/site.css", [("If-None-Match", etag)])
    assert (same.status, same.header("cache-control"), same.header("vary")) == (304, "no-cache", "Accept-Encoding")
    head = await transport.request("HEAD", "/static/css/site.css")
    assert (head.status, head.body, head.header("content-length")) == (200, b"", str(len(reply.body)))
    refused = await transport.post("/static/css/site.css", b"x")
    assert (refused.status, refused.header("allow")) == (405, "GET, HEAD, OPTIONS")


async def test_immutable_names(transport: Transport) -> None:
    reply = await transport.get("/static/page.1f9c2b3d.js")
    assert reply.header("cache-control") == "public, max-age=31536000, immutable"


async def test_an_index(transport: Transport) -> None:
    assert (await transport.get("/static/")).body == b"<h1>home</h1>\n"
    assert (await transport.get("/static/docs/")).body == b"<h1>docs</h1>\n"
    for target, location in (("/static/docs?a=%20b", "./docs/?a=%20b"), ("/static", "./static/")):
        reply = await transport.get(target)
        assert (reply.status, reply.header("location")) == (308, location)


@pytest.mark.core_rule
@pytest.mark.parametrize(
    "path",
    [
        "../app.py", "%2e%2e/app.py", "..%2fapp.py", "..%5capp.py", "..\\app.py", "css/../../app.py",
        "css/..%2f..%2fapp.py", "css/../app.js", "./app.js", "css/./site.css", "css%2Fsite.css", "css%5csite.css",
        "css//site.css", "//etc/passwd", "%2fetc/passwd", "%252e%252e/app.py", "....//app.py", "..;/app.py",
        "%c0%ae%c0%ae/app.py", "app.js%00",
        ".hidden", "%2ehidden", ".", "..", "out.txt", "out/reference.md", "out", "css", "css/", "app.js/", "APP.JS",
        "missing",
    ],
)  # fmt: skip
async def test_every_other_path_is_a_404(transport: Transport, path: str) -> None:
    reply = await transport.get(f"/static/{path}")
    assert reply.status == 404


@pytest.mark.core_rule
@pytest.mark.parametrize(
    ("accepted", "suffix"), [("gzip, zstd", ".zst"), ("gzip;q=0.9, zstd;q=0.1", ".gz"), ("br", ""), ("gzip;q=0", "")]
)
async def test_precompressed_files(transport: Transport, accepted: str, suffix: str) -> None:
    data = (STATIC / f"app.js{suffix}").read_bytes()
    fields = [("Accept-Encoding", accepted)]
    reply = await transport.get("/static/app.js", fields)
    assert (reply.status, reply.body) == (200, data)
    assert reply.header("content-encoding") == {".zst": "zstd", ".gz": "gzip", "": None}[suffix]
    assert reply.header("content-type") == "text/javascript; charset=utf-8"
    assert reply.header("vary") == "Accept-Encoding"
    part = await transport.get("/static/app.js", [*fields, ("Range", "bytes=1-3")])
    assert (part.status, part.body, part.header("content-encoding")) == (
        206,
        data[1:4],
        reply.header("content-encoding"),
    )


# -- clients that people use -------------------------------------------------------------------------------------------

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")


async def curl(wired: Served, target: str, *options: str) -> bytes:
    """The output of curl, which is told the server's address and trusts any certificate."""
    url = f"{'https' if wired.tls else 'http'}://127.0.0.1:{wired.port}{target}"
    command = ["curl", "--silent", "--show-error", "--fail", "--insecure", "--max-time", "20", *options, url]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out


@needs_curl
async def test_curl_asks_for_ranges(wired: Served, file: Path) -> None:
    target = f"/file?path={file}"
    assert await curl(wired, target, "--range", "10-19") == DATA[10:20]
    assert await curl(wired, target, "--range", "-5") == DATA[-5:]
    assert await curl(wired, target, "--range", "300000-") == DATA[300_000:]
    several = await curl(wired, target, "--range", "0-9,1000-1009", "--include")
    head, _, body = several.partition(b"\r\n\r\n")
    assert b"multipart/byteranges" in head
    assert body.count(b"\r\nContent-Range: bytes ") == 2


@needs_curl
async def test_curl_resumes(wired: Served, file: Path, tmp_path: Path) -> None:
    """Bytes that the client already has are not sent again."""
    target, copy, log = f"/file?path={file}", tmp_path / "copy", tmp_path / "head"
    copy.write_bytes(DATA[:100_000])
    await curl(wired, target, "--continue-at", "-", "--output", str(copy), "--dump-header", str(log))
    assert copy.read_bytes() == DATA
    assert f"content-range: bytes 100000-{SIZE - 1}/{SIZE}" in log.read_text().lower()
    assert f"content-length: {SIZE - 100_000}" in log.read_text().lower()


@needs_curl
async def test_curl_asks_whether_a_file_has_changed(wired: Served, file: Path, tmp_path: Path) -> None:
    target, tag = f"/file?path={file}", tmp_path / "etag"
    await curl(wired, target, "--etag-save", str(tag), "--output", "/dev/null")
    code = ("--write-out", "%{http_code}", "--output", "/dev/null")
    assert await curl(wired, target, "--etag-compare", str(tag), *code) == b"304"
    assert await curl(wired, target, "--time-cond", str(file), *code) == b"304"


@needs_curl
async def test_curl_unpacks_precompressed_files(wired: Served) -> None:
    packed = await curl(wired, "/static/app.js", "--header", "Accept-Encoding: gzip")
    plain = await curl(wired, "/static/app.js", "--compressed")
    assert plain == gzip.decompress(packed) == (STATIC / "app.js").read_bytes()
