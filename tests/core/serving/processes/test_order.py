"""What a worker is told when it starts."""

from __future__ import annotations

import json
import ssl
from dataclasses import fields, replace
from typing import Any

import pytest

from sketch.concurrency.workers import WorkerInfo
from sketch.limits import Limits
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.processes.order import Order, encode_options
from sketch.serving.server_limits import ServerLimits

GIVEN: dict[str, Any] = {
    "host": "0.0.0.0", "port": 80, "uds_mode": 0o600, "backlog": 5, "server": "uvicorn", "loop": "asyncio",
    "root_path": "/api", "debug": True, "ssl_certfile": "c.pem", "ssl_keyfile": "k.pem",
    "ssl_keyfile_password": "secret", "ssl_ca_certs": "ca.pem", "ssl_cert_reqs": "optional", "ssl_ciphers": "ECDHE",
    "ssl_minimum_version": "1.3",
    "trusted_proxies": ("10.0.0.0/8", "unix"), "proxy_hops": 2, "server_limits": ServerLimits(head=9000, concurrency=3),
    "limits": Limits(body=7), "workers": 3, "worker_timeout": 5.5, "start_timeout": 6, "max_requests": 7,
    "max_requests_jitter": 8, "shutdown_timeout": 9, "drain_delay": 1, "keep_alive_drain": 2, "access_log": False,
    "log_level": "debug", "log_format": "json", "log_config": "logs.toml", "access_log_format": "{status}",
    "metrics_bind": "127.0.0.1:9100",
}  # fmt: skip


def sent(options: ServeOptions) -> ServeOptions:
    """The options as they arrive in a worker."""
    order = Order(
        app="m:app",
        options=encode_options(options),
        info=WorkerInfo(1, 2, 3),
        own=[7, 8],
        others={0: [5, 6]},
        path=["a", ""],
        arguments=["sketch", "run"],
    )
    received = Order.decode(json.loads(json.dumps(order.encode())))
    assert received == order
    return received.serve_options()


def test_options_travel() -> None:
    options = ServeOptions(**GIVEN)
    ours = {"host": "127.0.0.1", "port": 8080, "uds_mode": 0o666, "workers": None, "bind": ("fd:7", "fd:8")}
    assert sent(options) == replace(options, **ours)


def test_every_option_travels_or_is_the_parents() -> None:
    """Whatever is added has to be tried here."""
    elsewhere = {"bind", "uds", "sock", "ssl", "reload", "reload_dir", "reload_include", "proxy_protocol"}
    elsewhere |= {"dev_cert", "ssl_keyfile_password_file"}
    assert {field.name for field in fields(ServeOptions)} == GIVEN.keys() | elsewhere
    assert sent(ServeOptions(proxy_protocol=True)).proxy_protocol
    assert sent(ServeOptions(ssl_certfile="c", ssl_keyfile_password_file="p")).ssl_keyfile_password_file == "p"


def test_an_object_that_cannot_travel_names_the_options_that_can() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with pytest.raises(ServeError, match="cannot get the object of the option 'ssl': give ssl_certfile and ssl_keyf"):
        encode_options(ServeOptions(ssl=context))
