"""The defaults of inputs: what a request gives that does not have them."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from inspect import Parameter
from typing import Any

from sketch.binding.faults import Fault
from sketch.jsoncodec.errors import REQUIRED

MISSING = Parameter.empty
"""Stands for the default of what is required."""


def find_absent(default: Any) -> Callable[[], Any]:
    """Make the function that gives the value of what was not sent. It raises Fault for what is required."""
    if default is MISSING:
        return _refuse
    if type(default).__hash__ is None:  # it can be changed: what one request puts into it, no other may see
        return lambda: deepcopy(default)
    return lambda: default


def _refuse() -> Any:
    raise Fault(REQUIRED)
