"""The native adapter: an HTTP/1.1 server built on `asyncio.Protocol` and httptools."""

from sketch.serving.server_limits import ServerLimits
from sketch_native.launcher import NativeServer
from sketch_native.server import Server, serve

__all__ = ["NativeServer", "Server", "ServerLimits", "serve"]
