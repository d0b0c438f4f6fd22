"""Typed handlers: what the parameters and the result of a handler declare, made into a plan when a route is added."""
