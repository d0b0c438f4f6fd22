"""Serve one contestant: `python -m benchmarks.peers NAME PORT`."""

from __future__ import annotations

import argparse
from importlib import import_module

from benchmarks.work import Variant


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    parser.add_argument("name")
    parser.add_argument("port", type=int)
    parser.add_argument("--server", default="")
    parser.add_argument("--routes", type=int, default=1)
    parser.add_argument("--middlewares", type=int, default=0)
    parser.add_argument("--file", default="")
    parser.add_argument("--websockets", action="store_true")
    parser.add_argument("--tls", default="")
    parser.add_argument("--realistic", action="store_true")
    given = parser.parse_args()
    module = import_module(f"benchmarks.peers.{given.name}")
    variant = Variant(
        given.routes, given.middlewares, given.file, given.websockets, tls=given.tls, realistic=given.realistic
    )
    module.serve(variant, given.port, given.server)


if __name__ == "__main__":
    main()
