"""The lifecycle of an application: signals, start and stop, background tasks."""
