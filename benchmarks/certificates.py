"""Makes the certificates of the TLS cases, by openssl's command."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from sketch.bench import BenchError

KEYS = {"rsa": ("rsa:2048",), "ecdsa": ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")}
"""The kinds of keys, as `openssl req -newkey` takes them: those that certificate authorities sign most."""


def make(folder: Path) -> dict[str, str]:
    """Make a folder with `cert.pem` and `key.pem` for each kind of key. Returns the folders' paths.

    Raises:
        BenchError: without openssl, or if it fails.
    """
    tool = shutil.which("openssl")
    if tool is None:
        raise BenchError("openssl is not installed (Debian: apt-get install openssl)")
    paths = {}
    for name, key in KEYS.items():
        place = folder / name
        place.mkdir()
        out = ["-keyout", str(place / "key.pem"), "-out", str(place / "cert.pem")]
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2"]
        done = subprocess.run(
            [tool, "req", "-x509", "-nodes", "-newkey", *key, *out, *subject], capture_output=True, text=True
        )
        if done.returncode:
            raise BenchError(f"openssl makes no certificate: {done.stderr.strip()[-200:]}")
        paths[name] = str(place)
    return paths
