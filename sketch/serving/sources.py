"""Where the values of options come from, for the errors about them: `sketch run` knows it, `run_app` gets arguments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from sketch.serving.options import ServeError

_known: dict[str, str] = {}


@contextmanager
def values_from(sources: Mapping[str, str]) -> Iterator[None]:
    """While the block runs, `explain` names these sources, by the names of options."""
    before = dict(_known)
    _known.update(sources)
    try:
        yield
    finally:
        _known.clear()
        _known.update(before)


def known_sources() -> dict[str, str]:
    """Return the sources that `explain` names."""
    return dict(_known)


def explain(exc: ServeError) -> str:
    """Return the message of an error, with the sources of the options that it is about."""
    return with_sources(str(exc), exc.names, _known)


def with_sources(message: str, names: Iterable[str], sources: Mapping[str, str]) -> str:
    """Return a message with the sources of options behind it, of those that have one."""
    found = [f"{name} is from {sources[name]}" for name in names if name in sources]
    return f"{message} ({', '.join(found)})" if found else message
