"""The error for JSON that is not of a type."""

from __future__ import annotations

import pickle

from sketch.jsoncodec.errors import ValidationError, either


def test_it_is_a_value_error() -> None:
    assert issubclass(ValidationError, ValueError)


def test_the_message_says_where() -> None:
    assert str(ValidationError([("is required", ("items", 0, "price"))])) == "is required - at `$.items[0].price`"
    assert str(ValidationError([("expected an object", ()), ("is required", ("a",))])) == (
        "expected an object; is required - at `$.a`"
    )
    assert len(str(ValidationError([("is required", ("k" * 1000,) * 100)]))) < 300


def test_few_faults_are_named() -> None:
    faults = [("is required", (index,)) for index in range(15)]
    assert str(ValidationError(faults, 5)).endswith("is required - at `$[9]`; and 10 more faults")
    assert str(ValidationError((), 5)) == "5 faults"


def test_it_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(ValidationError([("is required", ("a",))], 5)))
    assert (error.faults, error.more) == ((("is required", ("a",)),), 5)


def test_one_message_of_several() -> None:
    assert either(["expected an integer"]) == "expected an integer"
    assert either(["expected a URL", "expected a date", "expected a URL"]) == "expected a URL or a date"
