"""An option: its names, and how it is read and shown."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any

import pytest

from sketch.serving.option import Option, option, options_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    text: str = option("a", "what it is", more="For readers.", group="things", metavar="TEXT")
    path: str | None = option(None, "")
    count: int = option(5, "")
    bound: int | None = option(None, "")
    seconds: float = option(1.5, "")
    switch: bool = option(False, "")
    maybe: bool | None = option(None, "")
    several: tuple[str, ...] = option((), "")
    mode: int = option(0o666, "", octal=True)
    password: str | None = option(None, "", secret=True)
    thing: object | None = option(None, "")


OPTIONS = {each.key: each for each in options_of(Sample, prefix="sample_", group="others")}


def test_the_dataclass_has_its_defaults() -> None:
    assert (Sample().text, Sample().several, Sample(count=6).count) == ("a", (), 6)


def test_names() -> None:
    each = OPTIONS["text"]
    assert (each.name, each.flag, each.variable) == ("sample_text", "--sample-text", "SKETCH_SAMPLE_TEXT")
    assert (each.about.text, each.about.more, each.about.group) == ("what it is", "For readers.", "things")
    assert OPTIONS["path"].about.group == "others"


def test_what_only_python_can_give_is_no_option() -> None:
    assert "thing" not in OPTIONS
    assert len(OPTIONS) == 10


READ = [
    ("text", "x, y", "x, y"),
    ("path", "none", "none"),
    ("count", "-7", -7),
    ("bound", "7", 7),
    ("bound", "None", None),
    ("seconds", "2", 2.0),
    ("switch", "yes", True),
    ("switch", "OFF", False),
    ("maybe", "1", True),
    ("several", "a, b,", ("a", "b")),
    ("mode", "640", 0o640),
    ("mode", "0o640", 0o640),
]


@pytest.mark.parametrize(("key", "text", "value"), READ)
def test_text_is_read_as_the_declared_type(key: str, text: str, value: Any) -> None:
    found = OPTIONS[key].read(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("count", "1.5", "sample_count as a whole number, got '1.5'"),
        ("count", "none", "sample_count as a whole number, got 'none'"),
        ("bound", "x", "sample_bound as a whole number, or none, got 'x'"),
        ("seconds", "1s", "sample_seconds as a number, got '1s'"),
        ("switch", "2", "sample_switch as true or false, got '2'"),
        ("mode", "0668", "sample_mode in octal digits, like '660', got '0668'"),
    ],
)
def test_text_of_another_type_is_refused(key: str, text: str, expected: str) -> None:
    with pytest.raises(ValueError) as caught:
        OPTIONS[key].read(text)
    assert str(caught.value) == f"expected {expected}"


def test_values_of_toml_are_taken_as_they_are() -> None:
    """Their types are checked by the dataclass: text is not read a second time."""
    assert OPTIONS["count"].read_toml("5") == "5"
    assert OPTIONS["switch"].read_toml("yes") == "yes"
    assert OPTIONS["several"].read_toml(["a"]) == ["a"]
    assert OPTIONS["bound"].read_toml("none") is None


@pytest.mark.parametrize(("key", "shown"), [("text", "5"), ("path", "5"), ("password", r"\*\*\*\*")])
def test_text_is_in_quotes_in_toml(key: str, shown: str) -> None:
    with pytest.raises(ValueError, match=f"^expected sample_{key} as text, in quotes, got {shown}$"):
        OPTIONS[key].read_toml(5)


def test_an_octal_number_is_text_in_toml() -> None:
    assert OPTIONS["mode"].read_toml("400") == 0o400
    with pytest.raises(ValueError, match="expected sample_mode in octal digits, like '660', in quotes, got 400"):
        OPTIONS["mode"].read_toml(400)


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, _, value in READ] + [("seconds", float("inf"))])
def test_what_is_shown_is_toml_that_is_read_as_the_same_value(key: str, value: Any) -> None:
    shown = OPTIONS[key].show(value)
    found = OPTIONS[key].read_toml(tomllib.loads(f"value = {shown}")["value"])
    assert (tuple(found) if OPTIONS[key].is_list else found) == value


def test_what_is_not_set_is_not_shown() -> None:
    assert OPTIONS["path"].show(None) is None
    assert OPTIONS["maybe"].show(None) is None


def test_a_secret_is_not_shown() -> None:
    secret: Option = OPTIONS["password"]
    assert secret.show("hunter2") == '"****"'
    assert secret.show(None) is None
    number = secret._replace(kind="int")
    with pytest.raises(ValueError, match=r"got \*\*\*\*$"):
        number.read("hunter2")
    assert secret.about.secret
