"""An option: its names, and how it is read and shown."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any

import pytest

from sketch.serving.option import LARGEST, LONGEST, Option, option, options_of, wrong_numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    text: str = option("a", "what it is", more="For readers.", group="things", metavar="TEXT")
    path: str | None = option(None, "")
    count: int = option(5, "", most=9)
    bound: int | None = option(None, "", least=1)
    seconds: float = option(1.5, "", least=0.5)
    switch: bool = option(False, "")
    maybe: bool | None = option(None, "")
    several: tuple[str, ...] = option((), "")
    mode: int = option(0o666, "", octal=True, most=0o777)
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
        ("count", "1.5", "sample_count as a whole number from 0 to 9, got '1.5'"),
        ("count", "none", "sample_count as a whole number from 0 to 9, got 'none'"),
        ("bound", "x", "sample_bound as a whole number from 1 to 2147483647, or none, got 'x'"),
        ("seconds", "1s", "sample_seconds as a number of seconds from 0.5 to 31536000, got '1s'"),
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


# -- numbers ----------------------------------------------------------------------------------------------------------

NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("name", "right", "wrong", "expected"),
    [
        ("count", [0, 9], [-1, 10, 10**400], "a whole number from 0 to 9"),
        ("bound", [None, 1, LARGEST], [0, LARGEST + 1], f"a whole number from 1 to {LARGEST}, or None"),
        (
            "seconds",
            [0.5, 1, LONGEST],
            [0, -1.5, NAN, INFINITE, -INFINITE, LONGEST + 1],
            "a number of seconds from 0.5",
        ),
        ("mode", [0, 0o777], [-1, 0o1000], "a whole number from 0 to 0o777"),
    ],
)
def test_a_number_has_bounds(name: str, right: list[Any], wrong: list[Any], expected: str) -> None:
    for value in right:
        assert list(wrong_numbers(Sample(**{name: value}))) == []
    for value in wrong:
        ((found, error),) = wrong_numbers(Sample(**{name: value}))
        assert (found, type(error)) == (name, ValueError)
        assert str(error).startswith(f"expected {name} as {expected}")
        assert str(error).endswith(f", got {value!r:.200}")


@pytest.mark.parametrize("name", ["count", "bound", "seconds", "mode"])
@pytest.mark.parametrize("value", ["5", True, 1.5j, ()])
def test_what_is_no_number(name: str, value: Any) -> None:
    ((found, error),) = wrong_numbers(Sample(**{name: value}))
    assert (found, type(error)) == (name, TypeError)


def test_only_what_may_be_unbounded_can_be_none() -> None:
    found = dict(wrong_numbers(Sample(count=None, bound=None, seconds=None)))  # type: ignore[arg-type]
    assert sorted(found) == ["count", "seconds"]
    assert isinstance(dict(wrong_numbers(Sample(count=1.5)))["count"], TypeError)  # type: ignore[arg-type]
