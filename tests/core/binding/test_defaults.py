"""What a request gives that does not have an input."""

import pytest

from sketch.binding.defaults import MISSING, find_absent
from sketch.binding.faults import Fault


def test_what_is_required_is_a_fault() -> None:
    with pytest.raises(Fault, match=r"^is required$"):
        find_absent(MISSING)()


@pytest.mark.parametrize("default", [None, 5, "tea", (1, 2)])
def test_a_default_that_cannot_be_changed_is_given_itself(default: object) -> None:
    assert find_absent(default)() is default


def test_a_default_that_can_be_changed_is_copied_with_what_is_in_it() -> None:
    default: dict[str, list[int]] = {"numbers": []}
    absent = find_absent(default)
    absent()["numbers"].append(1)
    assert absent() == default == {"numbers": []}
