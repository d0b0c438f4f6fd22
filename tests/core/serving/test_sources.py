"""Errors name the sources of the values that they are about, where these are known."""

from __future__ import annotations

from typing import Any

import pytest

from sketch.serving.options import ServeError
from sketch.serving.sources import explain, known_sources, values_from
from tests.core.serving.support import failure


def test_only_sources_of_what_an_error_is_about_are_named() -> None:
    exc = ServeError("cannot listen", "host", "port")
    assert explain(exc) == "cannot listen"
    with values_from({"port": "PORT", "app": "main.py"}):
        assert explain(exc) == "cannot listen (port is from PORT)"
        assert explain(ServeError("out of luck")) == "out of luck"
        assert known_sources() == {"port": "PORT", "app": "main.py"}
    assert known_sources() == {}


def test_they_are_forgotten_after_a_failure() -> None:
    with pytest.raises(ServeError), values_from({"port": "PORT"}):
        raise ServeError("no")
    assert known_sources() == {}


@pytest.mark.parametrize(
    ("target", "options", "name"),
    [
        ("nosuch:app", {}, "app"),
        ("tests.core.serving.support:nothing", {}, "app"),
        ("tests.core.serving.support", {}, "app"),
        ("tests.core.serving.support:foreign", {"debug": True}, "debug"),
        ("tests.core.serving.support:app", {"host": "nowhere.invalid"}, "host"),
        ("tests.core.serving.support:app", {"bind": ["fd:987654"]}, "bind"),
        ("tests.core.serving.support:app", {"bind": ["127.0.0.1:0", "127.0.0.1:0"]}, "bind"),
        ("tests.core.serving.support:app", {"uds": "/nowhere/at/all"}, "uds"),
        ("tests.core.serving.support:app", {"port": 0, "ssl_certfile": "/nowhere"}, "ssl_certfile"),
        ("__main__:app", {"workers": 1}, "app"),
    ],
)
def test_mistakes_that_are_found_at_the_start_are_about_an_option(
    target: str, options: dict[str, Any], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with values_from({name: "the sky"}):
        assert failure(capsys, target, **options).endswith(f" ({name} is from the sky)")
