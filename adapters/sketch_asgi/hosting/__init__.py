"""Foreign applications under sketch: served by the native server, or mounted in a sketch application."""
