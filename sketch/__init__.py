"""sketch: a web framework with two modes and one behaviour."""
