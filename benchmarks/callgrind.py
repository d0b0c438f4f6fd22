"""Counts the instructions of parts of a program, by valgrind's tool callgrind.

    with part():        # in the program, as often as it likes
        ...
    count(command)      # outside: runs the program, returns the instructions of each part

A program tells callgrind when to begin and to end by client requests: sequences of instructions that do nothing on a
processor, and mean something to valgrind (valgrind.h). They are made here as bytes, for want of a C compiler. Outside
of the parts nothing is counted, and the program runs five times as fast as inside.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sketch.bench import BenchError
from sketch.bench.program import run_pinned

LONGEST = 600.0
"""Seconds that a program may take under valgrind."""

_DUMP, _START, _STOP = (ord("C") << 24 | ord("T") << 16 | number for number in (0, 4, 5))
_REQUEST = bytes.fromhex(
    "4889f8"  # mov rax, rdi: the address of the request's words
    "31d2"  # xor edx, edx: the answer where there is no valgrind
    "48c1c703 48c1c70d 48c1c73d 48c1c733"  # rol rdi by 3, 13, 61, 51: back to where it was
    "4887db"  # xchg rbx, rbx: the request itself
    "4889d0"  # mov rax, rdx: the answer
    "c3"  # ret
)
_TOTAL = re.compile(r"^totals: (\d+)", re.MULTILINE)


def available() -> bool:
    """Whether instructions can be counted here: with valgrind, on x86-64."""
    return shutil.which("valgrind") is not None and platform.machine() == "x86_64"


def count(
    command: Sequence[str], core: int | None = None, environment: Mapping[str, str] | None = None
) -> tuple[list[int], str]:
    """Run a program under callgrind. Returns the instructions of each of its parts, and what it has printed.

    Raises:
        BenchError: if valgrind or the program fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        tool = ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]
        repeatable = {"PYTHONHASHSEED": "0", **(environment or {})}
        printed = run_pinned([*tool, *command], core, timeout=LONGEST, environment=repeatable)
        parts = sorted(Path(folder).glob("out.*"), key=lambda path: int(path.suffix[1:]))
        return [_total(path) for path in parts], printed


def _total(path: Path) -> int:
    found = _TOTAL.search(path.read_text())
    if found is None:
        raise BenchError(f"expected a total of callgrind in {path.name}")
    return int(found[1])


@contextmanager
def part() -> Iterator[None]:
    """Count what a block executes. Without valgrind around the program it does nothing."""
    tell = _teller()
    tell(_START)
    yield
    tell(_STOP)
    tell(_DUMP)


@cache
def _teller() -> Callable[[int], int]:
    """A function that makes a client request."""
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(_REQUEST)
    function = ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p)(ctypes.addressof(ctypes.c_char.from_buffer(page)))

    def tell(request: int) -> int:
        words = (ctypes.c_ulong * 6)(request)
        answer: int = function(ctypes.addressof(words))
        return answer

    tell.page = page  # type: ignore[attr-defined]  # the code lives as long as the function
    return tell
