"""The certificate of a server under test, and the client's trust in it."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from sketch.serving.options import ServeError

Certificate = tuple[str | Path, str | Path]
"""The paths of a certificate chain and its private key, in PEM."""


@dataclass
class TLS:
    """A certificate and its key in files, and the client's context, which trusts exactly this certificate.

    Attributes:
        certificate, key: the files.
        client: the context of the client.
    """

    certificate: str
    key: str
    client: ssl.SSLContext
    _directory: tempfile.TemporaryDirectory[str] | None = field(default=None, repr=False)

    def remove(self) -> None:
        """Remove the files, if they were made here."""
        if self._directory is not None:
            self._directory.cleanup()


def prepare_tls(name: str, given: Certificate | None) -> TLS:
    """Return the certificate that was given, or a new one for a host name.

    Raises:
        ServeError: if a new one is needed and the package trustme is missing.
        OSError: if the file cannot be read. (`ssl.SSLError` is one.)
    """
    if given is not None:
        return TLS(str(given[0]), str(given[1]), _trusting(str(given[0])))
    try:
        import trustme
    except ModuleNotFoundError:
        raise ServeError(
            "a test over TLS needs a certificate: give certificate=(certificate, key) with the paths of two files, "
            "or install the package that makes one: pip install trustme"
        ) from None
    directory = tempfile.TemporaryDirectory(prefix="sketch-testing-")
    try:
        path = str(Path(directory.name) / "server.pem")
        trustme.CA().issue_cert(name).private_key_and_cert_chain_pem.write_to_path(path)
        return TLS(path, path, _trusting(path), directory)
    except BaseException:
        directory.cleanup()
        raise


def _trusting(path: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=path)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the certificate itself is trusted, whatever has signed it
    return context
