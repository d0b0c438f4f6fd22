"""The certificate for development: made once, kept in the user's cache, for this machine's own names alone."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import tempfile
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

from sketch.observability.logs import tell
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.sockets import is_public, places, spell

NAMES = ("localhost", "127.0.0.1", "::1")
LIFE = timedelta(days=390)
"""How long it is valid: browsers refuse what is valid for much longer than a year."""

RENEWED = timedelta(days=14)
"""How long before its end it is replaced."""

_ATTEMPTS = 3
"""How often a new certificate is put in its place, while other processes do the same."""

_LEAF, _AUTHORITY = "localhost.pem", "ca.pem"


def with_dev_cert(options: ServeOptions) -> ServeOptions:
    """Return the options with the files of the certificate for development, if it was asked for.

    Raises:
        ServeError: for an address that other machines reach, without the package that makes certificates, and for a
            cache that cannot be written.
    """
    if not options.dev_cert:
        return options
    check_local(options)
    _check_package()
    folder = ensure(cache_folder(os.environ), datetime.now(UTC))
    authority = folder / _AUTHORITY
    tell(
        f"HTTPS with a certificate for development. To trust it: `curl --cacert {authority}`, or import this file into "
        "the browser as an authority; its key is gone, so it can sign nothing else"
    )
    return replace(options, dev_cert=False, ssl_certfile=str(folder / _LEAF))


def _check_package() -> None:
    if find_spec("trustme") is None:
        raise ServeError("dev_cert needs the package trustme: pip install 'sketch-web[certificates]'", "dev_cert")


def check_local(options: ServeOptions) -> None:
    """Refuse an address that other machines reach.

    Raises:
        ServeError: the message names it.
    """
    for name in (_name(place, options) for place in places(options)):
        if is_public(name):
            raise ServeError(
                f"expected dev_cert with an address of this machine, as 127.0.0.1, got {name}: give ssl_certfile there",
                "dev_cert",
            )


def _name(place: str, options: ServeOptions) -> str:
    """Return the address of a place, also that of a socket that is bound already."""
    if place == "sock":
        assert options.sock is not None
        return spell(options.sock.getsockname())
    if place.startswith("fd:"):
        with suppress(OSError), socket.socket(fileno=os.dup(int(place.removeprefix("fd:")))) as sock:
            return spell(sock.getsockname())
    return place


def cache_folder(environment: os._Environ[str] | dict[str, str]) -> Path:
    """Return the folder of the certificate in the user's cache (XDG Base Directory Specification).

    Raises:
        ServeError: for a user without a home.
    """
    named = Path(environment.get("XDG_CACHE_HOME", ""))
    try:
        cache = named if named.is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        raise ServeError("expected XDG_CACHE_HOME or HOME to say where dev_cert keeps its files", "dev_cert") from None
    return cache / "sketch" / "dev-cert"


def ensure(folder: Path, now: datetime) -> Path:
    """Return the folder with a certificate that is valid for a while: the one that is there, or else a new one.

    Processes that do this at the same time get the same one.

    Raises:
        ServeError: if one cannot be made.
    """
    if is_usable(folder, now):
        return folder
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix="dev-cert-", dir=folder.parent))
        try:
            make(made, now)
            _put(made, folder, now)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as exc:
        raise ServeError(f"cannot keep the certificate of dev_cert in {folder}: {exc.strerror}", "dev_cert") from None
    return folder


def _put(made: Path, folder: Path, now: datetime) -> None:
    """Move a new certificate to its place, unless another process has been faster."""
    for _ in range(_ATTEMPTS):
        if is_usable(folder, now):
            return
        if os.path.lexists(folder):
            old = tempfile.mkdtemp(prefix="old-", dir=folder.parent)
            with suppress(FileNotFoundError):
                folder.rename(old)
            shutil.rmtree(old, ignore_errors=True)
        try:
            made.rename(folder)
        except OSError as exc:
            if exc.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise


def is_usable(folder: Path, now: datetime) -> bool:
    """Whether a folder has a certificate that no other user can read or has made, and that is valid for a while."""
    from cryptography.x509 import load_pem_x509_certificate

    try:
        for each in (folder, folder / _LEAF, folder / _AUTHORITY):
            found = each.lstat()
            if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
                return False
        leaf = load_pem_x509_certificate((folder / _LEAF).read_bytes())
    except (OSError, ValueError):
        return False
    return leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc - RENEWED


def make(folder: Path, now: datetime) -> None:
    """Write a certificate with its key, and its authority without one: that key is never written, and is dropped.

    Raises:
        OSError: if the files cannot be written.
    """
    import trustme

    authority = trustme.CA(organization_name="sketch", organization_unit_name="development on this machine")
    leaf = authority.issue_cert(*NAMES, not_before=now - timedelta(days=1), not_after=now + LIFE)
    _write(folder / _LEAF, leaf.private_key_and_cert_chain_pem.bytes())
    _write(folder / _AUTHORITY, authority.cert_pem.bytes())


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
