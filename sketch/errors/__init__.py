"""Turns exceptions into responses: error handlers, problem details, the debug page."""
