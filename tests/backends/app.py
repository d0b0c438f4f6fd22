"""The application of the conformance cases, for servers that import it."""

from __future__ import annotations

import os
from pathlib import Path

from tests.native.conformance.target import BODY_TIMEOUT, make_app

app = make_app(Path(os.environ["CONFORMANCE_FOLDER"]), BODY_TIMEOUT)
