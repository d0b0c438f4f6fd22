"""What pydantic says of its faults, in words of ours, with the places and without the values."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest

from sketch.jsoncodec import STDLIB, ValidationError
from sketch.jsoncodec.by_pydantic import pydantic_reader

pydantic = pytest.importorskip("pydantic")
pydantic_core = pytest.importorskip("pydantic_core")


class Colour(Enum):
    RED = "red"


class Item(pydantic.BaseModel):
    name: str
    prices: list[int] = pydantic.Field(default_factory=list)


class Tea(pydantic.BaseModel):
    kind: Literal["tea"]
    cups: int


class Salt(pydantic.BaseModel):
    kind: Literal["salt"]


Ware = Annotated[Tea | Salt, pydantic.Field(discriminator="kind")]


def faults(kind: Any, text: bytes, *, strict: bool = False) -> Any:
    with pytest.raises(ValidationError) as caught:
        pydantic_reader(kind, STDLIB.loads, strict=strict)(text)
    return caught.value.faults


def test_all_faults_are_told() -> None:
    assert faults(list[Item], b'[{"prices": [1, "x"]}, 5]') == (
        ("is required", (0, "name")),
        ("expected an integer", (0, "prices", 1)),
        ("expected an object", (1,)),
    )


def test_members_of_unions_are_no_places() -> None:
    assert faults(list[Ware], b'[{"kind": "tea", "cups": "x"}]') == (("expected an integer", (0, "cups")),)
    assert faults(dict[str, int | Item], b'{"tea": {"name": 1}}') == (("expected text", ("tea", "name")),)


def test_a_discriminator() -> None:
    assert faults(Ware, b"{}") == (("is required", ("kind",)),)
    assert faults(Ware, b'{"kind": "7331"}') == (("expected one of 'tea', 'salt'", ("kind",)),)


def test_strictness() -> None:
    assert pydantic_reader(int, STDLIB.loads, strict=False)(b'"1"') == 1
    assert faults(int, b'"1"', strict=True) == (("expected an integer", ()),)
    assert pydantic_reader(UUID, STDLIB.loads, strict=True)(b'"%b"' % str(UUID(int=1)).encode()) == UUID(int=1)


def test_every_kind_has_words() -> None:
    kinds = [
        int, float, str, bool, bytes, date, time, datetime, timedelta, UUID, Decimal, list[int], set[int], tuple[int],
        dict[str, int], frozenset[int], None, Colour, Literal[1], Item, pydantic.AnyUrl, pydantic.HttpUrl,
        pydantic.PastDate, pydantic.FutureDate, pydantic.AwareDatetime, pydantic.NaiveDatetime, pydantic.UUID4,
        pydantic.condecimal(max_digits=3, decimal_places=1), pydantic.conlist(int, min_length=9, max_length=9),
        pydantic.conlist(int, max_length=0), pydantic.constr(min_length=9), pydantic.constr(max_length=1),
        pydantic.constr(pattern="a"), pydantic.conint(multiple_of=7), pydantic.conint(gt=9999), pydantic.confloat(lt=1),
    ]  # fmt: skip
    texts = [b'"7331"', b"7331", b"[7331]", b'{"7331": 7331}', b"7331.7331", b"true", b"null", b'"ftp://7331/"']
    said = []
    for kind in kinds:
        for strict in (False, True):
            read = pydantic_reader(kind, STDLIB.loads, strict=strict)
            for text in texts:
                try:
                    read(text)
                except ValidationError as exc:
                    said += [message for message, _ in exc.faults]
    assert len(said) > 300
    for message in said:
        assert message.startswith(("expected ", "is required"))
        assert "7331" not in message
        assert "..." not in message
        assert "valid value" not in message


def test_what_the_authors_own_code_raises() -> None:
    """Its text may quote the value, its type may not."""

    def refuse(value: int) -> int:
        if value == 1:
            raise ValueError(f"7331 {value}")
        if value == 2:
            assert value == 3, f"7331 {value}"
        if value == 4:
            raise pydantic_core.PydanticCustomError("not_odd", f"{value} is not odd")
        if value == 5:
            raise pydantic_core.PydanticCustomError("not_odd", "not {value}", {"value": value})
        raise pydantic_core.PydanticCustomError(f"not_{value}", "no")

    kind = Annotated[int, pydantic.AfterValidator(refuse)]
    for text in (b"1", b"2", b"7331"):
        assert faults(kind, text) == (("expected a valid value", ()),)
    for text in (b"4", b"5"):
        assert faults(kind, text) == (("expected a valid value (not_odd)", ()),)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "1E+999", "9" * 400 + ".0"])
def test_a_number_that_no_response_could_hold(text: str) -> None:
    for kind in (list[Any], list[float]):
        with pytest.raises(ValueError) as caught:
            pydantic_reader(kind, STDLIB.loads, strict=False)(f"[{text}]".encode())
        assert not isinstance(caught.value, ValidationError)


def test_text_that_looks_like_such_a_number() -> None:
    text = b'["NaN", "1e999", 1e-999, 0.5e2, "Infinity"]'
    assert pydantic_reader(list[Any], STDLIB.loads, strict=False)(text) == ["NaN", "1e999", 0.0, 50.0, "Infinity"]


def test_many_faults() -> None:
    with pytest.raises(ValidationError) as caught:
        pydantic_reader(list[int], STDLIB.loads, strict=False)(b"[" + b'"x",' * 500 + b"1]")
    assert (len(caught.value.faults), caught.value.more) == (100, 400)
    with pytest.raises(ValidationError) as caught:
        pydantic_reader(list[int], STDLIB.loads, strict=False)(b"[" + b'"x",' * 1001 + b"1]")
    assert (caught.value.faults, caught.value.more) == ((), 1001)
