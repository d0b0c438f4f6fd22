"""Certificates: what a client would learn of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from sketch.cli.doctor.certificates import read_certificate
from sketch.serving.options import ServeError, ServeOptions

NOW = datetime.now(UTC)


def write(folder: Path, expires: datetime) -> tuple[str, str]:
    issued = trustme.CA().issue_cert("localhost", not_before=NOW - timedelta(days=400), not_after=expires)
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    return str(chain), str(key)


def options(folder: Path, expires: datetime) -> ServeOptions:
    chain, key = write(folder, expires)
    return ServeOptions(ssl_certfile=chain, ssl_keyfile=key)


def test_the_time_of_a_certificate_is_read(tmp_path: Path) -> None:
    found = read_certificate(options(tmp_path, NOW + timedelta(days=3)))
    assert not found.is_expired
    assert found.expires_at is not None
    assert abs(found.expires_at - (NOW + timedelta(days=3)).timestamp()) < 2


def test_an_expired_certificate_is_seen(tmp_path: Path) -> None:
    assert read_certificate(options(tmp_path, NOW - timedelta(days=1))).is_expired


def test_what_no_server_can_use_is_an_error(tmp_path: Path) -> None:
    given = options(tmp_path, NOW + timedelta(days=3))
    with pytest.raises(ServeError, match="cannot read the private key"):
        read_certificate(replace(given, ssl_keyfile=f"{given.ssl_keyfile}.old"))
