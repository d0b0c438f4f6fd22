"""Certificates for servers under test."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

import pytest
import trustme

from sketch.serving.options import ServeError
from sketch.testing.certificates import prepare_tls


def test_one_is_made_and_removed() -> None:
    tls = prepare_tls("testserver", None)
    assert Path(tls.certificate).exists()
    assert tls.client.verify_mode is ssl.CERT_REQUIRED
    assert tls.client.check_hostname
    tls.remove()
    assert not Path(tls.certificate).exists()


def test_one_that_is_given_stays(tmp_path: Path) -> None:
    path = tmp_path / "own.pem"
    trustme.CA().issue_cert("x").private_key_and_cert_chain_pem.write_to_path(path)
    tls = prepare_tls("x", (path, str(path)))
    tls.remove()
    assert (tls.certificate, tls.key, path.exists()) == (str(path), str(path), True)
    with pytest.raises(OSError, match="No such file"):
        prepare_tls("x", (tmp_path / "none.pem", path))


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(ServeError, match=r"give certificate=\(certificate, key\).*pip install trustme"):
        prepare_tls("x", None)
