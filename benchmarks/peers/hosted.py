"""The application for servers that are started by their own commands, and import it by its name."""

from __future__ import annotations

import json
import os
from importlib import import_module

from benchmarks.work import Variant

app = import_module(f"benchmarks.peers.{os.environ['BENCHMARK_MODULE']}").make(
    Variant(**json.loads(os.environ["BENCHMARK_VARIANT"]))
)
