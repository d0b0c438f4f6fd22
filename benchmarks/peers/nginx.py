"""nginx, for the file cases: the cost of files in a server in C."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from benchmarks.peers.serving import HOST
from benchmarks.work import Variant

CONFIG = """
daemon off;
master_process off;
worker_processes 1;
error_log stderr crit;
pid nginx.pid;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    default_type application/octet-stream;
    {folders}
    server {{
        listen {host}:{port} backlog=2048;
        location = /file {{ alias {file}; }}
    }}
}}
"""
FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def serve(variant: Variant, port: int, server: str) -> None:
    path = shutil.which("nginx")
    if path is None:
        raise SystemExit("error: nginx is not installed (Debian: apt-get install nginx-light)")
    folder = Path(variant.file).parent  # removed when the run ends
    folders = "\n".join(f"{name}_temp_path {name};" for name in FOLDERS)
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folders=folders, host=HOST, port=port, file=variant.file))
    os.execv(path, ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(config)])
