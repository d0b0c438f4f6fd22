"""What a worker is told when it starts: the application, its options and its sockets, as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from sketch.concurrency.workers import WorkerInfo
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.processes.pipe import Message
from sketch.serving.registry import load_object

_OF_THE_PARENT = frozenset(
    {"host", "port", "uds", "uds_mode", "bind", "sock", "workers", "reload_dir", "reload_include"}
)
"""Options that the parent honours: a worker gets descriptors instead."""

_CLASSES = {"limits": "sketch.limits:Limits", "server_limits": "sketch.serving.server_limits:ServerLimits"}
"""Options whose values are dataclasses of plain values, and their classes."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a worker is told when it starts."""

    app: str
    """The import string of the application."""
    options: Message
    """Those that were given, as `encode_options` returns them."""
    info: WorkerInfo
    own: list[int]
    """The descriptors of the sockets of its slot."""
    others: dict[int, list[int]]
    """The descriptors of the other slots that are not its own, by their index."""
    path: list[str]
    """`sys.path` of the parent."""
    arguments: list[str]
    """`sys.argv` of the parent."""
    sources: dict[str, str] = field(default_factory=dict)
    """Where the values of options come from, for errors."""
    fault: str | None = None
    """Why the process before it could not start: with `reload` it serves a page about that, not the application."""

    def encode(self) -> Message:
        """Return the order as a message."""
        return asdict(self)

    @classmethod
    def decode(cls, message: Message) -> Order:
        """Return the order that a message is."""
        others = {int(index): numbers for index, numbers in message["others"].items()}
        return cls(**{**message, "info": WorkerInfo(**message["info"]), "others": others})

    def serve_options(self) -> ServeOptions:
        """Return the options of the worker's server."""
        values = dict(self.options)
        for name in values.keys() & _CLASSES.keys():
            values[name] = load_object(_CLASSES[name])(**values[name])
        return ServeOptions(**values, bind=tuple(f"fd:{number}" for number in self.own))


def encode_options(options: ServeOptions) -> Message:
    """Return the options that were given as values of JSON, without those that the parent honours itself.

    Raises:
        ServeError: for an object that cannot be sent to another process.
    """
    return {name: _encode(name, getattr(options, name)) for name in sorted(options.given() - _OF_THE_PARENT)}


def _encode(name: str, value: Any) -> Any:
    if name == "ssl":
        raise ServeError("workers cannot get the object of the option 'ssl': give ssl_certfile and ssl_keyfile instead")
    if name in _CLASSES:
        return asdict(value)
    return list(value) if isinstance(value, tuple) else value
