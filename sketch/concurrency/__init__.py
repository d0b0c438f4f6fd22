"""How the core waits, cancels and blocks: threads, tasks, deadlines. Nothing here knows HTTP."""
