"""The native adapter: an HTTP/1.1 server made of an `asyncio.Protocol` and httptools."""
