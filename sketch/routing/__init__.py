"""Routing: path templates, converters, the search for a route, and the arguments of handlers."""

from sketch.binding.bound import Handler
from sketch.binding.calls import SelfBinding
from sketch.binding.converters import CONVERTERS, Converter
from sketch.routing.mount import Mount
from sketch.routing.registrar import Registrar, RouteOptions
from sketch.routing.route import ANY, WEBSOCKET, Route
from sketch.routing.router import NoRoute, Router
from sketch.routing.tree import METHODS

__all__ = [
    "ANY",
    "CONVERTERS",
    "METHODS",
    "WEBSOCKET",
    "Converter",
    "Handler",
    "Mount",
    "NoRoute",
    "Registrar",
    "Route",
    "RouteOptions",
    "Router",
    "SelfBinding",
]
