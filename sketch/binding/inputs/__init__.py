"""Inputs: the parameters of handlers that a client supplies, and how each is read from a request."""

from sketch.binding.inputs.find import find_input
from sketch.binding.inputs.input import Input, Stored

__all__ = ["Input", "Stored", "find_input"]
