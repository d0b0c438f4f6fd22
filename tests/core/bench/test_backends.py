"""One application on several servers: differing answers are found."""

from __future__ import annotations

import pytest

from tests.core.bench.programs import python
from tests.core.bench.support import needs_wrk


@needs_wrk
def test_differing_answers_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    import sketch.bench.backends as module
    from sketch.bench import Load

    page = "import http.server, sys\nclass H(http.server.BaseHTTPRequestHandler):\n  def do_GET(self):\n    "
    page += "self.send_response(200); self.send_header('Content-Length', '1'); self.end_headers(); "
    page += "self.wfile.write({!r})\n  def log_message(self, *a): pass\n"
    page += "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()"
    monkeypatch.setattr(
        module, "server_command", lambda app, name, port, loop: python(page.format(name.encode()))(port)
    )
    monkeypatch.setattr(module, "measure", lambda *_, **__: {})
    result = module.compare_backends("a:b", ["a", "b", "a"], Load())
    assert result.differing == ["b"]
