"""The servers, and what each does with an option."""

from __future__ import annotations

import pytest

from sketch.cli.doctor import servers
from sketch.cli.doctor.servers import OptionRow, list_options, list_servers, takes_one_address
from sketch.serving.config import Config, options


def test_every_server_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"httptools": "0.9.0", "uvicorn": "0.54.0"}
    monkeypatch.setattr(servers, "installed_version", known.get)
    monkeypatch.setattr(servers, "server_names", lambda: {"mine": "a:B"})
    rows = list_servers("uvicorn")
    assert [each.name for each in rows] == ["native", "uvicorn", "hypercorn", "granian", "mine"]
    assert [each.name for each in rows if each.is_installed] == ["native", "uvicorn", "mine"]
    assert [each.name for each in rows if each.is_chosen] == ["uvicorn"]


def test_an_option_is_shown_with_its_source_and_the_servers_that_honour_it() -> None:
    config = Config()
    config.add({"app": "a:b", "uds_mode": 0o660, "proxy_protocol": True}, "pyproject.toml")
    config.add({"limit_head": 9, "workers": 2})
    rows = {each.name: each for each in list_options(config, every=False)}
    every = dict.fromkeys(("native", "uvicorn", "hypercorn", "granian"), True)
    native = {name: name == "native" for name in every}
    assert rows["uds_mode"] == OptionRow("uds_mode", '"660"', "pyproject.toml", every)
    assert rows["proxy_protocol"].servers == native
    assert rows["limit_head"] == OptionRow("limit_head", "9", "SKETCH_LIMIT_HEAD", native)
    assert rows["workers"].servers == every
    assert len(rows) == 4


def test_all_options_are_listed_on_request() -> None:
    rows = {each.name: each for each in list_options(Config(), every=True)}
    assert rows.keys() == options().keys() - {"app"}
    assert (rows["backlog"].value, rows["backlog"].source) == ("2048", "default")


def test_one_server_takes_one_address() -> None:
    assert [name for name in ("native", "uvicorn", "hypercorn", "granian") if takes_one_address(name)] == ["granian"]


def test_passwords_are_not_shown() -> None:
    config = Config()
    config.add({"bind": ("redis://:word@host",)}, "pyproject.toml")
    (row,) = list_options(config, every=False)
    assert row.value == '["redis://:****@host"]'
