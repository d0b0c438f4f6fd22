from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.serving.tls.files import write_files


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of `write_files`."""
    path = tmp_path_factory.mktemp("tls")
    write_files(path)
    return path
