"""Runs the command `sketch` as `python -m sketch`."""

from sketch.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
