"""The life of an application: signals, start and stop, background work."""
