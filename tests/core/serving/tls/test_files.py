"""The files of TLS: what is wrong with them is said with their names."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.tls.context import server_context
from tests.core.serving.tls.files import PASSWORD


def context(folder: Path, **names: str) -> ssl.SSLContext | None:
    """The context of options whose values are names of files."""
    files = {name: value if name == "ssl_keyfile_password" else str(folder / value) for name, value in names.items()}
    return server_context(ServeOptions(**files))  # type: ignore[arg-type]


CERTIFICATE, KEY, PASSWORD_FILE = "ssl_certfile", "ssl_keyfile", "ssl_keyfile_password_file"
GOOD = {CERTIFICATE: "one.pem", KEY: "one.key"}
ENCRYPTED = {CERTIFICATE: "one.pem", KEY: "pkcs8.key"}

FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({CERTIFICATE: "none.pem"}, "cannot read the certificate F/none.pem: No such file or directory", CERTIFICATE),
    ({CERTIFICATE: ""}, "cannot read the certificate F: Is a directory", CERTIFICATE),
    ({CERTIFICATE: "one.key"}, "expected a certificate in PEM in F/one.key, got a file without one", CERTIFICATE),
    ({CERTIFICATE: "one.der"}, "expected a certificate in PEM in F/one.der, got a file without one", CERTIFICATE),
    ({CERTIFICATE: "broken.pem"}, "expected certificates in PEM in F/broken.pem, got a broken one", CERTIFICATE),
    ({CERTIFICATE: "one.pem"}, "expected a private key behind the certificate in F/one.pem, got none: ", CERTIFICATE),
    (GOOD | {KEY: "none.key"}, "cannot read the private key F/none.key: No such file or directory", KEY),
    (GOOD | {KEY: "two.pem"}, "expected a private key in PEM in F/two.pem, got a file without one", KEY),
    (GOOD | {KEY: "broken.key"}, "cannot use the private key F/broken.key: it is broken, or of a kind that", KEY),
    (GOOD | {KEY: "two.key"}, "the private key F/two.key does not belong to the certificate F/one.pem", CERTIFICATE),
    (ENCRYPTED, "the private key F/pkcs8.key is encrypted: give its password as SKETCH_SSL_KEYFILE_PASSWORD in", KEY),
    (ENCRYPTED | {PASSWORD_FILE: "wrong"}, "cannot decrypt the private key F/pkcs8.key: its password is wrong", KEY),
    (ENCRYPTED | {"ssl_keyfile_password": "other"}, "cannot decrypt the private key F/pkcs8.key: its password", KEY),
    (ENCRYPTED | {PASSWORD_FILE: "none"}, "cannot read the password file F/none: No such file", PASSWORD_FILE),
    (ENCRYPTED | {PASSWORD_FILE: "empty"}, "expected a password in F/empty, got an empty line", PASSWORD_FILE),
    (ENCRYPTED | {PASSWORD_FILE: "binary"}, "expected a password in UTF-8 in F/binary", PASSWORD_FILE),
    (ENCRYPTED | {PASSWORD_FILE: "long"}, "expected a password of at most 1024 bytes", PASSWORD_FILE),
    (GOOD | {"ssl_ca_certs": "none.pem"}, "cannot read the CA certificates F/none.pem: No such file", "ssl_ca_certs"),
    (GOOD | {"ssl_ca_certs": "one.key"}, "expected CA certificates in PEM in F/one.key, got a file", "ssl_ca_certs"),
    (GOOD | {"ssl_ca_certs": "broken.pem"}, "expected certificates in PEM in F/broken.pem, got a", "ssl_ca_certs"),
]


@pytest.mark.parametrize(("files", "message", "name"), FAULTS)
def test_a_fault_is_said_with_the_file(folder: Path, files: dict[str, str], message: str, name: str) -> None:
    with pytest.raises(ServeError) as caught:
        context(folder, **files)
    assert str(caught.value).replace(str(folder), "F").startswith(message)
    assert name in caught.value.names
    assert "other" not in str(caught.value).replace("another", ""), "a password is shown"


@pytest.mark.parametrize("key", ["pkcs8.key", "traditional.key"])
def test_an_encrypted_key(folder: Path, key: str) -> None:
    files = {CERTIFICATE: "one.pem", KEY: key}
    assert context(folder, **files, ssl_keyfile_password=PASSWORD)
    assert context(folder, **files, ssl_keyfile_password_file="password")


def test_a_file_of_everything(folder: Path) -> None:
    assert context(folder, ssl_certfile="one-both.pem")
