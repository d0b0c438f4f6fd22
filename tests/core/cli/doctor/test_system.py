"""What the machine gives to a process."""

from __future__ import annotations

from pathlib import Path

import pytest

from sketch.cli.doctor.system import find_platform, read_system


def test_a_machine_is_read(tmp_path: Path) -> None:
    (tmp_path / "proc/sys/fs").mkdir(parents=True)
    (tmp_path / "proc/sys/fs/file-max").write_text("9000\n")
    system = read_system({"PYTHONASYNCIODEBUG": "1"}, tmp_path)
    assert (system.all_files, system.backlog, system.platform) == (9000, None, None)
    assert system.development_mode
    assert system.cpus >= 1
    assert system.soft_files is None or system.soft_files > 2


@pytest.mark.parametrize(
    ("variables", "name", "patience"),
    [
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "Kubernetes", 30),
        ({"DYNO": "web.1"}, "Heroku", 30),
        ({}, "a container", 10),
    ],
)
def test_the_environment_shows_a_platform(
    variables: dict[str, str], name: str, patience: float, tmp_path: Path
) -> None:
    (tmp_path / ".dockerenv").touch()
    found = find_platform(variables, tmp_path)
    assert found is not None
    assert (found.name, found.patience) == (name, patience)


def test_a_machine_of_ones_own_is_no_platform(tmp_path: Path) -> None:
    assert find_platform({"DYNO": ""}, tmp_path) is None
