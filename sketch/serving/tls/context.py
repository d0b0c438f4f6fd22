"""The TLS context of a server, made of its options: the same for every server that takes one."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.rereading import reread
from sketch.serving.tls.files import load_authorities, load_certificate
from sketch.serving.tls.handshakes import FailedHandshakes, logged_session

HTTP_1 = ("http/1.1",)
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_REQUIREMENTS = {"optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


class RereadableContext(ssl.SSLContext):
    """A context that makes each session by the newest one of the contexts that it has made of the files.

    Servers keep the context that they are given. The sessions that are open keep theirs. A new context has new keys
    for tickets, so that no session is resumed by what an older certificate, or another authority, has vouched for.

    Args:
        make: makes a context of the files. It raises ServeError for files that cannot be used.
    """

    def __new__(cls, make: Callable[[], ssl.SSLContext]) -> RereadableContext:  # noqa: ARG004 - taken by `__init__`
        """Make the object; OpenSSL's part of it stays unused."""
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, make: Callable[[], ssl.SSLContext]) -> None:
        self._make = make
        self._newest = make()

    def reread(self) -> None:
        """Read the files anew. If they cannot be used, the ones before stay in use.

        Raises:
            ServeError: for files that cannot be used.
        """
        self._newest = self._make()

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        """Begin a session: event loops do it so."""
        return self._newest.wrap_bio(*arguments, **options)

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """Begin a session on a blocking socket."""
        return self._newest.wrap_socket(*arguments, **options)


def server_context(
    options: ServeOptions, protocols: Sequence[str] = HTTP_1, *, logs: bool = False
) -> ssl.SSLContext | None:
    """Return the TLS context of the options, ready-made or made from their files; None without TLS.

    Args:
        options: those of the server.
        protocols: what is offered to clients that ask for a protocol (ALPN, RFC 7301).
        logs: whether the context logs failed handshakes, for a server that does not tell of them.

    Raises:
        ServeError: for files that cannot be used.
    """
    if options.ssl_certfile is None:
        return options.ssl
    session = logged_session(FailedHandshakes()) if logs else ssl.SSLObject
    return RereadableContext(lambda: _make(options, protocols, session))


@contextmanager
def certificates_reread(context: ssl.SSLContext | None, options: ServeOptions) -> Iterator[None]:
    """While the block runs, read the files of a context anew when that is ordered. One that is ready-made has none."""
    if not isinstance(context, RereadableContext):
        yield
        return
    with reread(f"the certificate {options.ssl_certfile}", context.reread):
        yield


def check_files(options: ServeOptions) -> None:
    """Check the files for a server that loads them itself.

    Raises:
        ServeError: for files that cannot be used.
    """
    server_context(options)


def _make(options: ServeOptions, protocols: Sequence[str], session: type[ssl.SSLObject]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = VERSIONS[options.ssl_minimum_version]
    context.set_alpn_protocols(list(protocols))
    context.sslobject_class = session
    if options.ssl_ciphers is not None:
        _set_ciphers(context, options.ssl_ciphers)
    if options.ssl_ca_certs is not None:
        context.verify_mode = _REQUIREMENTS[options.ssl_cert_reqs]
        load_authorities(context, options.ssl_ca_certs)
    load_certificate(context, options)
    return context


def _set_ciphers(context: ssl.SSLContext, ciphers: str) -> None:
    try:
        context.set_ciphers(ciphers)
    except ssl.SSLError:
        fault = f"expected ssl_ciphers as a list of OpenSSL, like 'ECDHE+AESGCM:ECDHE+CHACHA20', got {ciphers!r:.200}"
        raise ServeError(fault, "ssl_ciphers") from None
