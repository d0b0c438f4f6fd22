"""Reading a file in a thread, piece by piece."""

from __future__ import annotations

from pathlib import Path

import pytest

from sketch.files.reading import PIECE, read_in_thread
from sketch.transport import FileBody
from tests.support.requests import in_loop


@in_loop
async def test_a_part_of_a_file_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4000)
    with path.open("rb") as file:
        pieces = [piece async for piece in read_in_thread(FileBody(file, str(path), 100, 700_000))]
        assert b"".join(pieces) == path.read_bytes()[100:700_100]
        assert max(map(len, pieces)) == PIECE
        assert [piece async for piece in read_in_thread(FileBody(file, str(path), 100, 0))] == []
        with pytest.raises(RuntimeError, match=f"{path} has shrunk while it was sent: 100 bytes are missing"):
            [piece async for piece in read_in_thread(FileBody(file, str(path), 1_023_900, 200))]
        assert not file.closed
