"""How many CPUs this process may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from sketch.serving.processes import cpus
from sketch.serving.processes.cpus import usable_cpus


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of eight CPUs, and its cgroups."""
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(cpus, "CGROUPS", tmp_path)
    monkeypatch.setattr(cpus, "MEMBERSHIP", tmp_path / "membership")
    return tmp_path


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_this_machine_has_some() -> None:
    assert usable_cpus() >= 1


def test_without_cgroups_the_affinity_decides(root: Path) -> None:
    assert usable_cpus() == 8


@pytest.mark.parametrize(
    ("quota", "count"), [("max 100000", 8), ("250000 100000", 3), ("20000 100000", 1), ("9900000 100000", 8), ("?", 8)]
)
def test_the_quota_of_a_container(quota: str, count: int, root: Path) -> None:
    (root / "membership").write_text("0::/\n")
    write(root, cpu__max=quota)
    assert usable_cpus() == count


def test_the_smallest_quota_on_the_way_up(root: Path) -> None:
    (root / "membership").write_text("0::/system.slice/app.service\n")
    write(root / "system.slice" / "app.service", cpu__max="max 100000")
    write(root / "system.slice", cpu__max="400000 100000")
    assert usable_cpus() == 4


def test_the_quota_of_the_older_cgroups(root: Path) -> None:
    (root / "membership").write_text("5:cpuset:/\n4:cpu,cpuacct:/docker/abc\n")
    write(root / "cpu", cpu__cfs_quota_us="150000", cpu__cfs_period_us="100000")
    assert usable_cpus() == 2
    write(root / "cpu", cpu__cfs_quota_us="-1")
    assert usable_cpus() == 8
