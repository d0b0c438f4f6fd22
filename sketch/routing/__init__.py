"""Routing: templates, converters, matching, and the arguments that handlers get."""

from sketch.routing.arguments import Handler, SelfBinding
from sketch.routing.converters import CONVERTERS, Converter
from sketch.routing.registrar import Registrar, RouteOptions
from sketch.routing.route import Route
from sketch.routing.router import METHODS, Router

__all__ = [
    "CONVERTERS",
    "METHODS",
    "Converter",
    "Handler",
    "Registrar",
    "Route",
    "RouteOptions",
    "Router",
    "SelfBinding",
]
