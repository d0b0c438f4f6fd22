"""sketch under any ASGI 3 server."""
