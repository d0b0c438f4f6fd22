"""Whole models out of the fields of a query, a form, the cookies or the headers."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar

import pytest
from hypothesis import given, strategies as st

from sketch.binding.faults import Faults
from sketch.binding.fields import FieldSpec, find_fields_reader, is_upload
from sketch.binding.models import FACTORY, MISSING
from sketch.request.forms.uploads import UploadedFile
from tests.core.binding.support import bounded

at = pytest.importorskip("annotated_types")
msgspec = pytest.importorskip("msgspec")
pydantic = pytest.importorskip("pydantic")
pydantic_dataclass = pytest.importorskip("pydantic.dataclasses").dataclass
to_camel = pytest.importorskip("pydantic.alias_generators").to_camel

T = TypeVar("T")
Small = Annotated[int, at.Le(99)]


class Struct(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    user_id: Small
    tags: list[int] = []  # noqa: RUF012
    since: date | msgspec.UnsetType = msgspec.UNSET


@dataclass
class Data:
    user_id: Small
    tags: list[int] = field(default_factory=list)
    since: date | None = None


class Dict(TypedDict):
    user_id: Small
    tags: NotRequired[list[int]]
    since: NotRequired[date]


class Tuple(NamedTuple):
    user_id: Small
    tags: list[int] = []  # noqa: RUF012
    since: date | None = None


class Model(pydantic.BaseModel):
    user_id: Small
    tags: list[int] = []  # noqa: RUF012
    since: date | None = None


class Wide(pydantic.BaseModel, extra="allow"):
    """What only pydantic does."""

    name: Annotated[str, pydantic.StringConstraints(strip_whitespace=True, min_length=2)] = "xx"
    flag: Annotated[bool, pydantic.Strict()] = False
    numbers: list[Annotated[int, pydantic.AfterValidator(lambda value: value + 1)]] = []  # noqa: RUF012
    site: pydantic.AnyHttpUrl | None = None
    words: list[str] = []  # noqa: RUF012
    limit: int = pydantic.Field(default=5, gt=1, validation_alias=pydantic.AliasChoices("limit", "max"))

    @pydantic.field_validator("words", mode="before")
    @classmethod
    def split(cls, texts: list[str]) -> list[str]:
        return [word for text in texts for word in text.split(",")]

    @pydantic.model_validator(mode="after")
    def check(self) -> Wide:
        if self.name == "bad":
            raise ValueError("s3cret")
        return self


class Closed(pydantic.BaseModel, extra="forbid"):
    a: int = 1


class ClosedInAll(Closed):
    """pydantic itself refuses what is left, as the validator gets everything."""

    @pydantic.model_validator(mode="before")
    @classmethod
    def check(cls, sent: Any) -> Any:
        return sent


class Page(msgspec.Struct, Generic[T]):
    items: list[T]


def read(kind: Any, sent: dict[str, list[Any]], place: Any = "query") -> Any:
    reader = find_fields_reader(kind, place)
    assert reader is not None
    return reader.read(sent)


def faults_of(kind: Any, sent: dict[str, list[Any]], place: Any = "query") -> list[tuple[str, str]]:
    with pytest.raises(Faults) as caught:
        read(kind, sent, place)
    return [(fault.pointer, fault.message) for fault in caught.value.faults]


KINDS = [Data, Dict, Tuple, Model]


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_any_library(kind: Any) -> None:
    sent = {"user_id": ["5"], "tags": ["1", "2"], "since": ["2024-05-31"], "other": ["x"]}
    assert read(kind, sent) == kind(user_id=5, tags=[1, 2], since=date(2024, 5, 31))
    assert read(kind, {"user_id": ["5"]}) == kind(user_id=5)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_is_wrong_is_told(kind: Any) -> None:
    assert faults_of(kind, {"user_id": ["100"], "tags": ["1", "x"], "since": ["today", "now"]}) == Unordered(
        [
            ("/user_id", "expected at most 99"),
            ("/tags/1", "expected an integer"),
            ("/since", "expected one value"),
        ]
    )
    assert faults_of(kind, {}) == [("/user_id", "is required")]


class Unordered(list[Any]):
    """A list that is equal to one in another order."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list) and sorted(self) == sorted(other)

    __hash__ = None  # type: ignore[assignment]


def test_names_and_unknown_names() -> None:
    assert read(Struct, {"userId": ["5"]}) == Struct(5)
    assert faults_of(Struct, {"user_id": ["5"], "a/b": ["x"]}) == [
        ("/userId", "is required"),
        ("/user_id", "expected no such field"),
        ("/a~1b", "expected no such field"),
    ]
    assert faults_of(Closed, {"b": ["5"]}) == [("/b", "expected no such field")]
    assert len(faults_of(Closed, {str(number): ["5"] for number in range(1000)})) == 10


