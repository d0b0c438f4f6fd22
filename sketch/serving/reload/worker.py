"""The worker that is restarted when the code changes: it serves the application, or a page that says why not."""

from __future__ import annotations

import os
import signal
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import replace
from traceback import walk_tb
from typing import TYPE_CHECKING

from sketch.errors.debug.traces import in_library, is_library
from sketch.observability.logs import show
from sketch.serving.failures import describe
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.reload.page import make_page
from sketch.serving.run import load_and_prepare, run_loaded
from sketch.serving.starts import failed_starts_kept

if TYPE_CHECKING:
    from types import TracebackType

    from sketch.serving.processes.link import Link
    from sketch.serving.processes.order import Order


class CannotStart(Exception):
    """Raised when the application cannot be loaded or started.

    Args:
        fault: why.
    """

    def __init__(self, fault: BaseException) -> None:
        super().__init__(fault)
        self.fault = fault


def serve_or_explain(order: Order, options: ServeOptions, link: Link) -> int:
    """Serve the application of an order until told to stop. Returns the exit code.

    If it cannot be loaded or started, serve a page about that in its place.

    Raises:
        ServeError: if nothing can be served, and at the first start also if there is no such application: then the
            command is wrong.
    """
    # A server closes its sockets at its end: the page gets others.
    spare = replace(options, bind=tuple(f"fd:{os.dup(number)}" for number in order.own))
    try:
        return _serve(order, options, link)
    except CannotStart as exc:
        fault = exc.fault
    if order.fault is None:  # else the parent has told it
        link.broken(describe(fault), [*loaded_files(), *files_of(fault)])
    shorten(fault)
    show()  # a module that cannot be loaded has set up no logging
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the end of the first server has left it ignored
    return run_loaded(make_page(order.app, fault, options.debug), spare)


def _serve(order: Order, options: ServeOptions, link: Link) -> int:
    """Serve the application.

    Raises:
        CannotStart: if it cannot be loaded or started.
        ServeError: as `serve_or_explain`.
    """
    if order.fault is not None:
        raise CannotStart(RuntimeError(order.fault))
    try:
        application = load_and_prepare(order.app, options)
    except BaseException as exc:  # a module may exit
        if isinstance(exc, ServeError) and order.info.generation == 1:
            raise
        raise CannotStart(exc) from exc
    link.read(list(loaded_files()))
    with failed_starts_kept() as kept:
        code = run_loaded(application, options)
    if kept:
        raise CannotStart(kept[0])
    return code


def shorten(fault: BaseException) -> None:
    """Take the calls out of a traceback that have led to the application's first one, and those of imports."""
    calls: list[TracebackType] = []
    trace = fault.__traceback__
    while trace is not None:
        imports = trace.tb_frame.f_code.co_filename.startswith("<frozen importlib")
        if not imports and (calls or not is_library(trace.tb_frame)):
            calls.append(trace)
        trace = trace.tb_next
    fault.__traceback__ = None
    for call in reversed(calls):
        call.tb_next = fault.__traceback__
        fault.__traceback__ = call


# -- what the parent is told ------------------------------------------------------------------------------------------


def loaded_files() -> Iterator[str]:
    """Yield the files of the application's modules, wherever they are; not those of libraries."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py") and not in_library(file):
            yield os.path.abspath(file)  # noqa: PTH100 - links stay


def files_of(fault: BaseException) -> Iterator[str]:
    """Yield the files whose change may mend a fault: those that it has gone through.

    For a package that is not installed it is the folder to which an installation adds it.
    """
    seen: set[int] = set()
    link: BaseException | None = fault
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        if isinstance(link, SyntaxError) and link.filename is not None:
            yield os.path.abspath(link.filename)  # noqa: PTH100
        if isinstance(link, ImportError):
            yield sysconfig.get_path("purelib")
        for frame, _ in walk_tb(link.__traceback__):
            if not frame.f_code.co_filename.startswith("<"):
                yield os.path.abspath(frame.f_code.co_filename)  # noqa: PTH100
        link = link.__cause__ or link.__context__
