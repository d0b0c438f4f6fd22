"""The launcher of uvicorn, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sketch.serving.listening import listening
from sketch.serving.options import ServeOptions
from sketch.serving.registry import missing_package
from sketch_asgi.hosting.served import as_application
from sketch_asgi.launchers.common import COMMON_OPTIONS, adapt, largest_message, prepare

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.serving.asgi import ASGIApp


class UvicornServer:
    """Runs uvicorn in this process."""

    options = COMMON_OPTIONS | {"sock", "ssl"}

    def run(self, app: Application | ASGIApp, options: ServeOptions) -> int:
        """Serve until told to stop. Returns the exit code.

        Raises:
            ServeError: if uvicorn is missing, or cannot listen.
        """
        try:
            from sketch_asgi.launchers.uvicorn_runner import UvicornRunner, make_config
        except ModuleNotFoundError as exc:
            raise missing_package("uvicorn", exc) from None
        prepare(options)
        application = as_application(app)
        asgi = adapt(application, options)
        runner = UvicornRunner(make_config(application.wrapped(asgi), options, largest_message(application)), options)
        with listening(options) as sockets, runner.signals_taken():
            try:
                runner.run(sockets=sockets)
            except SystemExit:  # how uvicorn ends after a failed start; the reason is in the log
                return 1
        return asgi.life.exit_code
