"""The options as flags."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

import pytest

from sketch.cli import flags
from sketch.cli.flags import add_serving_flags
from sketch.serving.config import options


def parsed(*line: str) -> dict[str, Any]:
    parser = ArgumentParser()
    add_serving_flags(parser)
    return vars(parser.parse_args(line))


def test_only_flags_that_were_given_are_passed_on() -> None:
    assert parsed() == {}


def test_every_option_has_a_flag() -> None:
    parser = ArgumentParser()
    add_serving_flags(parser)
    found = {string for action in parser._actions for string in action.option_strings}
    expected = {each.flag for each in options().values()} - {"--app"}
    switches = {f"--no-{each.flag[2:]}" for each in options().values() if each.is_switch}
    assert found == expected | switches | {"-h", "--help"}


def test_values_are_read() -> None:
    line = (
        "--host h --port 1 --no-access-log --debug --shutdown-timeout 1.5 --uds-mode 600 --bind fd:3 --bind unix:/a,b"
    )
    assert parsed(*line.split(), "--limit-connections", "none", "--limit-overload", "wait") == {
        "host": "h", "port": 1, "access_log": False, "debug": True, "shutdown_timeout": 1.5, "uds_mode": 0o600,
        "bind": ["fd:3", "unix:/a,b"], "limit_connections": None, "limit_overload": "wait",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--port x", "argument --port: expected port as a whole number from 0 to 65535, got 'x'"),
        ("--uds-mode 9", "argument --uds-mode: expected uds_mode in octal digits, like '660', got '9'"),
        ("--loop trio", "argument --loop: invalid choice: 'trio'"),
    ],
)
def test_values_that_cannot_be_read(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parsed(*line.split())
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_the_help_has_groups_texts_and_defaults() -> None:
    parser = ArgumentParser()
    add_serving_flags(parser)
    text = " ".join(parser.format_help().split())
    assert "address: --host NAME name or address to listen on (default: 127.0.0.1)" in text
    assert "limits of the native server: --limit-target BYTES" in text
    assert "--uds-mode MODE permissions of unix sockets, in octal digits (default: 666)" in text
    assert "`" not in text


def test_a_secret_has_no_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    port = options()["port"]
    secret = port._replace(about=port.about._replace(secret=True))
    monkeypatch.setattr(flags, "options", lambda: {"port": secret})
    with pytest.raises(SystemExit):
        parsed("--port", "1")
