"""Reason phrases by status."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from sketch.http.status import PHRASES


def test_every_status_of_the_standard_library_has_a_phrase() -> None:
    assert set(PHRASES) == {int(status) for status in HTTPStatus}
    assert all(PHRASES.values())


@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        (200, "OK"),
        (413, "Content Too Large"),
        (414, "URI Too Long"),
        (416, "Range Not Satisfiable"),
        (422, "Unprocessable Content"),
    ],
)
def test_phrases_are_those_of_rfc_9110(status: int, phrase: str) -> None:
    assert PHRASES[status] == phrase
