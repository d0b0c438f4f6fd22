"""The machine and the process, as far as a server depends on them."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sketch.serving.processes.cpus import usable_cpus

ROOT = Path("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What starts and stops the server: a container engine, an orchestrator, a hosting service."""

    name: str
    patience: float
    """Seconds from its signal to stop until it kills the process, by default."""
    setting: str
    """Where that is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What the machine gives to this process."""

    python: str = platform.python_version()
    implementation: str = platform.python_implementation()
    executable: str = sys.executable
    machine: str = ""
    cpus: int = 1
    """CPUs that the process may use, by affinity and by the quota of its cgroup."""
    soft_files: int | None = None
    """Files that a process may open; None for no bound, or where the system has none."""
    hard_files: int | None = None
    """Up to which the process may raise that by itself."""
    all_files: int | None = None
    """Files that all processes together may open."""
    backlog: int | None = None
    """Connections that a socket lets wait at most, whatever a program asks for."""
    is_root: bool = False
    development_mode: bool = False
    platform: Platform | None = None


PLATFORMS = (
    ("KUBERNETES_SERVICE_HOST", Platform(name="Kubernetes", patience=30, setting="terminationGracePeriodSeconds")),
    ("ECS_CONTAINER_METADATA_URI_V4", Platform(name="ECS", patience=30, setting="stopTimeout of the container")),
    ("K_SERVICE", Platform(name="Cloud Run", patience=10, setting="none: Cloud Run has a fixed time")),
    ("FLY_APP_NAME", Platform(name="Fly.io", patience=5, setting="kill_timeout in fly.toml")),
    ("DYNO", Platform(name="Heroku", patience=30, setting="none: Heroku has a fixed time")),
    ("RENDER", Platform(name="Render", patience=30, setting="maxShutdownDelaySeconds of the service")),
)
"""Platforms, by a variable that each sets; the first one that is found counts."""

_CONTAINER = Platform(name="a container", patience=10, setting="docker stop --time, stop_grace_period of compose")
_MARKS = (".dockerenv", "run/.containerenv")
"""Files that container engines put into each container."""


def read_system(environment: Mapping[str, str], root: Path = ROOT) -> System:
    """Read what this process is given.

    Args:
        environment: its environment variables.
        root: the root of the file system.
    """
    soft, hard = _files()
    return System(
        machine=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpus=usable_cpus(),
        soft_files=soft,
        hard_files=hard,
        all_files=_number(root / "proc/sys/fs/file-max"),
        backlog=_number(root / "proc/sys/net/core/somaxconn"),
        is_root=hasattr(os, "geteuid") and os.geteuid() == 0,
        development_mode=sys.flags.dev_mode or bool(environment.get("PYTHONASYNCIODEBUG")),
        platform=find_platform(environment, root),
    )


def find_platform(environment: Mapping[str, str], root: Path = ROOT) -> Platform | None:
    """Return the platform that the environment shows, None on a machine of one's own."""
    for variable, found in PLATFORMS:
        if environment.get(variable):
            return found
    return _CONTAINER if any((root / mark).exists() for mark in _MARKS) else None


def _files() -> tuple[int | None, int | None]:
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None, None
    soft, hard = (
        None if each == resource.RLIM_INFINITY else each for each in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    return soft, hard


def _number(path: Path) -> int | None:
    """Return the number in a file of /proc; None where there is none."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
