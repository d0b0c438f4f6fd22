"""Cookies: parse the `Cookie` field, format `Set-Cookie` fields (RFC 6265bis)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from sketch.http.grammar import TOKEN

if TYPE_CHECKING:
    from datetime import datetime

SameSite = Literal["strict", "lax", "none", "Strict", "Lax", "None"]

_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")
_ATTRIBUTE = re.compile(r"[ -:<-~]*")
_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_DOMAIN = re.compile(rf"\.?{_LABEL}(?:\.{_LABEL})*")
_ABSENT = (None, False)
_TEXT = (str, "a str")
_OPTIONAL_TEXT = (str | None, "a str or None")
_TYPES: Mapping[str, tuple[Any, str]] = {
    "name": _TEXT,
    "value": _TEXT,
    "max_age": (int | float | None, "a number of seconds or None"),
    "path": _OPTIONAL_TEXT,
    "domain": _OPTIONAL_TEXT,
    "samesite": _OPTIONAL_TEXT,
}
# RFC 6265bis section 5.6: browsers drop larger cookies, and ignore larger attributes.
_MOST = 4096
_MOST_OF_ATTRIBUTE = 1024
_FIRST_YEAR = 1601  # section 5.1.1: browsers ignore an `Expires` before it


def parse_cookies(header: str) -> dict[str, str]:
    """Parse a `Cookie` field, given as Latin-1. The first cookie of a name counts: the one of the most specific path.

    Names and values are text in UTF-8, as browsers send what scripts have set, or else in Latin-1.

    Malformed cookies are skipped, as RFC 6265bis section 5.7 asks of servers: one bad cookie, set by another
    application on the domain, must not cost the visitor the others.
    """
    cookies: dict[str, str] = {}
    for pair in header.split(";") if header.isascii() else map(read_text, header.split(";")):
        name, found, value = pair.partition("=")
        name, value = name.strip(" \t"), value.strip(" \t")
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1]
        if found and name:
            cookies.setdefault(name, value)
    return cookies


def find_cookies(header: str, name: str) -> list[str]:
    """Return the values of all cookies of a name as they were sent, in the order of the field.

    There are several if the name was set for several paths or domains: perhaps by another host of the domain.

    Args:
        header: a `Cookie` field, as Latin-1.
        name: the name, in ASCII.
    """
    pairs = (pair.partition("=") for pair in header.split(";"))
    return [value.strip(" \t") for key, _, value in pairs if key.strip(" \t") == name]


def read_text(latin: str) -> str:
    """Return the text of a field, or a part of it: its bytes in UTF-8 where they are that, else in Latin-1.

    Args:
        latin: the bytes, decoded as Latin-1.
    """
    try:
        return latin.encode("latin-1").decode()
    except UnicodeDecodeError:
        return latin


def format_cookie(
    name: str,
    value: str,
    *,
    max_age: int | None = None,
    expires: datetime | None = None,
    path: str | None = "/",
    domain: str | None = None,
    secure: bool = False,
    httponly: bool = False,
    samesite: SameSite | None = "lax",
    partitioned: bool = False,
) -> str:
    """Format the value of a `Set-Cookie` field.

    Raises:
        TypeError: for a name, value or attribute of the wrong type.
        ValueError: for a name, value or attribute with characters a cookie cannot hold; for an attribute that browsers
            ignore: a path without a slash at its beginning, an age that is not finite, a date before 1601; and for a
            cookie that they drop: `samesite="none"`, `partitioned` or a name with a prefix without `secure`; a
            `__Http-` or `__Host-Http-` name without `httponly`; a `__Host-` name with a domain or another path than
            `/`; a domain that is no host name; more than 4096 bytes of name and value.
    """
    _refuse_other_types(name=name, value=value, max_age=max_age, path=path, domain=domain, samesite=samesite)
    same_site = samesite and samesite.lower()
    _refuse_malformed(name, value, same_site)
    date = None if expires is None else _http_date(expires)
    _refuse_ignored(max_age, path, domain)
    _refuse_dropped(name, path, domain, secure, httponly, same_site, partitioned)
    attributes = {
        "Expires": date,
        "Max-Age": None if max_age is None else str(int(max_age)),
        "Domain": domain,
        "Path": path,
        "Secure": secure,
        "HttpOnly": httponly,
        "SameSite": same_site and same_site.capitalize(),
        "Partitioned": partitioned,
    }
    written = (key if given is True else f"{key}={given}" for key, given in attributes.items() if given not in _ABSENT)
    return "; ".join([f"{name}={value}", *written])


def _http_date(moment: datetime) -> str:
    """Write a date; raises for what is none, and for one that browsers ignore."""
    from datetime import UTC, datetime  # slow to import, and seldom needed
    from email.utils import format_datetime

    if not isinstance(moment, datetime):
        raise TypeError(f"expected the expires of a cookie as a datetime or None, got {moment!r:.200}")
    if moment.year < _FIRST_YEAR:
        raise ValueError(f"expected a cookie to expire after {_FIRST_YEAR}, got {moment!r:.200}: browsers ignore it")
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _refuse_other_types(**given: object) -> None:
    for what, value in given.items():
        kind, description = _TYPES[what]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise TypeError(f"expected the {what} of a cookie as {description}, got {value!r:.200}")


def _refuse_malformed(name: str, value: str, samesite: str | None) -> None:
    if not TOKEN.fullmatch(name):
        raise ValueError(f"expected a cookie name of token characters (RFC 6265 section 4.1.1), got {name!r:.200}")
    if not _VALUE.fullmatch(value):
        raise ValueError(
            f"expected a cookie value of printable ASCII without space, quote, comma, semicolon or backslash, "
            f"got {value!r:.200}: percent-encode or base64 it"
        )
    if len(name) + len(value) > _MOST:
        raise ValueError(f"expected at most {_MOST} bytes of name and value of a cookie, got {len(name) + len(value)}")
    if samesite is not None and samesite not in ("strict", "lax", "none"):
        raise ValueError(f"expected samesite to be 'strict', 'lax', 'none' or None, got {samesite!r:.200}")


def _refuse_ignored(max_age: float | None, path: str | None, domain: str | None) -> None:
    """Raise for an attribute that browsers ignore: the cookie would have another age or path, or be dropped."""
    for attribute in (path, domain):
        if attribute is not None and not (_ATTRIBUTE.fullmatch(attribute) and len(attribute) <= _MOST_OF_ATTRIBUTE):
            raise ValueError(
                f"expected a cookie attribute of printable ASCII without semicolon, of at most {_MOST_OF_ATTRIBUTE} "
                f"bytes, got {attribute!r:.200}"
            )
    if path is not None and not path.startswith("/"):
        raise ValueError(
            f"expected the path of a cookie to begin with '/', got {path!r:.200}: browsers ignore any other"
        )
    if domain is not None and not _DOMAIN.fullmatch(domain):
        raise ValueError(
            f"expected the domain of a cookie as a host name without scheme and port, got {domain!r:.200}: browsers "
            "drop the cookie"
        )
    if isinstance(max_age, float) and not isfinite(max_age):
        raise ValueError(
            f"expected the max_age of a cookie as a finite number, got {max_age!r:.200}: browsers ignore it"
        )


def must_be_secure(name: str, samesite: str | None, partitioned: bool) -> bool:
    """Whether browsers drop a cookie with these attributes unless it is `secure`."""
    return partitioned or needs_secure(name) or str(samesite or "").lower() == "none"


def needs_secure(name: str) -> bool:
    """Whether a cookie of that name has to be `secure`. Browsers compare the prefixes without regard to case."""
    return name.lower().startswith(("__secure-", "__host-", "__http-"))


def needs_httponly(name: str) -> bool:
    """Whether a cookie of that name has to be `httponly`: only a server may set it."""
    return name.lower().startswith(("__http-", "__host-http-"))


def _refuse_dropped(
    name: str,
    path: str | None,
    domain: str | None,
    secure: bool,
    httponly: bool,
    samesite: str | None,
    partitioned: bool,
) -> None:
    """Raise for a cookie that browsers drop silently: otherwise only the browser's console would show the error."""
    if not secure:
        for needs, why in (
            (samesite == "none", 'samesite="none"'),
            (partitioned, "partitioned"),
            (needs_secure(name), f"the name {name!r:.200}"),
        ):
            if needs:
                raise ValueError(f"expected secure=True with {why}, got a cookie that browsers drop")
    if not httponly and needs_httponly(name):
        raise ValueError(f"expected httponly=True with the name {name!r:.200}, got a cookie that browsers drop")
    if name.lower().startswith("__host-") and (domain is not None or path != "/"):
        raise ValueError(
            f'expected path="/" and no domain for {name!r:.200}, got path={path!r:.200}, domain={domain!r:.200}'
        )
