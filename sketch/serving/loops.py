"""Where a backend runs its server: in the main thread, in an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any, TypeVar

from sketch.serving.options import ServeError

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
T = TypeVar("T")


def check_place() -> None:
    """Check that a backend can run here: it takes the signals of the process, and starts an event loop of its own.

    Raises:
        RuntimeError: in another thread than the main one, and inside a running event loop.
    """
    thread = threading.current_thread()
    if thread is not threading.main_thread():
        raise RuntimeError(f"expected run_app in the main thread, which gets the signals, got {thread!r}: {_ADVICE}")
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(f"expected run_app outside of a running event loop, got {loop!r}: {_ADVICE}")


_ADVICE = "there use `async with sketch.serve(app):`"


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
