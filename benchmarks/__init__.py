"""The benchmarks: sketch's backends and its peers do the same work. README.md says how and why."""
