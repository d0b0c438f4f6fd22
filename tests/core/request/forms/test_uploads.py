"""Uploaded files: their names, and reading them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sketch.request.forms.events import PartHead
from sketch.request.forms.saving import BATCH, Spool
from sketch.request.forms.uploads import LONGEST_NAME, UploadedFile, safe_name
from tests.core.request.forms.support import names
from tests.support.requests import in_loop

DATA = bytes(range(256)) * 2000


class Segment:
    def __init__(self, filename: str | None) -> None:
        self.headerlist = [("Content-Disposition", f'form-data; name="f"; filename="{filename}"'), ("X-Note", "x")]
        self.name = "f"
        self.filename = filename
        self.content_type = "image/png"


def uploaded(filename: str = "a.png", content: bytes | Spool = DATA, size: int = len(DATA)) -> UploadedFile:
    return UploadedFile(PartHead(Segment(filename)), content, size)


def test_attributes() -> None:
    file = uploaded("dir/a b.png")
    assert (file.name, file.filename, file.content_type, file.size) == ("f", "dir/a b.png", "image/png", 512_000)
    assert (file.safe_name, file.headers["x-note"]) == ("a_b.png", "x")
    assert repr(file) == "<UploadedFile 'f' 'dir/a b.png' of 512000 bytes>"


def test_an_empty_file_field() -> None:
    assert not uploaded("", b"", 0)
    assert uploaded("empty.txt", b"", 0)
    assert uploaded("", b"x", 1)


@pytest.mark.parametrize("on_disk", [False, True])
@in_loop
async def test_reading(on_disk: bool, tmp_path: Path) -> None:
    content = Spool.holding([DATA]) if on_disk else DATA
    file = uploaded(content=content)
    assert await file.read(10) == DATA[:10]
    assert await file.read() == DATA[10:]
    assert await file.read() == b""
    await file.seek(511_000)
    assert [piece async for piece in file] == [DATA[511_000:]]
    await file.seek(0)
    pieces = [piece async for piece in file]
    assert b"".join(pieces) == DATA
    assert max(map(len, pieces)) == BATCH
    await file.seek(10**9)
    assert await file.read() == b""
    with pytest.raises(ValueError, match="from 0 on, got -1"):
        await file.seek(-1)
    assert await file.save_to(tmp_path / "copy") == len(DATA)
    assert (tmp_path / "copy").read_bytes() == DATA
    (tmp_path / "copy").write_bytes(b"old")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        await file.save_to(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"old"
    assert await file.save_to(tmp_path / "copy", overwrite=True) == len(DATA)
    assert (tmp_path / "copy").read_bytes() == DATA
    if isinstance(content, Spool):
        content.close()
        with pytest.raises(ValueError, match="save_to"):
            await file.save_to(tmp_path / "late")
        assert names(tmp_path) == ["copy"]


@pytest.mark.parametrize(
    ("filename", "safe"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        (r"C:\Users\me\x.txt", "x.txt"),
        ("a/b\\c", "c"),
        ("", "file"),
        (".", "file"),
        ("..", "file"),
        ("a/", "file"),
        (".htaccess", "htaccess"),
        ("-rf", "rf"),
        ("a b;c|d$e`f'g\"h*i?j<k>l&m\n.txt", "a_b_c_d_e_f_g_h_i_j_k_l_m_.txt"),
        ("nul\0.txt", "nul_.txt"),
        ("NUL.txt", "file_NUL.txt"),
        ("con", "file_con"),
        ("COM1.txt", "file_COM1.txt"),
        ("lpt³", "file_lpt³"),
        ("consul.txt", "consul.txt"),
        ("name.", "name"),
        ("Grüße.pdf", "Grüße.pdf"),
        ("Gru\u0308\u00dfe.pdf", "Grüße.pdf"),
        ("日本.txt", "日本.txt"),
        ("\u202egpj.exe", "_gpj.exe"),
        ("x" * 300 + ".tar.gz", "x" * (LONGEST_NAME - 3) + ".gz"),
        ("é" * 300, "é" * (LONGEST_NAME // 2)),
        ("a." + "é" * 300, "a." + "é" * (LONGEST_NAME // 2 - 1)),
    ],
)
def test_safe_names(filename: str, safe: str) -> None:
    assert safe_name(filename) == safe
    assert len(safe.encode()) <= LONGEST_NAME
