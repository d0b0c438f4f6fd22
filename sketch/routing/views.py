"""Class-based views: one class for a resource, with one method for each HTTP method."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from types import MethodType
from typing import TYPE_CHECKING, Any

from sketch.binding.bound import Bound
from sketch.binding.calls import SelfBinding, bind_typed
from sketch.binding.plan import Plan, plan
from sketch.binding.surroundings import Surroundings
from sketch.callables import is_coroutine_function, is_generator_function
from sketch.exceptions import HTTPMethodNotAllowed

if TYPE_CHECKING:
    from sketch.binding.answers.answer import AnswerOptions
    from sketch.binding.bound import Call
    from sketch.binding.typed import Typed
    from sketch.request import Request

VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "query")
"""The names of a view's methods that answer requests."""

Action = Callable[["View"], Awaitable[Any]]


class View:
    """A handler written as a class; each request gets its own instance.

    A subclass defines `get`, `post`, `put`, `patch`, `delete`, `head`, `options`, `query`, or some of them: these are
    the methods of its route. Their arguments are filled in like those of function handlers; `def` methods are called
    in a thread. Without `head`, `get` answers HEAD. A subclass that overrides `dispatch` answers all requests there;
    if it defines none of these methods, it takes every method.

    Args:
        attributes: the arguments of `as_view`; each must be an attribute of the class.
    """

    request: Request
    _actions: Mapping[str, Action]

    def __init__(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            setattr(self, name, value)

    @classmethod
    def as_view(cls, **initkwargs: Any) -> ViewHandler:
        """Make a handler that creates an instance with these arguments for each request.

        Raises:
            ValueError: for arguments that the class does not take, and for a class without any method.
        """
        return ViewHandler(cls, initkwargs)

    def setup(self) -> Any:
        """Called before `dispatch`, with `self.request` set; may be a coroutine function."""

    async def dispatch(self) -> Any:
        """Call the method for the request. May be overridden, with parameters like a handler's."""
        action = self._actions.get(self.request.method)
        if action is None:
            raise HTTPMethodNotAllowed({*self._actions, "OPTIONS"})
        return await action(self)


class ViewHandler(SelfBinding):
    """The handler for a view: makes an instance for each request, which answers it.

    Args:
        view: a subclass of View.
        initkwargs: the keyword arguments for its instances.

    Raises:
        ValueError: as `View.as_view`.
    """

    def __init__(self, view: type[View], initkwargs: Mapping[str, Any]) -> None:
        self.view = view
        self.initkwargs = dict(initkwargs)
        self.verbs = [verb for verb in VERBS if callable(getattr(view, verb, None))]
        self.dispatches = view.dispatch is not View.dispatch
        self.methods = frozenset(verb.upper() for verb in self.verbs)
        if not self.methods and self.dispatches:
            self.methods = frozenset("*")
        self.__wrapped__ = view
        self.__qualname__ = view.__qualname__
        self.__doc__ = view.__doc__
        self._bound: dict[frozenset[str], Call] = {}
        self._check()

    def _check(self) -> None:
        name = self.view.__qualname__
        if is_generator_function(self.view.setup):
            raise ValueError(f"expected {name}.setup without `yield`, got a generator, of which nothing would run")
        if not self.methods:
            raise ValueError(f"expected {name} to define one of {', '.join(VERBS)}, or dispatch")
        if self.view.__init__ is View.__init__:
            for key in self.initkwargs:
                if not hasattr(self.view, key):
                    raise ValueError(f"expected an attribute of {name}, got {key!r:.200}")
            return
        try:
            inspect.signature(self.view).bind(**self.initkwargs)
        except TypeError as exc:
            raise ValueError(f"expected the arguments of {name}: {exc}") from None

    def bind(self, around: Surroundings, options: AnswerOptions | None = None) -> Bound:
        """Make the call for a route; raises ValueError for a parameter without a value."""
        typed: dict[str, Bound] = {}

        def bind_method(name: str, methods: tuple[str, ...]) -> Action:
            action, found = _action(self.view, name, around.with_methods(*methods), options)
            if found is not None:
                typed[name] = Bound(action, (found.arguments,), found.returns)
            return action

        actions = {verb.upper(): bind_method(verb, (verb.upper(),)) for verb in self.verbs}
        if "GET" in actions:
            actions.setdefault("HEAD", actions["GET"])
        dispatch = bind_method("dispatch", ())
        view, initkwargs = self.view, self.initkwargs

        async def call(request: Request) -> Any:
            instance = view(**initkwargs)
            instance.request = request
            instance._actions = actions
            prepared = instance.setup()
            if prepared is not None and inspect.isawaitable(prepared):
                await prepared
            return await dispatch(instance)

        arguments = tuple(each for bound in typed.values() for each in bound.arguments)
        return Bound(call, arguments, by_method=typed)

    async def __call__(self, request: Request) -> Any:
        """Answer a request, as a function handler would."""
        names = frozenset(request.match_info)
        call = self._bound.get(names)
        if call is None:
            call = self._bound[names] = self.bind(Surroundings(names)).call
        return await call(request)


def _action(
    view: type[View], name: str, around: Surroundings, options: AnswerOptions | None
) -> tuple[Action, Typed | None]:
    """Make a function that calls a method of an instance with its arguments filled in.

    Returns it, and what the method's parameters declare if it is typed.
    """
    method = _as_bound(view, name)
    inherited = name == "dispatch" and view.dispatch is View.dispatch
    try:
        decided = plan(method, around)
        typed = bind_typed(method, decided, around, None if inherited else options)
    except ValueError as exc:
        raise ValueError(f"{exc}, in {view.__qualname__}.{name}") from None
    if typed is not None:
        return (lambda instance: typed.invoke(getattr(instance, name), instance.request)), typed
    if is_coroutine_function(getattr(view, name)):
        return (lambda instance: _call(getattr(instance, name), decided, instance.request)), None

    async def action(instance: View) -> Any:
        args, kwargs = decided.arguments(instance.request)
        result = await instance.request.app.threads.run(getattr(instance, name), *args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    return action, None


def _call(method: Callable[..., Awaitable[Any]], decided: Plan, request: Request) -> Awaitable[Any]:
    args, kwargs = decided.arguments(request)
    return method(*args, **kwargs)


def _as_bound(view: type[View], name: str) -> Callable[..., Any]:
    """Return a method bound to the class in place of an instance: only its signature counts."""
    method: Callable[..., Any] = getattr(view, name)
    if isinstance(inspect.getattr_static(view, name), staticmethod | classmethod):
        return method
    return MethodType(method, view)
