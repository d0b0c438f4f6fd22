"""Threads, tasks, cancellation and idle timers: how the core waits and blocks. Nothing here depends on HTTP."""
