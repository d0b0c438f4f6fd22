"""Inputs as they were declared beside those that came, masked and bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sketch.errors.debug.facts import Fact
from sketch.errors.debug.masking import Masker
from sketch.exceptions import Explanation

INPUTS, VALUES = 50, 5
"""The most inputs that are shown, and the most values and faults of each."""


def input_facts(inputs: Iterable[Explanation], masker: Masker) -> list[tuple[str, list[Fact]]]:
    """What was declared, what has come and what is wrong with it, under the name of each input."""
    shown = list(inputs)[:INPUTS]
    for each in shown:
        masker.learn(each.name, each.sent)
    return [(masker.text(each.name), list(_rows(each, masker))) for each in shown]


def _rows(each: Explanation, masker: Masker) -> Iterator[Fact]:
    if each.declared:
        yield "declared", masker.text(each.declared)
    yield "sent", "\n".join(masker.show(each.name, value) for value in each.sent[:VALUES]) or "nothing"
    if each.faults:
        yield "fault", "\n".join(map(masker.text, each.faults[:VALUES]))


def render_inputs(facts: Iterable[tuple[str, list[Fact]]]) -> str:
    """Render the same as text."""
    return "\n".join(_text(name, rows) for name, rows in facts)


def _text(name: str, rows: Iterable[Fact]) -> str:
    lines = [f"  {label:<9}{line}" for label, text in rows for line in text.splitlines()]
    return "\n".join([f"{name}:", *lines])