@pytest.mark.parametrize("kind", [Struct, Closed, ClosedInAll])
def test_a_model_of_headers_forbids_no_others(kind: Any) -> None:
    """Every request would be refused, as it has a Host. What cookies there are, applications may know."""
    with pytest.raises(
        TypeError, match=r"ignores others, got (Struct|Closed\w*), which forbids them: every request has"
    ):
        find_fields_reader(kind, "header")
    for place in ("query", "cookie", "form"):
        with pytest.raises(Faults):
            read(kind, {"other": ["x"]}, place)


def test_generic_models() -> None:
    assert read(Page[int], {"items": ["1", "2"]}) == Page([1, 2])
    assert faults_of(Page[int], {"items": ["1", "x"]}) == [("/items/1", "expected an integer")]


def test_what_only_pydantic_does() -> None:
    sent = {
        "name": [" ab "],
        "flag": ["on"],
        "numbers": ["1"],
        "site": [""],
        "words": ["a,b", "c"],
        "max": ["9"],
        "one": ["1"],
        "two": ["1", "2"],
    }
    made = read(Wide, sent)
    assert made.model_dump() == {
        "name": "ab",
        "flag": True,
        "numbers": [2],
        "site": None,
        "words": ["a", "b", "c"],
        "limit": 9,
        "one": "1",
        "two": ["1", "2"],
    }
    assert faults_of(Wide, {"name": [" a "], "numbers": ["1_0"], "site": ["x"], "max": ["1"]}) == Unordered(
        [
            ("/name", "expected text of at least 2 characters"),
            ("/numbers/0", "expected an integer"),
            ("/site", "expected a URL"),
            ("/limit", "expected more than 1"),
        ]
    )
    assert faults_of(Wide, {"name": ["bad"]}) == [("", "expected a valid value")]
    # What a model finds may follow from a field that it was not given.
    assert faults_of(Wide, {"name": ["bad"], "max": ["x"]}) == [("/max", "expected an integer")]


class Later(pydantic.BaseModel, alias_generator=to_camel):
    user_id: Small
    kind: LaterKind


@pydantic_dataclass
class LaterData:
    kind: LaterKind


LaterKind = Literal["a", "b"]


class Renamed(pydantic.BaseModel, extra="forbid"):
    """A model whose validator reads what was sent, and makes a required field of it."""

    name: str
    size: int

    @pydantic.model_validator(mode="before")
    @classmethod
    def rename(cls, sent: dict[str, Any]) -> dict[str, Any]:
        return {"name" if name == "title" else name: value for name, value in sent.items()}


def test_a_validator_of_the_model_reads_all_that_was_sent() -> None:
    assert read(Renamed, {"title": ["x"], "size": ["1"]}) == Renamed(name="x", size=1)
    assert faults_of(Renamed, {"size": ["x"], "other": ["1"]}) == [
        ("/size", "expected an integer"),
        ("/name", "is required"),
        ("/other", "expected no such field"),
    ]


def test_a_model_that_was_not_complete_when_it_was_made() -> None:
    assert read(Later, {"userId": ["1"], "kind": ["a"]}).kind == "a"
    assert read(LaterData, {"kind": ["a"]}).kind == "a"
    assert faults_of(Later, {"kind": ["c"]}) == Unordered(
        [("/userId", "is required"), ("/kind", "expected one of 'a', 'b'")]
    )


def test_a_header_field_that_is_not_the_models_is_not_taken_for_it() -> None:
    class Open(pydantic.BaseModel, extra="allow"):
        user_id: int = 0

    assert read(Open, {"user-id": ["1"], "user_id": ["2"], "x": ["y"]}, "header").model_dump() == {
        "user_id": 1,
        "x": "y",
    }
    assert read(Open, {"user_id": ["2"]}, "header").user_id == 0


@pytest.mark.parametrize("kind", [Data, Tuple, Model])
def test_header_names(kind: Any) -> None:
    reader = find_fields_reader(kind, "header")
    assert reader is not None
    assert [spec.wire for spec in reader.fields] == ["user-id", "tags", "since"]
    assert (
        read(kind, {"user-id": ["5"], "tags": ["1", "2"], "accept": ["*/*"]}, "header") == kind(5, [1, 2])
        if (kind is not Model)
        else kind(user_id=5, tags=[1, 2])
    )
    assert faults_of(kind, {"user-id": ["x"]}, "header") == [("/user-id", "expected an integer")]


