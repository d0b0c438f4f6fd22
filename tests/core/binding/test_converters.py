"""Converters: which text they take, and how they write it."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from sketch.exceptions import HTTPNotFound
from sketch.routing import CONVERTERS, Converter, Router
from tests.core.binding.support import bounded

CANONICAL = "0188f0c4-5b7a-7c3e-9d2f-5a6b7c8d9e0f"


async def handler(value: object) -> None: ...


def match(kind: str, text: str) -> object:
    router = Router()
    router.add_get(f"/{{value:{kind}}}", handler)
    return router.match("GET", f"/{text}")[1]["value"]


def test_a_converter_of_another_type_is_refused() -> None:
    router = Router()
    router.converters["hex"] = int  # type: ignore[assignment]
    with pytest.raises(
        ValueError, match=r"expected a Converter as converters\['hex'\], got <class 'int'>; in the route"
    ):
        router.add_get("/{value:hex}", handler)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "0", 0),
        ("int", "007", 7),
        ("int", "9" * 19, int("9" * 19)),
        ("float", "1", 1.0),
        ("float", "3.25", 3.25),
        ("uuid", CANONICAL, UUID(CANONICAL)),
        ("uuid", CANONICAL.upper(), UUID(CANONICAL)),
        ("str", "a.b", "a.b"),
        ("str", "%C3%A9", "é"),
        ("path", "", ""),
        ("path", "a//b/", "a//b/"),
    ],
)
def test_takes(kind: str, text: str, value: object) -> None:
    found = match(kind, text)
    assert found == value
    assert type(found) is type(value)


DIGITS_OF_OTHER_SCRIPTS = ["%D9%A3", "%C2%B2", "%E0%A5%A7", "%EF%BC%91"]  # Arabic, superscript, Devanagari, full width


@pytest.mark.parametrize(
    "text", ["", "9" * 20, "9" * 5000, "-1", "+1", "1_0", "%201", "1%0A", *DIGITS_OF_OTHER_SCRIPTS]
)
@pytest.mark.parametrize("kind", ["int", "float", "uuid"])
def test_hostile_numbers_are_not_found(kind: str, text: str) -> None:
    with pytest.raises(HTTPNotFound):
        match(kind, text)


@pytest.mark.parametrize("text", [".5", "5.", "1e5", "1e999", "nan", "inf", "1,5", "1.5.5", "1." + "0" * 5000])
def test_hostile_floats_are_not_found(text: str) -> None:
    with pytest.raises(HTTPNotFound):
        match("float", text)


@pytest.mark.parametrize(
    "text", [CANONICAL.replace("-", ""), f"{{{CANONICAL}}}", f"urn:uuid:{CANONICAL}", CANONICAL[:-1]]
)
def test_only_the_canonical_uuid(text: str) -> None:
    with pytest.raises(HTTPNotFound):
        match("uuid", text)


def test_int_agrees_with_its_pattern() -> None:
    """`int` is parsed without its regular expression, for speed."""
    for text in ["0", "9" * 19, "9" * 20, "٣", "²", "\uff11", "-1", "1\n", "", "a"]:
        fits = CONVERTERS["int"].regex.fullmatch(text) is not None
        router = Router()
        router.add_get("/{value:int}", handler)
        router.add_get("/{value:(?s:.*)}", handler)
        found = router.match("GET", "/" + "".join(f"%{byte:02X}" for byte in text.encode()))[1]["value"]
        assert isinstance(found, int) == fits, text


def test_custom_converter() -> None:
    router = Router()
    router.converters["hex"] = Converter("[0-9a-f]+", lambda text: int(text, 16), lambda value: f"{value:x}")
    route = router.add_get("/{value:hex}", handler)
    assert router.match("GET", "/ff")[1] == {"value": 255}
    assert route.url_path(value=255) == "/ff"
    with pytest.raises(HTTPNotFound):
        router.match("GET", "/xyz")


def test_converters_belong_to_their_router() -> None:
    Router().converters["hex"] = Converter("[0-9a-f]+")
    assert "hex" not in Router().converters
    assert "hex" not in CONVERTERS


@pytest.mark.parametrize("template", ["/{value:even}", "/n-{value:even}"])
def test_value_error_means_no_match(template: str) -> None:
    def even(text: str) -> int:
        if int(text) % 2:
            raise ValueError(text)
        return int(text)

    router = Router()
    router.converters["even"] = Converter("[0-9]{1,9}", even)
    router.add_get(template, handler)
    prefix = template[: template.index("{")]
    assert router.match("GET", prefix + "4")[1] == {"value": 4}
    with pytest.raises(HTTPNotFound):
        router.match("GET", prefix + "5")


def test_conversion_happens_once() -> None:
    calls: list[str] = []
    router = Router()
    router.converters["seen"] = Converter("[a-z]+", lambda text: calls.append(text) or text)  # type: ignore[func-returns-value]
    for method in ("GET", "POST", "PUT"):
        router.add_route(method, "/{value:seen}/end", handler)
    router.match("PUT", "/abc/end")
    assert calls == ["abc"]


def test_malformed_pattern() -> None:
    with pytest.raises(ValueError, match="expected a regular expression, got '\\['"):
        Converter("[")


@pytest.mark.parametrize(
    ("kind", "value"),
    [("int", -1), ("int", 10**19), ("int", "x"), ("float", float("nan")), ("float", -0.5), ("uuid", "x"), ("str", "")],
)
def test_refuses_to_write(kind: str, value: object) -> None:
    with pytest.raises(ValueError, match="expected text that matches"):
        CONVERTERS[kind].text(value)


@bounded(30)
@given(st.floats(min_value=1e-12, max_value=1e18))
def test_floats_are_written_exactly(value: float) -> None:
    assert float(CONVERTERS["float"].text(value)) == value
    assert match("float", CONVERTERS["float"].text(value)) == value


@bounded(30)
@given(st.uuids())
def test_uuids_are_written_canonically(value: UUID) -> None:
    assert match("uuid", CONVERTERS["uuid"].text(value)) == value
