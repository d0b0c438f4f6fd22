"""The command of a worker: a new interpreter with the flags of this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping

from sketch.serving.options import ServeError
from sketch.serving.systemd import NOTIFY_VARIABLES

MODULE = "sketch.serving.processes.worker"

_FLAGS = {
    "isolated": "-I",
    "ignore_environment": "-E",
    "no_user_site": "-s",
    "no_site": "-S",
    "safe_path": "-P",
    "dont_write_bytecode": "-B",
}
"""Flags of the interpreter by their names in `sys.flags`."""


def start_worker(
    app: str, index: int, pipe: int, descriptors: Collection[int], *, terminal: bool = False
) -> subprocess.Popen[bytes]:
    """Start the process of a worker.

    It is in a process group of its own, so that Ctrl-C in a terminal reaches the parent alone, and has no standard
    input, unless it gets those of this process.

    Args:
        app: the import string of the application; it only shows which process this is. So does the index.
        index: of the worker.
        pipe: the descriptor of its end of the pipe.
        descriptors: those of the sockets that it inherits.
        terminal: whether it may read from the terminal, as a debugger does.
    """
    # Until the worker ignores Ctrl-C, it is kept from it: a start that is interrupted would print a traceback.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return subprocess.Popen(  # noqa: S603 - this interpreter
            [interpreter(), *interpreter_flags(), "-m", MODULE, app, str(index), str(pipe)],
            stdin=None if terminal else subprocess.DEVNULL,
            pass_fds=[pipe, *descriptors],
            process_group=None if terminal else 0,
            env=without_own(os.environ),
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def interpreter() -> str:
    """Return the path of this interpreter.

    Raises:
        ServeError: if it is unknown, as in a program that embeds Python.
    """
    if not sys.executable:
        raise ServeError("workers need a Python interpreter to start, and sys.executable names none")
    return sys.executable


def interpreter_flags() -> list[str]:
    """Return the flags that this interpreter was started with: `-O`, `-W`, `-X`, and those about the search path."""
    flags = ["-O"] * sys.flags.optimize
    flags += [flag for name, flag in _FLAGS.items() if getattr(sys.flags, name)]
    flags += [f"-W{warning}" for warning in sys.warnoptions]
    flags += [f"-X{name}" if value is True else f"-X{name}={value}" for name, value in sys._xoptions.items()]
    return flags


def without_own(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the variables by which systemd speaks to the parent alone."""
    return {name: value for name, value in environment.items() if name not in NOTIFY_VARIABLES}
