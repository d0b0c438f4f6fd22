"""What the checks look at: a configuration, the application that it serves, and the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sketch.cli.doctor.application import trusted_by
from sketch.cli.doctor.finding import Fault
from sketch.cli.doctor.system import System
from sketch.http.networks import UNIX
from sketch.serving.config import Config
from sketch.serving.options import ServeOptions
from sketch.serving.server_limits import ServerLimits
from sketch.serving.sockets import is_public, places


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the checks look at."""

    config: Config = field(default_factory=Config)
    """The values of options, with their sources."""
    options: ServeOptions = field(default_factory=ServeOptions)
    """The defaults, if the configuration is wrong."""
    app: Any = None
    """The application, None if it could not be loaded."""
    system: System = field(default_factory=System)
    faults: Sequence[Fault] = ()
    """Why the configuration cannot be used."""
    unknown: Sequence[str] = ()
    """What was ignored in the configuration, as the log says it."""
    app_faults: Sequence[Fault] = ()
    """Why the application cannot be served."""

    @property
    def is_runnable(self) -> bool:
        """Whether the configuration can be used, so that it can be judged."""
        return not self.faults

    @property
    def limits(self) -> ServerLimits:
        """The limits of the native server."""
        return self.options.server_limits or ServerLimits()

    @property
    def is_native(self) -> bool:
        """Whether the native server serves."""
        return self.options.server == "native"

    @property
    def workers(self) -> int:
        """How many processes serve."""
        asked = self.options.workers
        return 1 if asked is None else asked or self.system.cpus

    @property
    def trusted(self) -> list[str]:
        """The networks of the proxies that are believed, by the options or by the application."""
        return [*self.options.trusted_proxies, *trusted_by(self.app)]

    def public_places(self) -> list[str]:
        """Return the addresses that other machines may reach. An inherited socket may be anywhere."""
        return [place for place in places(self.options) if is_public(place)]

    def unix_paths(self) -> list[str]:
        """Return the paths of unix sockets."""
        return [place.removeprefix("unix:") for place in places(self.options) if place.startswith("unix:")]

    @property
    def is_proxied(self) -> bool:
        """Whether a proxy stands in front: it is named, or it speaks by a unix socket."""
        return bool(self.trusted or self.options.proxy_protocol or self.unix_paths())

    def reachable(self) -> str | None:
        """Say how clients from elsewhere get here; None if only this machine can."""
        if self.is_proxied:
            return "clients come through a proxy"
        public = self.public_places()
        return f"other machines may reach {', '.join(public)}" if public else None

    @property
    def believes_unix(self) -> bool:
        """Whether every peer on a unix socket is a trusted proxy."""
        return UNIX in self.trusted
