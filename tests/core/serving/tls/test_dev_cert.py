"""The certificate for development: for whom it is, where it is kept, how long."""

from __future__ import annotations

import socket
import ssl
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509 import SubjectAlternativeName, load_pem_x509_certificate

from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.tls.dev_cert import LIFE, RENEWED, cache_folder, check_local, ensure, is_usable, with_dev_cert

NOW = datetime.now(UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return ensure(tmp_path / "cache" / "sketch" / "dev-cert", NOW)


def test_it_is_for_this_machine_alone_and_its_authority_signs_nothing_else(folder: Path) -> None:
    data = (folder / "localhost.pem").read_bytes()
    names: Any = load_pem_x509_certificate(data).extensions.get_extension_for_class(SubjectAlternativeName).value
    assert sorted(str(name.value) for name in names) == ["127.0.0.1", "::1", "localhost"]
    assert data.count(b"PRIVATE KEY-----") == 2, "one key, that of the certificate"
    assert b"PRIVATE KEY" not in (folder / "ca.pem").read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == ["ca.pem", "localhost.pem"]
    client = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    client.load_cert_chain(folder / "localhost.pem")  # the key belongs to it


def test_only_its_user_can_read_it(folder: Path) -> None:
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert (modes, stat.S_IMODE(folder.stat().st_mode)) == ({0o600}, 0o700)
    (folder / "localhost.pem").chmod(0o644)
    assert not is_usable(folder, NOW)


def test_it_is_used_again_until_it_is_near_its_end(folder: Path) -> None:
    before = (folder / "ca.pem").read_bytes()
    assert (ensure(folder, NOW + LIFE - RENEWED - timedelta(days=1)) / "ca.pem").read_bytes() == before
    assert (ensure(folder, NOW + LIFE - RENEWED) / "ca.pem").read_bytes() != before
    assert [path.name for path in folder.parent.iterdir()] == ["dev-cert"], "nothing is left behind"


@pytest.mark.parametrize("broken", ["localhost.pem", "ca.pem"])
def test_a_broken_one_is_replaced(folder: Path, broken: str) -> None:
    (folder / broken).unlink()
    assert not is_usable(folder, NOW)
    assert is_usable(ensure(folder, NOW), NOW)


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        ServeError, match=r"cannot keep the certificate of dev_cert in .*: (Not a directory|File exists)"
    ):
        ensure(tmp_path / "file" / "dev-cert", NOW)


def test_the_cache_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "sketch" / "dev-cert"
    monkeypatch.setenv("HOME", str(tmp_path))
    for environment in ({}, {"XDG_CACHE_HOME": "relative"}):
        assert cache_folder(environment) == tmp_path / ".cache" / "sketch" / "dev-cert"


PUBLIC = [{"host": "0.0.0.0"}, {"host": ""}, {"host": "example.org"}, {"bind": ["127.0.0.1:1", "[::]:1"]}]
LOCAL: list[dict[str, Any]] = [
    {}, {"host": "localhost"}, {"host": "::1"}, {"uds": "/run/x"}, {"bind": ["[::1]:1", "unix:/run/x"]},
]  # fmt: skip


@pytest.mark.parametrize("options", PUBLIC)
def test_not_on_an_address_that_other_machines_reach(options: dict[str, Any]) -> None:
    with pytest.raises(ServeError, match=r"expected dev_cert with an address of this machine, as 127\.0\.0\.1, got "):
        with_dev_cert(ServeOptions(dev_cert=True, **options))


@pytest.mark.parametrize("options", LOCAL)
def test_on_an_address_of_this_machine(options: dict[str, Any]) -> None:
    check_local(ServeOptions(dev_cert=True, **options))


@pytest.mark.parametrize(("host", "local"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_sockets_that_are_bound(host: str, local: bool) -> None:
    with socket.socket() as sock:
        sock.bind((host, 0))
        for options in (
            ServeOptions(dev_cert=True, sock=sock),
            ServeOptions(dev_cert=True, bind=(f"fd:{sock.fileno()}",)),
        ):
            if local:
                check_local(options)
            else:
                with pytest.raises(ServeError, match=r"got 0\.0\.0\.0:"):
                    check_local(options)


def test_the_options_get_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "sketch")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    plain = ServeOptions()
    assert with_dev_cert(plain) is plain
    options = with_dev_cert(ServeOptions(dev_cert=True, ssl_minimum_version="1.3"))
    folder = tmp_path / "sketch" / "dev-cert"
    assert (options.ssl_certfile, options.dev_cert) == (str(folder / "localhost.pem"), False)
    assert f"To trust it: `curl --cacert {folder}/ca.pem`" in caplog.text


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(ServeError, match=r"pip install 'sketch-web\[certificates\]'"):
        with_dev_cert(ServeOptions(dev_cert=True))
