"""`python -m sketch`: the same as the command `sketch`."""

from sketch.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
