"""The program of a worker process: `python -m sketch.serving.processes.worker APP INDEX PIPE`."""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module

from sketch.concurrency.workers import working_as
from sketch.serving.failures import describe
from sketch.serving.loops import loop_factory
from sketch.serving.options import ServeError
from sketch.serving.processes.link import Link, connect
from sketch.serving.processes.order import Order
from sketch.serving.processes.pipe import Message, Pipe
from sketch.serving.registry import load_object, load_server
from sketch.serving.rereading import take_order
from sketch.serving.run import run_backend
from sketch.serving.sources import explain, values_from

HEARTBEAT = 1.0
"""Seconds between two heartbeats; fewer if the parent waits for them only shortly."""

SHORTEST = 0.05
"""The fewest seconds between two heartbeats: the parent looks less often."""


def main(descriptor: int) -> int:
    """Serve as a worker until told to stop. Returns the exit code.

    Args:
        descriptor: that of the pipe to the parent, which sends the order first.
    """
    prepare_signals()
    faulthandler.enable()  # the parent ends a worker that hangs by SIGABRT: it prints where it stands
    pipe = Pipe(socket.socket(fileno=descriptor))
    try:
        order = Order.decode(receive_order(pipe))
    except EOFError:  # the parent has ended, or had no use for this process
        return 0
    for number in (descriptor, *order.own, *(each for numbers in order.others.values() for each in numbers)):
        os.set_inheritable(number, False)
    sys.path[:], sys.argv[:] = order.path, order.arguments
    options = order.serve_options()
    others = {index: [socket.socket(fileno=number) for number in numbers] for index, numbers in order.others.items()}
    interval = max(SHORTEST, min(HEARTBEAT, (options.worker_timeout or 4 * HEARTBEAT) / 4))
    link = Link(pipe, others, interval, counts=options.max_requests is not None)
    connect(link)
    with working_as(order.info), values_from(order.sources):
        try:
            if options.reload:
                from sketch.serving.reload.worker import serve_or_explain  # for developers only

                return serve_or_explain(order, options, link)
            return run_backend(order.app, options)
        except ServeError as exc:
            link.failed(explain(exc))
            return 1
        except Exception as exc:  # of the application's modules; the traceback is printed, too
            link.failed(describe(exc))
            raise
        finally:
            link.end()


def receive_order(pipe: Pipe) -> Message:
    """Wait for the order. A spare process is told to prepare for it."""
    message = pipe.first()
    if "prepare" in message:
        sys.path[:] = message["path"]
        prepare(message["prepare"], message["loop"])
        message = pipe.first()
    return message


def prepare(server: str, loop: str) -> None:
    """Import what any application needs on a server. What is missing is told when the server starts."""
    with suppress(ServeError, ImportError):
        load_server(server)
        load_object("sketch.application:Application")
        loop_factory(loop)
        import_module(server)  # the package of the same name, which the launchers import when they run


def prepare_signals() -> None:
    """Ignore the signals that are for the parent alone; it passes on what concerns a worker.

    It does so by SIGUSR1, the order to reread, and by SIGQUIT, which a worker inherits as ignored from a parent that
    ignores it.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, take_order)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # see `start_worker`


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[-1])))
