"""The event loop in which a backend runs its server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any, TypeVar

from sketch.serving.options import ServeError

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
T = TypeVar("T")


def loop_factory(name: str) -> LoopFactory | None:
    """Return the factory of the event loop with a name of `ServeOptions.loop`, None for asyncio's own loop.

    `"auto"` is uvloop where it is installed. uvloop is not imported for `"asyncio"`.

    Raises:
        ServeError: if uvloop is asked for and not installed.
    """
    if name == "asyncio":
        return None
    try:
        uvloop: Any = import_module("uvloop")
    except ModuleNotFoundError:
        if name == "uvloop":
            raise ServeError("the loop 'uvloop' is not installed: pip install 'sketch-web[fast]'") from None
        return None
    factory: LoopFactory = uvloop.new_event_loop
    return factory


def run_alone(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in an event loop of its own, which is closed afterwards."""
    return asyncio.run(coroutine)
