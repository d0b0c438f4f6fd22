"""The files of TLS: each fault is an error that names the file, and says what is wrong with it."""

from __future__ import annotations

import ssl
from pathlib import Path

from sketch.serving.options import ServeError, ServeOptions

_CERTIFICATE, _PRIVATE_KEY = b"-----BEGIN CERTIFICATE-----", b"PRIVATE KEY-----"
_MOST = 1024
"""Characters of a password: OpenSSL takes no more."""


def load_certificate(context: ssl.SSLContext, options: ServeOptions) -> None:
    """Load the certificate chain and its key, without ever asking for a password on the terminal.

    Raises:
        ServeError: for files that cannot be used.
    """
    assert options.ssl_certfile is not None
    certificate, key = options.ssl_certfile, options.ssl_keyfile or options.ssl_certfile
    _check_certificate(certificate)
    _check_key(key, options)
    password = _Password(key, options)
    try:
        context.load_cert_chain(certificate, key, password)
    except (ssl.SSLError, ValueError) as exc:
        raise _unusable(certificate, key, password, exc) from None


def load_authorities(context: ssl.SSLContext, path: str) -> None:
    """Load the certificates of the authorities that may have signed a client's.

    Raises:
        ServeError: for a file without such certificates.
    """
    if _CERTIFICATE not in _read(path, "CA certificates", "ssl_ca_certs"):
        raise ServeError(f"expected CA certificates in PEM in {path}, got a file without any", "ssl_ca_certs")
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as exc:
        raise _broken(path, "ssl_ca_certs", exc) from None


def _check_certificate(path: str) -> None:
    if _CERTIFICATE not in _read(path, "certificate", "ssl_certfile"):
        raise ServeError(f"expected a certificate in PEM in {path}, got a file without one", "ssl_certfile")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(path)
    except ssl.SSLError as exc:
        raise _broken(path, "ssl_certfile", exc) from None


def _check_key(path: str, options: ServeOptions) -> None:
    if _PRIVATE_KEY in _read(path, "private key", "ssl_keyfile"):
        return
    if options.ssl_keyfile is None:
        raise ServeError(
            f"expected a private key behind the certificate in {path}, got none: give its file as ssl_keyfile",
            "ssl_certfile",
            "ssl_keyfile",
        )
    raise ServeError(f"expected a private key in PEM in {path}, got a file without one", "ssl_keyfile")


def _broken(path: str, name: str, exc: ssl.SSLError) -> ServeError:
    why = f": {_why(exc)}" if getattr(exc, "reason", None) else ""
    return ServeError(f"expected certificates in PEM in {path}, got a broken one{why}", name)


def _read(path: str, what: str, name: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as exc:
        raise ServeError(f"cannot read the {what} {path}: {exc.strerror}", name) from None


class _Password:
    """What OpenSSL calls for the password of a key that is encrypted.

    Args:
        key: the path of the key.
        options: say what the password is.
    """

    def __init__(self, key: str, options: ServeOptions) -> None:
        self.asked = False
        self._key = key
        self._options = options

    def __call__(self) -> str:
        self.asked = True
        password = _password(self._options)
        if password is None:
            raise ServeError(
                f"the private key {self._key} is encrypted: give its password as SKETCH_SSL_KEYFILE_PASSWORD in the "
                "environment, or in a file by ssl_keyfile_password_file",
                "ssl_keyfile",
            )
        return password


def _password(options: ServeOptions) -> str | None:
    """Return the password of the key, the first line of its file if it is in one; None if none was given.

    Raises:
        ServeError: for a file that cannot be read, or has none.
    """
    name = "ssl_keyfile_password_file"
    if options.ssl_keyfile_password_file is None:
        return _checked(options.ssl_keyfile_password, "ssl_keyfile_password")
    data = _read(options.ssl_keyfile_password_file, "password file", name)
    try:
        first = data.decode().partition("\n")[0].removesuffix("\r")
    except UnicodeDecodeError:
        raise ServeError(f"expected a password in UTF-8 in {options.ssl_keyfile_password_file}", name) from None
    if not first:
        raise ServeError(f"expected a password in {options.ssl_keyfile_password_file}, got an empty line", name)
    return _checked(first, name)


def _checked(password: str | None, name: str) -> str | None:
    if password is not None and len(password.encode()) > _MOST:
        raise ServeError(f"expected a password of at most {_MOST} bytes", name)
    return password


def _unusable(certificate: str, key: str, password: _Password, exc: ssl.SSLError | ValueError) -> ServeError:
    """Make the error for files that OpenSSL refuses: it names none of them."""
    reason = getattr(exc, "reason", None)
    if reason == "KEY_VALUES_MISMATCH":
        return ServeError(f"the private key {key} does not belong to the certificate {certificate}", *_PAIR)
    if password.asked:
        fault = f"cannot decrypt the private key {key}: its password is wrong, or it is broken"
        return ServeError(fault, "ssl_keyfile", *_PASSWORDS)
    if reason in (None, "PEM_LIB"):  # the certificate could be read
        fault = "it is broken, or of a kind that OpenSSL does not know"
        return ServeError(f"cannot use the private key {key}: {fault}", "ssl_keyfile")
    return ServeError(f"cannot use the certificate {certificate} with the private key {key}: {_why(exc)}", *_PAIR)


_PAIR = ("ssl_certfile", "ssl_keyfile")
_PASSWORDS = ("ssl_keyfile_password", "ssl_keyfile_password_file")


def _why(exc: Exception) -> str:
    """Return the reason of OpenSSL in words."""
    reason = getattr(exc, "reason", None)
    return str(reason).replace("_", " ").lower() if reason else str(exc)
