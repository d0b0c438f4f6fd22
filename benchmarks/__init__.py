"""The benchmarks of sketch: its backends and its peers at the same work. README.md says how and why."""
