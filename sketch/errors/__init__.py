"""From exceptions to answers: error handlers, problem details, the debug page."""
