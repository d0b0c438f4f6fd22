"""Plans what handlers depend on: each function with its own parameters, and so on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sketch.binding.arguments import Arguments, Dependency
from sketch.binding.entering import exits
from sketch.binding.plan import Plan, plan
from sketch.binding.sources import Depends
from sketch.binding.surroundings import FOR_HANDLERS, Surroundings
from sketch.callables import describe, name_of


def complete(decided: Plan, around: Surroundings) -> Arguments:
    """Make the arguments of a plan, with the plans of all that it depends on.

    Raises:
        ValueError: for a parameter of these functions that gets no value, for a function that needs itself, and for
            bodies that do not go together.
    """

    def resolve(source: Any) -> Any:
        return plan_dependency(source, around) if isinstance(source, Depends) else source

    keywords = tuple((name, resolve(source)) for name, source in decided.keywords)
    return Arguments(Plan(tuple(map(resolve, decided.positional)), keywords))


def plan_dependency(mark: Depends, around: Surroundings) -> Dependency:
    """Plan the function of a mark, and what that depends on; raises as `complete` does."""
    function = mark.function
    assert function is not None
    key = (function, mark.scope, mark.use_cache)
    known: Dependency | None = around.planned.get(key)
    if known is not None:
        return known
    arguments = plan_arguments(function, around)
    found = Dependency(function, mark.scope, mark.use_cache, arguments)
    if mark.scope == "request" and exits(function):
        _check_scopes(found)
    around.planned[key] = found
    return found


def plan_arguments(function: Callable[..., Any], around: Surroundings) -> Arguments:
    """Plan the arguments of a dependency's function."""
    if function in around.stack:
        names = " needs ".join(describe(each) for each in [*around.stack[around.stack.index(function) :], function])
        raise ValueError(f"expected dependencies without a circle, got {names}")
    around.stack.append(function)
    try:
        # It runs before the handshake of a websocket, and gets the request.
        around = around.of(FOR_HANDLERS)
        return complete(plan(function, around), around)
    except ValueError as exc:
        raise ValueError(f"{exc}, in the dependency {describe(function)}") from None
    finally:
        around.stack.pop()


def _check_scopes(outer: Dependency) -> None:
    """Refuse an exit at the end of the request that may use what has ended with the handler."""
    for inner in outer.arguments.ended_with_handler():
        name = describe(outer.function)
        raise ValueError(
            f"expected {describe(inner.function)} to last until the exit of {name}, which needs it, got the scope"
            f" 'handler' of the first and 'request' of the second: write"
            f' `Depends({name_of(outer.function)}, scope="handler")`'
        )
