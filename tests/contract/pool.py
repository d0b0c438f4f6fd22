"""The servers of a run, which all processes of pytest-xdist ask, and servers of single tests."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import trustme

from tests.contract.transports import Served, start_program
from tests.support.once import locked, made_once, shared_folder
from tests.support.programs import Program, Running

APP = "tests.contract.typed_app:app"
"""The fixture application."""


class Pool:
    """The servers of the fixture application, started by the first process that asks for them.

    They live as long as the run: the process that has started a server stops it when the others have ended.
    """

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory = factory
        self.folder = shared_folder(factory)
        """The folder of the run, which its processes share."""
        self._logs = factory.mktemp("logs")
        self._asked: dict[str, Served] = {}
        self._started: list[Program] = []
        self._use = ExitStack()
        self._use.enter_context(locked(self.folder / "servers.lock", alone=False))

    def get(self, name: str) -> Served:
        """The server of the fixture application on a transport."""
        return self.shared(f"server-{name}", name, list)

    def shared(self, key: str, name: str, options: Callable[[], list[str]]) -> Served:
        """A server of the fixture application that all processes ask.

        Args:
            key: names this one.
            name: of its transport.
            options: prepares what it needs, and returns its options; called by the process that starts it.
        """
        if key not in self._asked:
            port, pid, log = made_once(self._factory, key, lambda: self._start_for_all(name, options()))
            self._asked[key] = Served(name, Running(port, pid, log), self._tls(name))
        return self._asked[key]

    @contextmanager
    def using(self, name: str, *, alone: bool) -> Iterator[Served]:
        """Use a server together with the other processes, or alone: then they wait."""
        with locked(self.folder / f"{name}.lock", alone=alone):
            yield self.get(name)

    @contextmanager
    def own(self, name: str, target: str, *options: str) -> Iterator[Served]:
        """A server for a single test. After a failed test its end is not awaited."""
        program = self._start(name, target, *options)
        try:
            yield Served(name, program, self._tls(name))
        except BaseException:
            program.kill()
            raise
        program.stop()

    def _start_for_all(self, name: str, options: list[str]) -> tuple[int, int, Path]:
        program = self._start(name, APP, *options)
        self._started.append(program)
        return program.port, program.pid, program.log

    def _start(self, name: str, target: str, *options: str) -> Program:
        command = ["-m", "tests.contract.serve", name, target, "PORT", *options]
        if name == "native-tls":
            command += ["--certificate", str(self._certificate()[1])]
        return start_program(name, command, self._logs)

    def _tls(self, name: str) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self._certificate()[0]) if name == "native-tls" else None

    def _certificate(self) -> tuple[Path, Path]:
        """The files with the certificate of an authority, and with a chain and a key that it has issued."""
        return made_once(self._factory, "certificate", self._issue)

    def _issue(self) -> tuple[Path, Path]:
        authority, files = trustme.CA(), (self.folder / "authority.pem", self.folder / "server.pem")
        authority.cert_pem.write_to_path(files[0])
        authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(files[1])
        return files

    def stop(self) -> None:
        """Wait until no process needs the servers, and stop those of this one, in parallel."""
        self._use.close()
        with locked(self.folder / "servers.lock", alone=True), ExitStack() as stack:
            for program in self._started:
                program.process.terminate()
                stack.callback(program.wait_for_its_end)
