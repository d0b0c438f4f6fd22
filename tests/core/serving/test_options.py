"""Options of a server: each mistaken value is one clear line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sketch.serving.options import OptionError, ServeOptions
from tests.core.serving.support import failure

NO_NETWORK = "'10.0.0.0/33' does not appear to be an IPv4 or IPv6 network"
METRICS_BIND = "expected metrics_bind like '9100', '10.0.0.1:9100', '[::1]:9100' or 'unix:/run/metrics.sock'"
OTHER_PLACE = "expected another address for metrics_bind than the public one, and another port"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"port": 70000}, "expected port as a whole number from 0 to 65535, got 70000"),
        ({"port": "80"}, "expected port as a whole number from 0 to 65535, got '80'"),
        ({"host": 5}, "expected a host as a str, got 5"),
        ({"host": None}, "expected a host as a str, got None"),
        ({"root_path": "api"}, "expected a root path like '/api', percent-encoded, got 'api'"),
        ({"root_path": "//evil"}, "expected a root path like '/api', percent-encoded, got '//evil'"),
        ({"root_path": "/ä"}, "expected a root path like '/api', percent-encoded, got '/ä'"),
        ({"root_path": "/a%2"}, "expected a root path like '/api', percent-encoded, got '/a%2'"),
        ({"loop": "trio"}, "expected a loop of auto, asyncio, uvloop, got 'trio'"),
        ({"log_level": "loud"}, "expected a log level of debug, info, warning, error, critical, got 'loud'"),
        ({"shutdown_timeout": -1}, "expected shutdown_timeout as a number of seconds from 0 to 31536000, got -1"),
        ({"shutdown_timeout": "5"}, "expected shutdown_timeout as a number of seconds from 0 to 31536000, got '5'"),
        (
            {"shutdown_timeout": float("nan")},
            "expected shutdown_timeout as a number of seconds from 0 to 31536000, got nan",
        ),
        (
            {"keep_alive_drain": float("inf")},
            "expected keep_alive_drain as a number of seconds from 0 to 31536000, got inf",
        ),
        ({"workers": 8080}, "expected workers as a whole number from 0 to 1024, or None, got 8080"),
        ({"backlog": 2**31}, "expected backlog as a whole number from 1 to 2147483647, got 2147483648"),
        ({"backlog": 0}, "expected backlog as a whole number from 1 to 2147483647, got 0"),
        ({"backlog": "9"}, "expected backlog as a whole number from 1 to 2147483647, got '9'"),
        ({"ssl_keyfile": "k"}, "expected ssl_certfile together with ssl_keyfile"),
        ({"ssl": object(), "ssl_certfile": "c"}, "expected either ssl or ssl_certfile, got both"),
        ({"ssl": object(), "dev_cert": True}, "expected either ssl or dev_cert, got both"),
        ({"ssl_certfile": "c", "dev_cert": True}, "expected either ssl_certfile or dev_cert, got both"),
        ({"ssl_keyfile_password": "p"}, "expected ssl_certfile together with ssl_keyfile_password"),
        ({"ssl_ciphers": "X"}, "expected ssl_certfile or dev_cert together with ssl_ciphers"),
        ({"ssl_certfile": "c", "ssl_cert_reqs": "optional"}, "expected ssl_ca_certs together with ssl_cert_reqs"),
        ({"dev_cert": True, "ssl_cert_reqs": "none"}, "expected ssl_cert_reqs of optional, required, got 'none'"),
        ({"dev_cert": True, "ssl_minimum_version": 1.2}, "expected ssl_minimum_version of 1.2, 1.3, got 1.2"),
        ({"dev_cert": "yes"}, "expected dev_cert to be True or False, got 'yes'"),
        (
            {"ssl_certfile": "c", "ssl_keyfile_password": b"secret"},
            "expected ssl_keyfile_password as a text that is not empty, got bytes",
        ),
        (
            {"ssl_certfile": "c", "ssl_keyfile_password": "p", "ssl_keyfile_password_file": "f"},
            "expected either ssl_keyfile_password or ssl_keyfile_password_file, got both",
        ),
        ({"uds": ""}, "expected uds as a path, got ''"),
        ({"uds": 5}, "expected uds as a path, got 5"),
        ({"ssl_certfile": b"c"}, "expected ssl_certfile as a path, got b'c'"),
        ({"ssl_certfile": "c", "ssl_keyfile": ""}, "expected ssl_keyfile as a path, got ''"),
        ({"uds": "s", "sock": object()}, "expected only one of sock, uds: each says where to listen"),
        ({"uds": "s", "port": 1}, "expected only one of uds, port: each says where to listen"),
        (
            {"proxy_protocol": True, "ssl_certfile": "c"},
            "proxy_protocol together with TLS is not supported: let the load balancer end TLS",
        ),
        ({"workers": -1}, "expected workers as a whole number from 0 to 1024, or None, got -1"),
        ({"workers": True}, "expected workers as a whole number from 0 to 1024, or None, got True"),
        ({"worker_timeout": -1}, "expected worker_timeout as a number of seconds from 0 to 31536000, got -1"),
        ({"start_timeout": "9"}, "expected start_timeout as a number of seconds from 0 to 31536000, got '9'"),
        ({"max_requests": 0}, "expected max_requests as a whole number from 1 to 2147483647, or None, got 0"),
        ({"max_requests_jitter": 5}, "expected max_requests together with max_requests_jitter"),
        (
            {"max_requests_jitter": None},
            "expected max_requests_jitter as a whole number from 0 to 2147483647, got None",
        ),
        ({"drain_delay": True}, "expected drain_delay as a number of seconds from 0 to 31536000, got True"),
        ({"keep_alive_drain": None}, "expected keep_alive_drain as a number of seconds from 0 to 31536000, got None"),
        ({"uds_mode": 0o1777}, "expected uds_mode as a whole number from 0 to 0o777, got 1023"),
        ({"uds_mode": "660"}, "expected uds_mode as a whole number from 0 to 0o777, got '660'"),
        ({"bind": "unix:/s"}, "expected bind as a list or tuple of texts, got 'unix:/s'"),
        ({"bind": (5,)}, "expected bind as a list or tuple of texts, got (5,)"),
        ({"bind": ("unix:/s",), "port": 1}, "expected only one of bind, port: each says where to listen"),
        (
            {"bind": ("fd:3",), "uds": "s", "host": "h"},
            "expected only one of bind, uds, host: each says where to listen",
        ),
        (
            {"trusted_proxies": ("10.0.0.0/33",)},
            "expected trusted networks like '10.0.0.0/8', or 'unix', got '10.0.0.0/33': " + NO_NETWORK,
        ),
        ({"limits": {"body": 5}}, "expected limits as Limits(...), got {'body': 5}"),
        ({"server_limits": 5}, "expected server_limits as ServerLimits(...), got 5"),
        ({"proxy_hops": 0}, "expected proxy_hops as a whole number from 1 to 2147483647, got 0"),
        ({"proxy_hops": 2}, "expected trusted_proxies together with proxy_hops"),
        ({"reload": True, "workers": 2}, "expected either reload or workers, got both: reload has one worker"),
        ({"reload_dir": "src"}, "expected reload_dir as a list or tuple of texts, got 'src'"),
        ({"reload_include": ("",)}, "expected reload_include as a list or tuple of texts, got ('',)"),
        ({"metrics_bind": "host"}, f"{METRICS_BIND}, got 'host'"),
        ({"metrics_bind": "0.0.0.0:70000"}, f"{METRICS_BIND}, got '0.0.0.0:70000'"),
        ({"metrics_bind": 9100}, f"{METRICS_BIND}, got 9100"),
        ({"metrics_bind": "8080"}, f"{OTHER_PLACE}, got '127.0.0.1:8080'"),
        ({"metrics_bind": "127.0.0.1:9100", "bind": ("[::1]:9100",)}, f"{OTHER_PLACE}, got '127.0.0.1:9100'"),
        ({"metrics_bind": "unix:/run/s", "uds": "/run/s"}, f"{OTHER_PLACE}, got 'unix:/run/s'"),
    ],
)
def test_values_that_no_backend_can_honour(
    capsys: pytest.CaptureFixture[str], options: dict[str, Any], message: str
) -> None:
    assert failure(capsys, **options) == message


@pytest.mark.parametrize(
    ("given", "options", "address"),
    [
        ("9100", {}, "127.0.0.1:9100"),
        ("0", {"port": 0}, "127.0.0.1:0"),
        ("[::1]:9100", {}, "[::1]:9100"),
        ("unix:/run/m", {"uds": "/run/s"}, "unix:/run/m"),
        ("8080", {"uds": "/run/s"}, "127.0.0.1:8080"),
        ("3", {"bind": ("fd:3",)}, "127.0.0.1:3"),
    ],
)
def test_where_metrics_are(given: str, options: dict[str, Any], address: str) -> None:
    assert ServeOptions(metrics_bind=given, **options).metrics_bind == address


@pytest.mark.parametrize(
    "place", ["127.0.0.1:80", ":0", "localhost:65535", "[::1]:80", "[fe80::1%eth0]:80", "unix:/a b:c", "fd:3"]
)
def test_addresses(place: str) -> None:
    assert ServeOptions(bind=[place]).bind == (place,)  # type: ignore[arg-type]  # users may write a list


@pytest.mark.parametrize(
    "place", ["80", "::1:80", "[::1]", "host:", "host:65536", "unix:", "fd:", "fd:-1", "fd:x", "http://h:80"]
)
def test_what_is_no_address(place: str) -> None:
    with pytest.raises(OptionError) as caught:
        ServeOptions(bind=("127.0.0.1:80", place))
    assert str(caught.value) == (
        f"expected addresses like '127.0.0.1:8080', '[::1]:8080', 'unix:/run/app.sock' or 'fd:3', got {place!r}"
    )
    assert caught.value.names == ("bind",)


def test_a_path_may_be_an_object() -> None:
    assert ServeOptions(uds=Path("/s")).uds == "/s"  # type: ignore[arg-type]  # users may have one


def test_an_error_names_its_options() -> None:
    with pytest.raises(OptionError) as caught:
        ServeOptions(bind=("fd:3",), uds="s", port=1)
    assert caught.value.names == ("bind", "uds", "port")


def test_host_and_port_are_one_place_and_port_0_is_none() -> None:
    ServeOptions(host="h", port=1)
    for place in ({"bind": ("fd:3",)}, {"uds": "s"}):
        assert ServeOptions(port=0, **place).port == 0  # type: ignore[arg-type]  # how `serve` makes them


def test_a_secret_is_not_in_the_representation() -> None:
    assert "hunter2" not in repr(ServeOptions(ssl_certfile="c", ssl_keyfile_password="hunter2"))
