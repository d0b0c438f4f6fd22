"""Files of certificates and keys, each made once in a run."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

PASSWORD = "hunter2"
EMPTY = "-----BEGIN {0}-----\nAAAA\n-----END {0}-----\n"


def write_files(folder: Path) -> trustme.CA:
    """Write the files into a folder. Returns their authority."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name in ("one", "two"):
        leaf = authority.issue_cert("localhost", common_name=name)
        leaf.cert_chain_pems[0].write_to_path(str(folder / f"{name}.pem"))
        leaf.private_key_pem.write_to_path(str(folder / f"{name}.key"))
        leaf.private_key_and_cert_chain_pem.write_to_path(str(folder / f"{name}-both.pem"))
    key = load_pem_private_key((folder / "one.key").read_bytes(), None)
    for name, form in (("pkcs8", PrivateFormat.PKCS8), ("traditional", PrivateFormat.TraditionalOpenSSL)):
        encrypted = key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(PASSWORD.encode()))
        (folder / f"{name}.key").write_bytes(encrypted)
    (folder / "one.der").write_bytes(ssl.PEM_cert_to_DER_cert((folder / "one.pem").read_text()))
    (folder / "broken.pem").write_text(EMPTY.format("CERTIFICATE"))
    (folder / "broken.key").write_text(EMPTY.format("PRIVATE KEY"))
    (folder / "password").write_text(f"{PASSWORD}\r\nanother line\n")
    (folder / "wrong").write_text("other")
    (folder / "empty").write_text("\n")
    (folder / "binary").write_bytes(b"\xff\n")
    (folder / "long").write_text("x" * 1025)
    return authority
