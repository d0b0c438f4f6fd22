"""The contestants: sketch's backends, their peers, and the floor."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.work import Variant

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server with an application on it.

    Attributes:
        name: on the command line and in tables.
        module: of `benchmarks.peers`.
        kind: `"ours"` for sketch, `"peer"`, or `"floor"` for the cost that no server can go below.
        server: the server that the module starts, if it can start several.
        on: the server below the framework, if the name does not say it.
        loads: the module that a user of the framework imports, to time the import; None if it is no Python framework.
        asgi: whether it makes an ASGI application, which can be called without a network.
        http2: whether it answers HTTP/2 without TLS.
        middlewares: whether it has middlewares.
        files: whether it can send files.
        only: `"files"`, `"websockets"` or `"hosting"`, if it takes part in no other cases.
        hosted: whether the same application is measured on several servers.
        websockets: whether it can serve websockets, without compression.
        forms: whether its application takes uploads here.
        tls: whether it takes part in the cases by TLS.
        realistic: whether it has the application of the realistic request.
    """

    name: str
    module: str
    kind: str = "peer"
    server: str = ""
    on: str = ""
    loads: str | None = None
    asgi: bool = False
    http2: bool = False
    middlewares: bool = True
    files: bool = True
    only: str = ""
    websockets: bool = False
    forms: bool = False
    hosted: bool = False
    tls: bool = False
    realistic: bool = False

    @property
    def label(self) -> str:
        """The name in pictures."""
        return f"{self.name} / {self.on}" if self.on else self.name

    def command(self, port: int, variant: Variant) -> list[str]:
        """The command that serves the contestant."""
        command = [sys.executable, "-m", "benchmarks.peers", self.module, str(port), "--server", self.server]
        sizes = ["--routes", str(variant.routes), "--middlewares", str(variant.middlewares)]
        flags = [*["--websockets"] * variant.websockets, *["--realistic"] * variant.realistic]
        return [*command, *sizes, "--file", variant.file, "--tls", variant.tls, *flags]


OURS = {"module": "sketch", "kind": "ours", "realistic": True}


CONTESTANTS = {
    one.name: one
    for one in (
        Contestant("floor", "floor", "floor"),
        Contestant("sketch", server="native", loads="sketch", asgi=True, forms=True, websockets=True, tls=True, **OURS),
        Contestant("sketch-asyncio", server="native-asyncio", forms=True, websockets=True, tls=True, **OURS),
        Contestant("sketch-uvicorn", server="uvicorn", forms=True, websockets=True, tls=True, **OURS),
        Contestant("sketch-hypercorn", server="hypercorn", http2=True, forms=True, websockets=True, **OURS),
        Contestant("sketch-granian", server="granian", http2=True, forms=True, websockets=True, tls=True, **OURS),
        Contestant("sketch-rsgi", server="granian-rsgi", on="granian", http2=True, forms=True, tls=True, **OURS),
        Contestant("sketch-peregrine", server="peregrine", forms=True, tls=True, **OURS),
        Contestant("sketch-gunicorn", server="gunicorn", forms=True, tls=True, **OURS),
        Contestant("sketch-daphne", server="daphne", forms=True, **OURS),
        Contestant(
            "aiohttp",
            "aiohttp",
            loads="aiohttp.web",
            forms=True,
            websockets=True,
            tls=True,
            realistic=True,
        ),
        Contestant(
            "starlette",
            "starlette",
            on="uvicorn",
            loads="starlette.applications",
            asgi=True,
            forms=True,
            websockets=True,
            hosted=True,
            tls=True,
            realistic=True,
        ),
        Contestant("starlette-sketch", "starlette", "ours", "sketch", only="hosting", hosted=True),
        Contestant("starlette-granian", "starlette", server="granian", only="hosting", hosted=True),
        Contestant("fastapi", "fastapi", on="uvicorn", loads="fastapi", asgi=True, hosted=True, realistic=True),
        Contestant("fastapi-sketch", "fastapi", "ours", "sketch", only="hosting", hosted=True),
        Contestant("fastapi-granian", "fastapi", server="granian", only="hosting", hosted=True),
        Contestant("blacksheep", "blacksheep", on="uvicorn", loads="blacksheep", asgi=True, forms=True),
        Contestant("falcon", "falcon", on="uvicorn", loads="falcon.asgi", asgi=True, forms=True),
        Contestant("litestar", "litestar", on="uvicorn", loads="litestar", asgi=True),
        Contestant("sanic", "sanic", loads="sanic"),
        Contestant("quart", "quart", server="uvicorn", on="uvicorn", loads="quart", asgi=True),
        Contestant("quart-hypercorn", "quart", server="hypercorn", http2=True),
        Contestant("muffin", "muffin", on="uvicorn", loads="muffin", asgi=True),
        Contestant("socketify", "socketify", loads="socketify", middlewares=False, files=False),
        Contestant("robyn", "robyn", loads="robyn"),
        Contestant("granian-rsgi", "rsgi", http2=True, middlewares=False, websockets=True, tls=True),
        Contestant("peregrine-bare", "bare", server="peregrine", middlewares=False, files=False, hosted=True, tls=True),
        Contestant(
            "uvicorn-bare",
            "bare",
            asgi=True,
            middlewares=False,
            files=False,
            websockets=True,
            hosted=True,
            tls=True,
        ),
        Contestant("sketch-bare", "bare", "ours", "sketch", only="hosting", hosted=True),
        Contestant("granian-bare", "bare", server="granian", only="hosting", hosted=True),
        Contestant("nginx", "nginx", only="files"),
        Contestant("websockets", "websockets", websockets=True, only="websockets"),
        Contestant("picows", "picows", websockets=True, only="websockets"),
    )
}

DISTRIBUTIONS = (
    "sketch-web", "aiohttp", "blacksheep", "daphne", "falcon", "fastapi", "granian", "gunicorn", "httptools",
    "hypercorn", "litestar", "muffin", "multipart", "orjson", "peregrine-server", "picows", "python-multipart", "quart",
    "robyn", "sanic", "socketify", "starlette", "uvicorn", "uvloop", "websockets",
)  # fmt: skip
