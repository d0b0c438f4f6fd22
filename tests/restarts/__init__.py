"""Load on a server that is replaced or stopped: what its clients lose. `python -m tests.restarts`."""
