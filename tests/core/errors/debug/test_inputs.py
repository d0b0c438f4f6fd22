"""Inputs as they were declared beside those that came."""

from __future__ import annotations

from sketch.errors.debug.inputs import INPUTS, VALUES, input_facts, render_inputs
from sketch.errors.debug.masking import Masker
from sketch.exceptions import Explanation


def test_what_is_shown() -> None:
    inputs = [
        Explanation("query page", "int, required", ("x", "y"), ("expected an integer",)),
        Explanation("cookie theme", "", (), ()),
    ]
    facts = input_facts(inputs, Masker())
    assert facts == [
        ("query page", [("declared", "int, required"), ("sent", "'x'\n'y'"), ("fault", "expected an integer")]),
        ("cookie theme", [("sent", "nothing")]),
    ]
    assert render_inputs(facts).splitlines() == [
        "query page:", "  declared int, required", "  sent     'x'", "  sent     'y'", "  fault    expected an integer",
        "cookie theme:", "  sent     nothing",
    ]  # fmt: skip


def test_secrets_are_masked() -> None:
    inputs = [
        Explanation("header x-token", "str", ("abcdef-123",), ()),
        Explanation("body", "dict", ({"password": "hunter2", "note": "abcdef-123"},), ()),
    ]
    shown = render_inputs(input_facts(inputs, Masker()))
    assert "abcdef" not in shown
    assert "hunter2" not in shown


def test_it_is_bounded() -> None:
    inputs = [Explanation(f"query q{number}", "int", ("x" * 20,) * 1000, ("y",) * 1000) for number in range(1000)]
    facts = input_facts(inputs, Masker())
    assert len(facts) == INPUTS
    _, (_, sent), (_, faults) = facts[0][1]
    assert sent.splitlines() == [repr("x" * 20)] * VALUES
    assert faults.count("y") == VALUES
