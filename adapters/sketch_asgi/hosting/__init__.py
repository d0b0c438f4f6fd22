"""Foreign ASGI applications under sketch: served by the native server, or mounted in an application."""