def test_header_aliases_and_repeated_lines() -> None:
    class Fields(pydantic.BaseModel):
        token: str = pydantic.Field(alias="X_Token")

    assert read(Fields, {"x_token": ["a", "b"]}, "header").token == "a, b"
    assert faults_of(Fields, {}, "header") == [("/x_token", "is required")]


def test_how_clients_see_the_fields() -> None:
    reader = find_fields_reader(Data, "header")
    assert reader is not None
    assert reader.fields == (
        FieldSpec("user_id", "user-id", Small, repeated=False, required=True, default=MISSING),
        FieldSpec("tags", "tags", list[int], repeated=True, required=False, default=FACTORY),
        FieldSpec("since", "since", date | None, repeated=False, required=False, default=None),
    )


# -- files -------------------------------------------------------------------------------------------------------------


@dataclass
class Upload:
    picture: UploadedFile
    title: str
    thumbnail: UploadedFile | None
    others: list[UploadedFile] = field(default_factory=list)
    cover: UploadedFile | None = None


class File(UploadedFile):
    """A file of a form, chosen by the user or not."""

    def __init__(self, filename: str) -> None:
        self.filename = filename

    def __bool__(self) -> bool:
        return bool(self.filename)


A, B, NONE = File("a"), File("b"), File("")


def test_files() -> None:
    sent = {"picture": [A], "title": ["x"], "thumbnail": [NONE], "others": [A, NONE, B]}
    assert read(Upload, sent, "form") == Upload(A, "x", None, [A, B])


def test_faults_of_files() -> None:
    assert faults_of(Upload, {"picture": [NONE], "title": [A], "thumbnail": ["x"], "cover": [A, B]}, "form") == [
        ("/picture", "is required"),
        ("/title", "expected text, not a file"),
        ("/thumbnail", "expected a file"),
        ("/cover", "expected one file"),
    ]


def test_which_types_are_files() -> None:
    for kind in (UploadedFile, UploadedFile | None, list[UploadedFile], list[UploadedFile] | None):
        assert is_upload(kind)
    for kind in (str, list[str], list, UploadedFile | str, None):
        assert not is_upload(kind)


# -- registration ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [int, list[int], Data | None, pydantic.RootModel[int], dict[str, int], None])
def test_what_is_no_model(kind: Any) -> None:
    assert find_fields_reader(kind, "query") is None


@dataclass
class Nested:
    inner: Data


class PydanticNested(pydantic.BaseModel):
    inner: Model


class Misfit(pydantic.BaseModel):
    names: Annotated[str, at.Ge(1)]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            Nested,
            "expected a model with fields of plain values, got Nested: expected a type that text can become, got Data",
        ),
        (PydanticNested, "expected a model with fields of plain values, got PydanticNested: .*, got Model: "),
        (
            Misfit,
            "expected a model with fields of plain values, got Misfit: expected constraints that fit str, got ge=1",
        ),
        (Upload, "expected a model with fields of plain values, got Upload: .*, got UploadedFile: "),
    ],
)
def test_models_that_cannot_be_read(kind: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        find_fields_reader(kind, "query")


def test_plain_values_load_no_library() -> None:
    program = (
        "import sys\n"
        "from dataclasses import dataclass\n"
        "from sketch.binding.fields import find_fields_reader\n"
        "from sketch.binding.text.path_converters import find_path_converter\n"
        "@dataclass\n"
        "class Data:\n"
        "    a: int\n"
        "assert find_fields_reader(Data, 'query').read({'a': ['1']}) == Data(1)\n"
        "assert find_path_converter(int).convert('1') == 1\n"
        "loaded = {'msgspec', 'pydantic', 'pydantic_core', 'annotated_types', 'attr', 'attrs'} & {*sys.modules}\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


READERS = [find_fields_reader(kind, "query") for kind in (*KINDS, Struct, Wide, Closed)]
NAMES = st.sampled_from(["user_id", "userId", "tags", "since", "name", "flag", "site", "limit", "a", "~/"])


@bounded(25)
@given(sent=st.dictionaries(NAMES, st.lists(st.text() | st.integers().map(str), min_size=1, max_size=3)))
def test_any_fields_are_a_model_or_faults(sent: dict[str, list[str]]) -> None:
    for reader in READERS:
        assert reader is not None
        try:
            reader.read(sent)
        except Faults as exc:
            messages = [fault.message for fault in exc.faults]
        else:
            messages = ["is fine"]
        assert all(message.startswith(("expected ", "is ")) for message in messages)
