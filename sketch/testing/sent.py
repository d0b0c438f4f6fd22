"""A request as the test client sends it, and the curl command that sends the same."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from yarl import URL

from sketch.errors.debug.masking import is_secret
from sketch.http.fields import RawHeaders
from sketch.testing.encoding import BodyArgument

HIDDEN = "***"
_LONGEST_BODY = 1000
_NAME = re.compile(r'; name="([^"]*)"')
"""The names of the fields of a multipart body."""
_OMITTED = {b"accept", b"user-agent", b"content-length", b"transfer-encoding"}
"""Fields that curl sends by itself."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request as the client sends it."""

    method: str
    target: bytes
    """The request target: path and query."""
    fields: RawHeaders
    """The header fields, names in lower case."""
    content: BodyArgument
    """The body; None without one."""
    url: URL
    """The whole URL."""
    websocket: bool = False
    """Whether it is the handshake of a websocket."""

    @property
    def path(self) -> str:
        """The path as sent."""
        return self.target.decode("latin-1").partition("?")[0]

    def field(self, name: bytes) -> bytes | None:
        """The first header field of a name, None without one."""
        return next((value for key, value in self.fields if key == name), None)

    @property
    def host(self) -> str | None:
        """The host that the request names, without a port."""
        value = self.field(b"host")
        if value is None:
            return None
        text = value.decode("latin-1")
        return text.partition("]")[0] + "]" if text.startswith("[") else text.rpartition(":")[0] or text

    def curl(self, *, secrets: bool = False, at: str | None = None) -> str:
        """The curl command that sends the same request.

        Args:
            secrets: whether to show the values of header, query and body fields whose names mark a secret, such as
                `Authorization`, `Cookie` or `password`; without it they are `***`.
            at: scheme and host of a server to send it to, None for those of the client.
        """
        url = self.url if secrets else _without_secrets(self.url)
        where = str(url) if at is None else at.rstrip("/") + url.raw_path_qs
        if self.websocket:
            where = where.replace("http", "ws", 1)
        words = ["curl", *self._method(), where, *self._fields(secrets), *self._body(secrets)]
        return shlex.join(words)

    def _method(self) -> list[str]:
        if self.method == "HEAD":
            return ["-I"]
        return [] if self.method == ("GET" if self.content is None else "POST") else ["-X", self.method]

    def _fields(self, secrets: bool) -> list[str]:
        words = []
        for raw, value in self.fields:
            name = raw.decode("latin-1")
            if raw not in _OMITTED and not (raw == b"host" and value.decode("latin-1") == self.url.raw_authority):
                shown = value.decode("latin-1") if secrets or not is_secret(name) else HIDDEN
                words += ["-H", f"{name}: {shown}"]
        return words

    def _body(self, secrets: bool) -> list[str]:
        if self.content is None:
            return []
        if not isinstance(self.content, bytes):
            return ["--data-binary", "@-"]
        try:
            text = self.content.decode()
        except UnicodeDecodeError:
            return ["--data-binary", f"@{len(self.content)}-bytes"]
        if not secrets:
            kind = (self.field(b"content-type") or b"").decode("latin-1")
            text = _masked(text, kind)
        return ["--data-raw", text if len(text) <= _LONGEST_BODY else f"{text[:_LONGEST_BODY]}..."]


def _without_secrets(url: URL) -> URL:
    if not any(is_secret(name) for name in url.query):
        return url
    return URL(f"{url.scheme}://{url.raw_authority}{url.raw_path}?{_masked_form(url.raw_query_string)}", encoded=True)


def _masked(text: str, kind: str) -> str:
    """A body without the values of its secrets; a multipart body that holds one is not shown."""
    if "json" in kind:
        try:
            return json.dumps(_masked_value(json.loads(text)))
        except ValueError:
            return text
    if kind.startswith("application/x-www-form-urlencoded"):
        return _masked_form(text)
    return HIDDEN if kind.startswith("multipart/") and any(map(is_secret, _NAME.findall(text))) else text


def _masked_form(text: str) -> str:
    pairs = [(name, HIDDEN if is_secret(name) else value) for name, value in parse_qsl(text, keep_blank_values=True)]
    return urlencode(pairs, safe="*")


def _masked_value(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: HIDDEN if is_secret(name) else _masked_value(one) for name, one in value.items()}
    return [_masked_value(one) for one in value] if isinstance(value, list) else value
