"""The launcher of uvicorn, in this process."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sketch.serving.options import TLS_OPTIONS, ServeOptions
from sketch.serving.processes.link import counted
from sketch.serving.registry import missing_package
from sketch.serving.sockets import listening
from sketch.serving.tls.context import certificates_reread, server_context
from sketch_asgi.hosting.served import as_application
from sketch_asgi.launchers.common import COMMON_OPTIONS, adapt, largest_message, listen_once_started, prepare, run
from sketch_asgi.launchers.stopping import Stop
from sketch_asgi.trusted_proxies import outermost

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.serving.asgi import ASGIApp


class UvicornServer:
    """Runs uvicorn in this process."""

    accepts_also = True
    options = COMMON_OPTIONS | TLS_OPTIONS | {"ssl"}

    def run(self, app: Application | ASGIApp, options: ServeOptions) -> int:
        """Serve until told to stop. Returns the exit code.

        Raises:
            ServeError: if uvicorn is missing, or cannot listen.
        """
        try:
            from sketch_asgi.launchers.uvicorn_runner import UvicornRunner, make_config
        except ModuleNotFoundError as exc:
            raise missing_package("uvicorn", exc) from None
        prepare()
        context = server_context(options, logs=True)
        application = as_application(app)
        asgi = adapt(application, options)
        config = make_config(counted(outermost(application, asgi, options)), options, largest_message(application))
        config.ssl = context
        runner = UvicornRunner(config, options)
        with listening(options) as sockets:
            listen_once_started(asgi.life, sockets, options)
            stop = Stop(application, asgi.life, options, runner)
            with certificates_reread(context, options):
                return run(partial(runner.serve, sockets), asgi.life, stop, options)
