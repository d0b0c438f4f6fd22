"""The configuration of `sketch run`: its sources, which one counts, and one clear line for each mistake."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from sketch.serving.config import Config, options, read_config
from sketch.serving.options import OptionError, ServeError, ServeOptions
from sketch.serving.server_limits import ServerLimits


def read(
    folder: Path,
    toml: str | None = None,
    flags: dict[str, Any] | None = None,
    unset: Sequence[str] = (),
    **variables: str,
) -> Config:
    """The configuration of these sources."""
    if toml is not None:
        (folder / "pyproject.toml").write_text(toml)
    return read_config(flags or {}, variables, folder, unset)


def sources(config: Config) -> dict[str, str]:
    return {name: setting.source for name, setting in config.settings.items()}


def test_each_option_that_can_be_text_is_one_of_the_command_line() -> None:
    """What is missing can only be given by Python code."""
    names = {each.name for each in fields(ServeOptions)} | {f"limit_{each.name}" for each in fields(ServerLimits)}
    assert names - options().keys() == {"sock", "ssl", "limits", "server_limits"}
    assert options().keys() - names == {"app"}


def test_nothing_is_given(tmp_path: Path) -> None:
    config = read(tmp_path)
    assert (config.given(), config.app) == ({}, None)


def test_each_source_replaces_the_ones_before(tmp_path: Path) -> None:
    toml = (
        "[tool.sketch]\napp = 'a:b'\nloop = 'uvloop'\nserver = 'uvicorn'\nbacklog = 5\n[tool.sketch.limits]\nhead = 9"
    )
    config = read(tmp_path, toml, {"backlog": 7}, SKETCH_BACKLOG="6", SKETCH_SERVER="native", SKETCH_LIMIT_HEAD="8")
    assert config.app == "a:b"
    limits = ServerLimits(head=8)
    assert config.given() == {"backlog": 7, "server": "native", "loop": "uvloop", "server_limits": limits}
    assert sources(config) == {
        "app": "pyproject.toml", "loop": "pyproject.toml", "server": "SKETCH_SERVER",
        "limit_head": "SKETCH_LIMIT_HEAD", "backlog": "the command line",
    }  # fmt: skip


def test_values_are_of_the_declared_types(tmp_path: Path) -> None:
    toml = "[tool.sketch]\nbind = ['fd:3', 'unix:/s']\ndebug = true\nuds_mode = '600'\nlimits = {connections = 'none'}"
    given = read(tmp_path, toml, SKETCH_TRUSTED_PROXIES="10.0.0.0/8, ::1", SKETCH_ACCESS_LOG="no").given()
    made = ServeOptions(**given)
    assert (made.bind, made.debug, made.uds_mode) == (("fd:3", "unix:/s"), True, 0o600)
    assert (made.trusted_proxies, made.access_log) == (("10.0.0.0/8", "::1"), False)
    assert made.server_limits == ServerLimits(connections=None)


def test_an_empty_variable_is_not_given(tmp_path: Path) -> None:
    assert read(tmp_path, SKETCH_PORT="", SKETCH_HOST="", PORT="").given() == {}


# -- where to listen --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "flags", "variables", "expected"),
    [
        ("host = 'h'", {"port": 1}, {}, {"host": "h", "port": 1}),
        ("bind = ['fd:3']", {"port": 1}, {}, {"port": 1}),
        ("uds = '/s'", {"bind": ["fd:3"]}, {}, {"bind": ["fd:3"]}),
        ("host = 'h'\nport = 2", {}, {"SKETCH_UDS": "/s"}, {"uds": "/s"}),
        ("bind = ['fd:3']", {"uds_mode": 0o600}, {}, {"bind": ["fd:3"], "uds_mode": 0o600}),
    ],
)
def test_another_place_replaces_those_of_weaker_sources(
    toml: str, flags: dict[str, Any], variables: dict[str, str], expected: dict[str, Any], tmp_path: Path
) -> None:
    assert read(tmp_path, f"[tool.sketch]\n{toml}", flags, **variables).given() == expected


def test_two_places_in_one_source_are_an_error(tmp_path: Path) -> None:
    config = read(tmp_path, "[tool.sketch]\nport = 5", SKETCH_UDS="/s", SKETCH_HOST="h")
    with pytest.raises(OptionError) as caught:
        config.given()
    assert str(caught.value) == (
        "expected only one of uds, host: each says where to listen (uds is from SKETCH_UDS, host is from SKETCH_HOST)"
    )


@pytest.mark.parametrize(
    ("toml", "flags", "variables", "expected"),
    [
        ("", {}, {}, {"host": "0.0.0.0", "port": 9}),
        ("port = 8000", {}, {}, {"host": "0.0.0.0", "port": 9}),
        ("host = '127.0.0.1'", {}, {}, {"host": "127.0.0.1", "port": 9}),
        ("", {"host": "h"}, {}, {"host": "h", "port": 9}),
        ("", {"port": 1}, {}, {"port": 1}),
        ("", {}, {"SKETCH_PORT": "1"}, {"port": 1}),
        ("bind = ['fd:3']", {}, {}, {"bind": ["fd:3"]}),
        ("", {}, {"SKETCH_UDS": "/s"}, {"uds": "/s"}),
        ("uds = '/s'", {}, {"SKETCH_HOST": "h"}, {"host": "h"}),
    ],
)
def test_the_port_of_a_platform(
    toml: str, flags: dict[str, Any], variables: dict[str, str], expected: dict[str, Any], tmp_path: Path
) -> None:
    """It is stronger than the port of a file, which was written for another machine; any other place is no default."""
    assert read(tmp_path, f"[tool.sketch]\n{toml}", flags, PORT="9", **variables).given() == expected


def test_its_source_is_named(tmp_path: Path) -> None:
    assert sources(read(tmp_path, PORT="9")) == {"host": "PORT", "port": "PORT"}
    with pytest.raises(
        OptionError, match=r"^expected port as a whole number from 0 to 65535, got 'http' \(port is from PORT\)$"
    ):
        read(tmp_path, PORT="http")


# -- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "variables", "message"),
    [
        (
            "",
            {"SKETCH_PORT": "x"},
            "expected port as a whole number from 0 to 65535, got 'x' (port is from SKETCH_PORT)",
        ),
        (
            "",
            {"SKETCH_PORT": "99999"},
            "expected port as a whole number from 0 to 65535, got 99999 (port is from SKETCH_PORT)",
        ),
        ("port = '80'", {}, "expected port as a whole number from 0 to 65535, got '80' (port is from pyproject.toml)"),
        (
            "uds_mode = 600",
            {},
            "expected uds_mode in octal digits, like '660', in quotes, got 600 (uds_mode is from pyproject.toml)",
        ),
        (
            "[tool.sketch.limits]\nhead = 0",
            {},
            "expected head as a whole number from 1 to 2147483647, got 0 (limit_head is from pyproject.toml)",
        ),
        (
            "",
            {"SKETCH_LIMIT_OVERLOAD": "queue"},
            "expected overload as 'refuse' or 'wait', got 'queue' (limit_overload is from SKETCH_LIMIT_OVERLOAD)",
        ),
        ("app = 5", {}, "expected app as text, in quotes, got 5 (app is from pyproject.toml)"),
        (
            "server = 'uvicorn'\nlimits = {head = 9}",
            {},
            "server 'uvicorn' cannot honour the option 'server_limits'; servers that can: native "  # noqa: ISC004
            "(limit_head is from pyproject.toml, server is from pyproject.toml)",
        ),
        (
            "max_requests = 9",
            {},
            "expected workers together with max_requests: without them no parent watches the process "  # noqa: ISC004
            "(max_requests is from pyproject.toml)",
        ),
        ("limits = 5", {}, "expected [tool.sketch.limits] in pyproject.toml to be a table, got 5"),
    ],
)
def test_a_wrong_value_names_its_source(toml: str, variables: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ServeError) as caught:
        read(tmp_path, f"[tool.sketch]\n{toml}", **variables).given()
    assert str(caught.value) == message


@pytest.mark.parametrize("toml", ["tool = {sketch = 5}", "tool = 5", "[tool]\nsketch = []"])
def test_what_is_no_table(toml: str, tmp_path: Path) -> None:
    with pytest.raises(ServeError, match=r"^expected \[tool(\.sketch)?\] in pyproject\.toml to be a table, got "):
        read(tmp_path, toml)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for content, reason in ((b"[tool", "Expected"), (b"\xff", "'utf-8' codec can't decode")):
        (tmp_path / "pyproject.toml").write_bytes(content)
        with pytest.raises(ServeError, match=rf"^cannot read .*pyproject\.toml: {reason}"):
            read(tmp_path)
    (tmp_path / "pyproject.toml").unlink()
    (tmp_path / "pyproject.toml").mkdir()
    with pytest.raises(ServeError, match=r"^cannot read .*pyproject\.toml: Is a directory$"):
        read(tmp_path)


def test_a_secret_is_taken_from_the_environment_and_not_from_the_file(tmp_path: Path) -> None:
    toml = "[tool.sketch]\nssl_certfile = 'c'"
    config = read(tmp_path, toml, SKETCH_SSL_KEYFILE_PASSWORD="hunter2")
    assert config.given()["ssl_keyfile_password"] == "hunter2"
    assert "hunter2" not in config.render()
    fault = "expected no secret in pyproject.toml, got ssl_keyfile_password: set SKETCH_SSL_KEYFILE_PASSWORD instead"
    with pytest.raises(OptionError, match=f"^{fault}$"):
        read(tmp_path, f"{toml}\nssl_keyfile_password = 'hunter2'")
    assert "ssl_keyfile_password" not in read(tmp_path, unset=["ssl_keyfile_password"]).given()


def test_unknown_names_are_warnings(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    toml = (
        "[tool.sketch]\nworker = 2\nlimit_head = 5\nheader_timeout = 5\nlog-level = 'info'\n"
        "[tool.sketch.limits]\nheads = 5\nlimit_head = 5\nport = 5\n[tool.other]\nport = 5"
    )
    config = read(tmp_path, toml, SKETCH_PROT="9", SKETCH_QQQQQ="secret", SKETCH_HEADER_TIMEOUT="9", OTHER_PORT="9")
    assert config.given() == {}
    serving, limits = "in [tool.sketch] of pyproject.toml", "in [tool.sketch.limits] of pyproject.toml"
    assert [message.removeprefix("ignored the unknown ") for message in caplog.messages] == [
        "environment variable SKETCH_PROT: did you mean SKETCH_PORT?",
        "environment variable SKETCH_QQQQQ: there is no such option",
        "environment variable SKETCH_HEADER_TIMEOUT: did you mean SKETCH_LIMIT_HEADER_TIMEOUT?",
        f"'worker' {serving}: did you mean workers?",
        f"'limit_head' {serving}: did you mean head in [tool.sketch.limits]?",
        f"'header_timeout' {serving}: did you mean header_timeout in [tool.sketch.limits]?",
        f"'log-level' {serving}: did you mean log_level?",
        f"'heads' {limits}: did you mean head?",
        f"'limit_head' {limits}: did you mean head?",
        f"'port' {limits}: did you mean port in [tool.sketch]?",
    ]


# -- taken back -------------------------------------------------------------------------------------------------------


def test_only_the_command_line_counts_for_what_is_unset(tmp_path: Path) -> None:
    toml = "[tool.sketch]\napp = 'a:b'\nport = 5\nbacklog = 5\nlimits = {head = 9}"
    unset = ["port", "--log-level", "limit-head"]
    config = read(tmp_path, toml, {"log_level": "debug"}, unset, SKETCH_LOG_LEVEL="error", SKETCH_LIMIT_TARGET="8")
    assert config.given() == {"backlog": 5, "log_level": "debug", "server_limits": ServerLimits(target=8)}
    assert read(tmp_path, unset=["limits", "app"], SKETCH_LIMIT_TARGET="8").given() == {"port": 5, "backlog": 5}
    assert read(tmp_path, unset=["app"]).app is None


def test_a_value_that_is_unset_may_be_wrong(tmp_path: Path) -> None:
    toml = "[tool.sketch]\nbacklog = []\nlimits = {head = 'a'}"
    unset = ["port", "backlog", "limits"]
    assert read(tmp_path, toml, unset=unset, SKETCH_PORT="http", SKETCH_LIMIT_TARGET="b").given() == {}


def test_the_port_of_a_platform_can_be_unset(tmp_path: Path) -> None:
    """And its host with it, as it stands for a port."""
    assert read(tmp_path, "[tool.sketch]\nport = 5", unset=["port"], PORT="9").given() == {}


@pytest.mark.parametrize(
    ("name", "advice"), [("prot", ": did you mean port?"), ("--limit-heads", ": did you mean limit_head?"), ("zzz", "")]
)
def test_what_is_unset_has_to_exist(name: str, advice: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError) as caught:
        read(tmp_path, unset=[name])
    assert str(caught.value) == f"expected the name of an option to unset, or limits, got {name!r}{advice}"
    assert caught.value.names == ("unset",)


@pytest.mark.parametrize(
    ("toml", "flags", "way_out"),
    [
        ("limits = {head = 9}", {"server": "uvicorn"}, "--unset limits takes all limits back"),
        ("ssl_keyfile = 'k'\nssl_certfile = 'c'", {"proxy_protocol": True}, "--unset ssl_certfile takes it back"),
        ("proxy_protocol = true", {"server": "uvicorn"}, "--unset proxy_protocol takes it back"),
        ("", {"server": "uvicorn", "proxy_protocol": True}, None),
    ],
)
def test_an_error_says_how_a_flag_gets_rid_of_a_weaker_value(
    toml: str, flags: dict[str, Any], way_out: str | None, tmp_path: Path
) -> None:
    config = read(tmp_path, f"[tool.sketch]\n{toml}", flags)
    with pytest.raises(OptionError) as caught:
        config.given()
    assert str(caught.value).endswith(f": {way_out}" if way_out else ")")


# -- shown ------------------------------------------------------------------------------------------------------------


def test_what_is_shown_is_the_same_configuration(tmp_path: Path) -> None:
    flags = {"bind": ["fd:3"], "limit_connections": None, "app": "a:b", "debug": False, "root_path": "/a%20"}
    config = read(tmp_path, flags=flags, SKETCH_UDS_MODE="600")
    again = read(tmp_path, config.render())
    assert (again.app, ServeOptions(**again.given())) == (config.app, ServeOptions(**config.given()))


def test_what_is_shown(tmp_path: Path) -> None:
    lines = read(tmp_path, flags={"debug": True}, PORT="9", SKETCH_LIMIT_HEAD="7").render().splitlines()
    assert lines[0] == "[tool.sketch]"
    assert "# app is not set                          # default" in lines
    assert "debug = true                              # the command line" in lines
    assert 'host = "0.0.0.0"                          # PORT' in lines
    assert "head = 7                                  # SKETCH_LIMIT_HEAD" in lines
    assert len([line for line in lines if line]) == 2 + len(options())
    tomllib.loads("\n".join(lines))
