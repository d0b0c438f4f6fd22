"""nginx before a server. A skipped test names it where it is not installed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.programs import free_port, running
from tests.support.wire import Wire

with_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")

MAIN = """
daemon off;
master_process off;
pid nginx.pid;
error_log nginx.log;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    HTTP
}
"""
"""A whole configuration around HTTP: one process, whose files are all in its folder."""

NGINX = """
client_max_body_size 0;
upstream sketch {{ server {upstream}; keepalive 4; }}
server {{
    listen 127.0.0.1:{port};
    proxy_connect_timeout 5s;
    proxy_set_header X-Forwarded-For 192.0.2.7;
    proxy_set_header X-Forwarded-Proto https;
    proxy_set_header X-Forwarded-Host $host;
    location / {{ proxy_pass http://sketch; proxy_buffering off; }}
    location /kept/ {{ proxy_pass http://sketch/; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    location /unbuffered/ {{
        proxy_pass http://sketch/; proxy_http_version 1.1; proxy_set_header Connection "";
        proxy_request_buffering off;
    }}
}}
"""


@asynccontextmanager
async def nginx(upstream: str, folder: Path) -> AsyncIterator[int]:
    """nginx before a server, `host:port` or `unix:path`; its port."""
    port = free_port()
    async with started_nginx(NGINX.format(port=port, upstream=upstream), port, folder):
        yield port


@asynccontextmanager
async def started_nginx(http: str, port: int, folder: Path) -> AsyncIterator[None]:
    """nginx with what its block `http` says, which has it listen on a port of the loopback."""
    (folder / "nginx.conf").write_text(MAIN.replace("HTTP", http))
    command = ("nginx", "-p", str(folder), "-c", "nginx.conf", "-e", str(folder / "nginx.log"))
    async with running(*command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL) as process:
        while True:
            assert process.returncode is None, (folder / "nginx.log").read_text()
            try:
                wire = await Wire.connect(port)
            except ConnectionError:
                await asyncio.sleep(0.01)
            else:
                await wire.close()
                break
        yield
