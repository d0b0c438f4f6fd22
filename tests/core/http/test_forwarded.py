"""`X-Forwarded-*` and `Forwarded`, read from the right."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given, strategies as st

from sketch.http.forwarded import Hop, read_forwarded, read_node, read_x_forwarded, to_ip

CLIENT = ("192.0.2.7", 0)


def x(**fields: str) -> list[tuple[bytes, bytes]]:
    return [(f"x-forwarded-{name}".encode(), value.encode("latin-1")) for name, value in fields.items()]


def forwarded(*values: str) -> list[tuple[bytes, bytes]]:
    return [(b"forwarded", value.encode("latin-1")) for value in values]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.7", ("192.0.2.7", 0)),
        ("192.0.2.7:4711", ("192.0.2.7", 4711)),
        ("2001:db8::1", ("2001:db8::1", 0)),
        ("2001:DB8:0::1", ("2001:db8::1", 0)),
        ("[2001:db8::1]", ("2001:db8::1", 0)),
        ("[2001:db8::1]:80", ("2001:db8::1", 80)),
        ("::ffff:192.0.2.7", ("192.0.2.7", 0)),
        ("[::ffff:192.0.2.7]:9", ("192.0.2.7", 9)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert read_node(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "unknown", "_hidden", "_SEVKISEK", "localhost", "example.org", "192.0.2", "192.0.2.256", "192.0.2.07",
        "192.0.2.7:", "192.0.2.7:65536", "192.0.2.7:123456", "192.0.2.7:x", "192.0.2.7 ", "[192.0.2.7]", "[::1", "::1]",
        "[::1]:", "[::1]x", "[]", "fe80::1%eth0", "1.2.3.4\r\n", "\uff11.2.3.4", "3232235777", "0x7f.1", ":::",
    ],
)  # fmt: skip
def test_malformed_addresses(text: str) -> None:
    assert read_node(text) is None


@given(st.ip_addresses(), st.integers(1, 65535))
def test_every_address_is_read_as_it_is_written(ip: object, port: int) -> None:
    host = f"[{ip}]" if ":" in str(ip) else str(ip)
    assert read_node(str(ip)) == read_node(host) == (str(to_ip(str(ip))), 0)
    assert read_node(f"{host}:{port}") == (str(to_ip(str(ip))), port)


# -- X-Forwarded-* ----------------------------------------------------------------------------------------------------


def test_absent_fields() -> None:
    assert read_x_forwarded([(b"host", b"x"), *forwarded("for=192.0.2.7")], 2) == []
    assert read_forwarded([(b"host", b"x"), *x(**{"for": "192.0.2.7"})], 2) == []


def test_the_nearest_comes_first() -> None:
    headers = x(**{"for": "6.6.6.6, 192.0.2.7,10.0.0.9"})
    assert read_x_forwarded(headers, 1) == [Hop(("10.0.0.9", 0))]
    assert read_x_forwarded(headers, 2) == [Hop(("10.0.0.9", 0)), Hop(CLIENT)]
    assert len(read_x_forwarded(headers, 9)) == 3


def test_a_proxy_may_add_a_field_instead() -> None:
    headers = [*x(**{"for": "6.6.6.6"}), (b"host", b"x"), *x(**{"for": "192.0.2.7"})]
    assert read_x_forwarded(headers, 1) == [Hop(CLIENT)]


def test_scheme_host_and_port_are_the_nearest_proxys() -> None:
    headers = x(proto="evil, http,HTTPS", host="evil.example, good.example", port="1, 8443")
    assert read_x_forwarded(headers, 3) == [Hop(None, "https", "good.example", "8443")]


@pytest.mark.parametrize(("proto", "scheme"), [("ws", "http"), ("wss", "https"), ("WSS", "https")])
def test_the_scheme_of_a_websocket_is_that_of_its_handshake(proto: str, scheme: str) -> None:
    assert read_x_forwarded(x(proto=proto), 1) == [Hop(scheme=scheme)]
    assert read_forwarded(forwarded(f"proto={proto}"), 1) == [Hop(scheme=scheme)]


@pytest.mark.parametrize("proto", ["ftp", "wsss", "https://", "http s", "https;", "javascript", ""])
def test_unknown_schemes_are_ignored(proto: str) -> None:
    assert read_x_forwarded(x(proto=proto), 1) == []


@pytest.mark.parametrize(
    "host",
    [
        "user@evil",
        "a b",
        "a/b",
        "a#b",
        "a?b",
        "a:99999",
        "a\\b",
        "",
        ":80",
        "[::1",
        "h\xe9",
        "a\tb",
        "a" * 600,
        "a:b:c",
    ],
)
def test_malformed_hosts(host: str) -> None:
    assert read_x_forwarded(x(host=host), 1) == []


@pytest.mark.parametrize("port", ["0", "-1", "+1", "65536", "1e3", "080", "", "\xb2", "99999999999"])
def test_malformed_ports(port: str) -> None:
    assert read_x_forwarded(x(port=port), 1) == []


# -- Forwarded --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("element", "hop"),
    [
        ("for=192.0.2.7", Hop(CLIENT)),
        ("For=192.0.2.7;Proto=HTTPS;Host=a.example;by=203.0.113.43", Hop(CLIENT, "https", "a.example")),
        (' for="192.0.2.7:80" ; proto = http', None),
        (' for="192.0.2.7:80" ; proto=http ', Hop(("192.0.2.7", 80), "http")),
        ('for="[2001:db8:cafe::17]:4711"', Hop(("2001:db8:cafe::17", 4711))),
        ('for="[2001:db8:cafe::17]"', Hop(("2001:db8:cafe::17", 0))),
        ('for="2001:db8:cafe::17"', Hop()),
        ("for=_hidden;proto=https", Hop(None, "https")),
        ("for=unknown", Hop()),
        ('for="_gazonk:_port"', Hop()),
        ('for="192.0.2.7:_port"', Hop()),
        (r'for="192.0.\2.7"', Hop(CLIENT)),
        ('for=192.0.2.7;ext="é\\é"', Hop(CLIENT)),
        ('for=192.0.2.7;ext="a, for=6.6.6.6; \\"x"', Hop(CLIENT)),
        ('host="a.example:8443";for=192.0.2.7', Hop(CLIENT, None, "a.example:8443")),
        ('for=192.0.2.7;host="user@evil"', Hop(CLIENT)),
        ("for=192.0.2.7;proto=ftp", Hop(CLIENT)),
        ("proto=https", Hop(None, "https")),
    ],
)
def test_elements(element: str, hop: Hop | None) -> None:
    assert read_forwarded(forwarded(element), 1) == ([] if hop is None else [hop])


@pytest.mark.parametrize(
    "element",
    [
        "", "192.0.2.7", "for", "for=", "=192.0.2.7", "for=[2001:db8::1]", 'for="192.0.2.7', 'for=192.0.2.7"',
        "for=192.0.2.7;", ";for=192.0.2.7", "for=192.0.2.7;;proto=http", "for=192.0.2.7 proto=http",
        "for=192.0.2.7;for=6.6.6.6", "for=192.0.2.7;FOR=192.0.2.7", 'for="192.0.2.7"x', "for=192.0.2.7\x00",
        'for="192.0.2.7\\', "for==192.0.2.7", "for=1.2.3.4;a=" + "b" * 2000,
    ],
)  # fmt: skip
def test_malformed_elements_end_the_chain(element: str) -> None:
    assert read_forwarded(forwarded(f"{element}, for=10.0.0.1"), 5) == [Hop(("10.0.0.1", 0))]
    assert read_forwarded(forwarded(f"for=10.0.0.1, {element}"), 5) == []


@given(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60), st.booleans())
def test_nothing_before_it_changes_what_the_nearest_proxy_says(client: str, own_field: bool) -> None:
    said = 'for="[2001:db8::7]:80";proto=https;host="a.example:81"'
    headers = forwarded(client, said) if own_field else forwarded(f"{client}, {said}")
    assert read_forwarded(headers, 3)[0] == Hop(("2001:db8::7", 80), "https", "a.example:81")
    headers = x(**{"for": client}) + x(**{"for": "192.0.2.7"}) if own_field else x(**{"for": f"{client}, 192.0.2.7"})
    assert read_x_forwarded(headers, 3)[0] == Hop(CLIENT)


@pytest.mark.parametrize("flood", [",", '"', "\\", '",', 'for="\\', "for=1.2.3.4,", ";", "a=", "["])
def test_floods_are_cheap(flood: str) -> None:
    text = flood * (64 * 1024 // len(flood))
    start = perf_counter()
    read_forwarded(forwarded(text), 1000)
    read_x_forwarded(x(**{"for": text}, proto=text, host=text, port=text), 1000)
    assert perf_counter() - start < 1
