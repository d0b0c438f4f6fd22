"""Certificates: what a client would learn of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from sketch.cli.doctor.certificates import UnusableCertificate, read_certificate

NOW = datetime.now(UTC)


def write(folder: Path, expires: datetime, *, name: str = "localhost") -> tuple[str, str]:
    issued = trustme.CA().issue_cert(name, not_before=NOW - timedelta(days=400), not_after=expires)
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    return str(chain), str(key)


def test_the_time_of_a_certificate_is_read(tmp_path: Path) -> None:
    found = read_certificate(*write(tmp_path, NOW + timedelta(days=3)))
    assert not found.is_expired
    assert found.expires_at is not None
    assert abs(found.expires_at - (NOW + timedelta(days=3)).timestamp()) < 2


def test_an_expired_certificate_is_seen(tmp_path: Path) -> None:
    assert read_certificate(*write(tmp_path, NOW - timedelta(days=1))).is_expired


def test_what_no_server_can_use_is_an_error(tmp_path: Path) -> None:
    chain, key = write(tmp_path, NOW + timedelta(days=3))
    with pytest.raises(UnusableCertificate, match="No such file"):
        read_certificate(chain, f"{key}.old")
    with pytest.raises(UnusableCertificate):
        read_certificate(chain, None)  # without its key


def test_an_encrypted_key_asks_nothing_on_the_terminal(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    chain, key = write(tmp_path, NOW + timedelta(days=3))
    made = load_pem_private_key(Path(key).read_bytes(), None)
    locked = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word"))
    Path(key).write_bytes(locked)
    with pytest.raises(UnusableCertificate, match="the key is encrypted, and no password is given"):
        read_certificate(chain, key)
    assert read_certificate(chain, key, "word").expires_at is not None
