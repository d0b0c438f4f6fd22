"""A file for `logging.config.dictConfig`: `--log-config FILE`."""

from __future__ import annotations

import json
import logging.config
import tomllib
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any


class LogConfigError(Exception):
    """Raised for a file that cannot be read or applied; the message says why, in one line."""


def apply(path: str) -> None:
    """Configure logging as a file says. Loggers that it does not name stay enabled, unless it says otherwise.

    Args:
        path: of the file; the end of its name says what it is: `.toml`, `.json`, `.yaml` or `.yml`.

    Raises:
        LogConfigError: for a file that cannot be read, and for what `dictConfig` refuses.
    """
    config = {"version": 1, "disable_existing_loggers": False, **read(path)}
    try:
        logging.config.dictConfig(config)
    except Exception as exc:  # whatever a class that it names raises
        raise LogConfigError(f"cannot configure logging by {path}: {_reasons(exc)}") from None


def read(path: str) -> Mapping[str, Any]:
    """Return what a file says.

    Raises:
        LogConfigError: if it cannot be read.
    """
    kind = Path(path).suffix.lower()
    if kind not in _READERS:
        raise LogConfigError(f"expected log_config as a file {', '.join(_READERS)}, got {path!r:.200}")
    try:
        found = _READERS[kind](Path(path).read_text(encoding="utf-8"))
    except OSError as exc:
        raise LogConfigError(f"cannot read {path}: {exc.strerror}") from None
    except ValueError as exc:  # of each format, and of UTF-8
        raise LogConfigError(f"cannot read {path}: {' '.join(str(exc).split())}") from None
    if not isinstance(found, dict):
        raise LogConfigError(f"expected a table in {path}, got {found!r:.200}")
    return found


def _read_yaml(text: str) -> Any:
    try:
        yaml: Any = import_module("yaml")
    except ImportError:
        raise LogConfigError(
            "a log_config in YAML needs the package PyYAML: pip install pyyaml; TOML and JSON need none"
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise ValueError(str(exc)) from None


_READERS: dict[str, Callable[[str], Any]] = {
    ".toml": tomllib.loads,
    ".json": json.loads,
    ".yaml": _read_yaml,
    ".yml": _read_yaml,
}


def _reasons(exc: BaseException) -> str:
    """Say what is wrong: `dictConfig` names the place, and its cause the reason."""
    reasons = [str(exc) or type(exc).__name__]
    while (cause := exc.__cause__) is not None:
        reasons.append(f"{type(cause).__name__}: {cause}")
        exc = cause
    return ": ".join(" ".join(reason.split()) for reason in reasons)
