"""Options of a server: each mistaken value is one clear line."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.serving.support import failure


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"port": 70000}, "expected a port from 0 to 65535, got 70000"),
        ({"port": "80"}, "expected a port from 0 to 65535, got '80'"),
        ({"host": 5}, "expected a host as a str, got 5"),
        ({"host": None}, "expected a host as a str, got None"),
        ({"root_path": "api"}, "expected a root path like '/api', percent-encoded, got 'api'"),
        ({"root_path": "//evil"}, "expected a root path like '/api', percent-encoded, got '//evil'"),
        ({"root_path": "/ä"}, "expected a root path like '/api', percent-encoded, got '/ä'"),
        ({"root_path": "/a%2"}, "expected a root path like '/api', percent-encoded, got '/a%2'"),
        ({"loop": "trio"}, "expected a loop of auto, asyncio, uvloop, got 'trio'"),
        ({"log_level": "loud"}, "expected a log level of debug, info, warning, error, critical, got 'loud'"),
        ({"shutdown_timeout": -1}, "expected a shutdown timeout of at least 0 seconds, got -1"),
        ({"shutdown_timeout": "5"}, "expected a shutdown timeout of at least 0 seconds, got '5'"),
        ({"shutdown_timeout": float("nan")}, "expected a shutdown timeout of at least 0 seconds, got nan"),
        ({"backlog": 0}, "expected a backlog of at least 1 connection, got 0"),
        ({"backlog": "9"}, "expected a backlog of at least 1 connection, got '9'"),
        ({"ssl_keyfile": "k"}, "expected ssl_certfile together with ssl_keyfile"),
        ({"ssl": object(), "ssl_certfile": "c"}, "expected either ssl or ssl_certfile, got both"),
        ({"uds": "s", "sock": object()}, "expected either uds or sock, got both"),
        (
            {"proxy_protocol": True, "ssl_certfile": "c"},
            "proxy_protocol together with TLS is not supported: let the load balancer end TLS",
        ),
        ({"workers": 2}, "workers=2 is not supported yet: start one process per worker"),
        ({"reload": True}, "reload is not supported yet: restart the server by hand"),
    ],
)
def test_values_that_no_backend_can_honour(
    capsys: pytest.CaptureFixture[str], options: dict[str, Any], message: str
) -> None:
    assert failure(capsys, **options) == message
