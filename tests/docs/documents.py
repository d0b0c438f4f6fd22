"""The documents and their code blocks."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


def documents() -> list[Path]:
    """The documents with code that people type or copy."""
    named = ("README.md", "CONTRIBUTING.md", "adapters/README.md")
    return [*(ROOT / name for name in named), *sorted((ROOT / "docs").glob("**/*.md"))]


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    `marks` come from an HTML comment on the line above, `<!-- key: value -->` or `<!-- key -->`:

    - `file: hello.py`: the block is that file, for the commands that follow in the document
    - `continues`: the block goes on from the Python block before it
    - `not run: REASON`: the block is not executed; the test lists it
    - `run: NAME`: one of the README's two commands
    - `tried: PATH`: the block is a file of another program, which the tests in that file give it
    """

    document: str
    line: int
    language: str
    text: str
    marks: dict[str, str] = field(hash=False)

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
"""How a document names a test: its file and its function."""


def defined_tests(path: str) -> set[str]:
    """The names of the test functions in a file."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = {node.name for node in ast.parse((ROOT / path).read_text()).body if isinstance(node, functions)}
    return {name for name in names if name.startswith("test_")}


_FENCE = re.compile(r"^( *)```(\w*)$")
_MARK = re.compile(r"^ *<!-- ([a-z ]+?)(?:: (.*))? -->$")


def blocks(path: Path) -> list[Block]:
    """The code blocks of a document, in order."""
    name = str(path.relative_to(ROOT))
    found: list[Block] = []
    lines = path.read_text().splitlines()
    marks: dict[str, str] = {}
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if mark := _MARK.match(line):
            marks[mark[1]] = mark[2] or ""
        elif fence := _FENCE.match(line):
            begin = number
            while lines[number].strip() != "```":
                number += 1
            text = "\n".join(one.removeprefix(fence[1]) for one in lines[begin:number]) + "\n"
            found.append(Block(name, begin, fence[2], text, marks))
            marks = {}
            number += 1
        elif line.strip():
            marks = {}
    return found


@dataclass(frozen=True)
class Command:
    """A line that starts with `$` in a console block, and the output that is shown below it."""

    line: str
    output: str


def commands(block: Block) -> list[Command]:
    """The commands of a console block."""
    found: list[Command] = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        found.append(Command(line, output))
    return found
