"""The sections of the report: cases that share a table and a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks import inprocess, instructions
from benchmarks.outcome import Outcome, Result


@dataclass(frozen=True, slots=True)
class Section:
    """Cases that share a table and a picture.

    Attributes:
        name: of the picture's files.
        title: of the table and the picture.
        cases: in the order in which they are shown.
    """

    name: str
    title: str
    cases: tuple[str, ...]

    def results(self, results: Mapping[str, Result]) -> list[Result]:
        """The results of the section's cases that have figures."""
        return [results[case] for case in self.cases if case in results and results[case].values]


SECTIONS = (
    Section("cpu", "What a request costs the server", ("text", "headers", "rotating", "path", "json", "echo")),
    Section("realistic", "The realistic request", ("realistic",)),
    Section(
        "inprocess",
        "What an ASGI call costs, without a server",
        ("inprocess-text", "inprocess-path", "inprocess-echo"),
    ),
    Section(
        "instructions",
        "Instructions per request, in process",
        (*(f"instructions-{name}" for name in instructions.CASES), *(f"calls-{name}" for name in inprocess.CASES)),
    ),
    Section("tls", "HTTPS", ("tls", "tls-ecdsa", "tls-resumed", "tls-rsa")),
    Section("latency", "Latency at half load", ("half-p50", "half-p99")),
    Section("workers", "Two workers", ("workers-1", "workers-2")),
    Section("life", "Import, start, idle connections", ("import", "startup", "memory")),
    Section("routes", "Routes and middlewares", ("routes-1", "routes-100", "routes-10000", "middlewares")),
    Section("files", "Files and streams", ("file-1k", "file-64k", "file-16m", "stream")),
    Section("forms", "Forms", ("form", "form-64m")),
    Section("websockets", "Websockets", ("websocket-64", "websocket-16k", "websocket-memory")),
    Section("hosting", "Servers of the same ASGI applications", ("hosting-text", "hosting-echo", "hosting-stream")),
    Section("connections", "Connections", ("close", "connections-1", "connections-64", "connections-1000", "http2")),
)


def measured(outcome: Outcome) -> Iterator[tuple[Section, list[Result]]]:
    """The sections that have results, each with them."""
    for section in SECTIONS:
        results = section.results(outcome.results)
        if results:
            yield section, results
