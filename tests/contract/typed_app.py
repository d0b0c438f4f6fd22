"""The application of the suite with its typed routes, documented: that of the servers which live as long as the run.

A server of a single test serves it without them: it starts sooner, because it imports no validation library.
"""

from __future__ import annotations

from sketch import Application
from sketch.openapi import OpenAPI
from tests.contract.app import make_app
from tests.contract.routes_typed import add_typed


def make_typed_app() -> Application:
    """A new application with every route of the suite, the typed ones included."""
    app = make_app()
    add_typed(app)
    OpenAPI(title="The suite", version="1").attach(app)
    return app


app = make_typed_app()
