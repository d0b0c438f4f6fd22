"""Inputs of the head and of forms: which text is read as what, under which name, and what is a fault.

Annotations are objects here: types that are local to a test exist at run time.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import pytest
from annotated_types import Ge, Le, MaxLen

from sketch.binding.sources import Body, Cookie, Depends, Form, Header, Path, Query
from sketch.request.forms import events
from sketch.request.forms.uploads import UploadedFile
from sketch.response import Response
from tests.core.binding.support import FORM, JSON, MULTIPART, ask, faults, heard, refusal, told


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Paging:
    page: int = 1
    size: Annotated[int, Le(100)] = 10
    tags: list[str] | None = None


@dataclass
class Login:
    name: str
    password: str


Count = NewType("Count", int)


# -- single values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "sent", "value"),
    [
        (int, "-3", "-3"),
        (str, "", "''"),
        (bool, "on", "True"),
        (Colour, "red", "<Colour.RED: 'red'>"),
        (Literal["a", "b"], "b", "'b'"),
        (date, "2026-01-02", "datetime.date(2026, 1, 2)"),
        (Decimal, "1.50", "Decimal('1.50')"),
        (int | None, "", "None"),
        (int | None, "5", "5"),
        (Count, "5", "5"),
        (Annotated[int, Ge(1)], "1", "1"),
    ],
)
@pytest.mark.parametrize("mark", [Query, Header, Cookie, Form])
def test_values_are_read_alike_in_every_place(kind: Any, sent: str, value: str, mark: Any) -> None:
    async def handler(v: Annotated[kind, mark()]) -> Response:  # type: ignore[valid-type]
        return told(v)

    assert heard(handler, *(place(mark, sent)), method="POST", content=form(mark, sent)) == value


def place(mark: Any, sent: str) -> list[Any]:
    """The target and the header fields of a request with a value in a place."""
    raw = sent.encode()
    if mark is Query:
        return [f"/?v={sent}"]
    if mark is Header:
        return ["/", (b"v", raw)]
    return ["/", (b"cookie", b"v=" + raw)] if mark is Cookie else ["/", FORM]


def form(mark: Any, sent: str) -> bytes | None:
    return b"v=" + sent.encode() if mark is Form else None


@pytest.mark.parametrize("mark", [Query, Header, Cookie, Form])
def test_faults_are_told_alike_in_every_place(mark: Any) -> None:
    async def handler(v: Annotated[int, Le(9), mark()], other: Annotated[int, mark()]) -> Response:
        raise AssertionError

    name = mark.place
    wrong = faults(handler, *place(mark, "secret"), method="POST", content=form(mark, "secret"))
    assert wrong == [f"{name} v: expected an integer", f"{name} other: is required"]
    high = faults(handler, *place(mark, "10"), method="POST", content=form(mark, "10"))
    assert high == [f"{name} v: expected at most 9", f"{name} other: is required"]


@pytest.mark.parametrize("mark", [Query, Header, Cookie, Form])
def test_defaults_are_for_what_was_not_sent(mark: Any) -> None:
    async def handler(v: Annotated[int, mark()] = 7, w: Annotated[int | None, mark()] = None) -> Response:
        return told(v, w)

    content = b"" if mark is Form else None
    assert heard(handler, "/", *([FORM] if mark is Form else []), method="POST", content=content) == "(7, None)"


def test_a_union_with_none_without_a_default_is_required() -> None:
    async def handler(v: int | None) -> Response:
        raise AssertionError

    assert faults(handler) == ["query v: is required"]


@pytest.mark.parametrize("mark", [Query, Form])
def test_a_single_value_that_is_sent_twice(mark: Any) -> None:
    async def handler(v: Annotated[int, mark()]) -> Response:
        raise AssertionError

    content = b"v=1&v=2" if mark is Form else None
    headers = [FORM] if mark is Form else []
    target = "/" if mark is Form else "/?v=1&v=2"
    assert faults(handler, target, *headers, method="POST", content=content) == [f"{mark.place} v: expected one value"]


def test_names() -> None:
    """Underscores become hyphens in header fields only, and aliases stay as they are; header fields have no case."""

    async def handler(
        user_agent: Annotated[str, Header()],
        trace: Annotated[str, Header("X_Trace")],
        page_size: Annotated[int, Query("page-size")],
        sort_by: Annotated[str, Query()],
        session_id: Annotated[str, Cookie()],
    ) -> Response:
        return told(user_agent, trace, page_size, sort_by, session_id)

    headers = [(b"user-agent", b"a"), (b"x_trace", b"t"), (b"cookie", b"session_id=s")]
    assert heard(handler, "/?page-size=2&sort_by=n", *headers) == "('a', 't', 2, 'n', 's')"
    assert faults(handler, "/?page_size=2&sort-by=n") == [
        "header user-agent: is required",
        "header x_trace: is required",
        "query page-size: is required",
        "query sort_by: is required",
        "cookie session_id: is required",
    ]


def test_a_field_line_that_is_repeated_is_combined() -> None:
    async def handler(accept: Annotated[str, Header()]) -> Response:
        return told(accept)

    assert heard(handler, "/", (b"accept", b"a"), (b"accept", b"b")) == "'a, b'"


# -- several values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (list[int], "[1, 2]"),
        (tuple[int, ...], "(1, 2)"),
        (set[int], "{1, 2}"),
        (Sequence[int], "[1, 2]"),
        (list[int] | None, "[1, 2]"),
        (Annotated[list[int], MaxLen(2)], "[1, 2]"),
    ],
)
def test_repeated_values(kind: Any, value: str) -> None:
    async def handler(n: Annotated[kind, Query()]) -> Response:  # type: ignore[valid-type]
        return told(n)

    assert heard(handler, "/?n=1&n=2") == value
    assert faults(handler) == ["query n: is required"]


def test_faults_of_repeated_values_have_their_index() -> None:
    async def handler(n: Annotated[list[int], Query("num"), MaxLen(3)]) -> Response:
        raise AssertionError

    assert faults(handler, "/?num=1&num=x&num=y") == [
        "query num at /1: expected an integer",
        "query num at /2: expected an integer",
    ]
    assert faults(handler, "/?num=1&num=2&num=3&num=4") == ["query num: expected at most 3 values"]


def test_repeated_values_of_headers_and_forms() -> None:
    async def headers(tag: Annotated[list[str], Header()]) -> Response:
        return told(tag)

    async def forms(tag: Annotated[list[int], Form()]) -> Response:
        return told(tag)

    assert heard(headers, "/", (b"tag", b"a"), (b"tag", b"b")) == "['a', 'b']"
    assert heard(forms, "/", FORM, content=b"tag=1&tag=2") == "[1, 2]"
    assert faults(forms, "/", FORM, content=b"tag=1&tag=b") == ["form tag at /1: expected an integer"]


def test_the_default_of_repeated_values() -> None:
    async def handler(tag: Annotated[list[str], Query()] = []) -> Response:  # noqa: B006 - the case
        return told(tag)

    assert heard(handler) == "[]"


@pytest.mark.parametrize(
    "options", [{"alias": "x"}, {"validation_alias": "x"}, {"default": 1}, {"default_factory": int}]
)
def test_a_name_or_a_default_in_metadata(options: Any) -> None:
    pydantic = pytest.importorskip("pydantic")

    async def handler(v: Annotated[int, Query(), pydantic.Field(**options)]) -> Response:
        return told(v)

    assert refusal(handler).startswith(
        "expected the name in the source and the default behind the parameter, got Field"
    )


@pytest.mark.parametrize("name", ["a b", "日"])
def test_a_name_that_no_header_field_can_have(name: str) -> None:
    async def handler(v: Annotated[str, Header(name)]) -> Response:
        return told(v)

    assert refusal(handler) == f"expected the name of a header field (RFC 9110 section 5.1), got {name!r}"


def _added_to(default: Any, mark: Any) -> list[str]:
    async def handler(v: Any = default) -> Response:
        v.append(7)
        return told(v)

    handler.__annotations__["v"] = Annotated[list[int], mark]
    if mark.place in ("form", "body"):
        content = b"{}" if mark.place == "body" and mark.embed else b""
        fields = [FORM] if mark.place == "form" else [JSON]
        return [heard(handler, "/", *fields, method="POST", content=content) for _ in "12"]
    return [heard(handler) for _ in "12"]


@pytest.mark.parametrize("mark", [Query(), Header(), Cookie(), Form(), Body(), Body(embed=True)])
def test_a_default_that_can_be_changed_is_anew_for_each_request(mark: Any) -> None:
    default: list[int] = []
    assert _added_to(default, mark) == ["[7]", "[7]"]
    assert default == []


# -- whole models -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [Query, Header, Cookie, Form])
def test_a_model_takes_all_fields_of_a_place(mark: Any) -> None:
    async def handler(login: Annotated[Login, mark()]) -> Response:
        return told(login)

    target, headers, content = "/", [], None
    if mark is Query:
        target = "/?name=a&password=b&more=c"
    elif mark is Header:
        headers = [(b"name", b"a"), (b"password", b"b")]
    elif mark is Cookie:
        headers = [(b"cookie", b"name=a; password=b")]
    else:
        headers, content = [FORM], b"name=a&password=b&more=c"
    assert heard(handler, target, *headers, method="POST", content=content) == "Login(name='a', password='b')"
    empty = b"" if mark is Form else None
    assert faults(handler, "/", *headers[: mark is Form], method="POST", content=empty) == [
        f"{mark.place} name: is required",
        f"{mark.place} password: is required",
    ]


def test_the_defaults_of_a_model() -> None:
    async def handler(paging: Annotated[Paging, Query()]) -> Response:
        return told(paging)

    assert heard(handler) == "Paging(page=1, size=10, tags=None)"
    assert heard(handler, "/?tags=a&tags=b&page=2") == "Paging(page=2, size=10, tags=['a', 'b'])"
    assert faults(handler, "/?page=x&size=101") == [
        "query page: expected an integer",
        "query size: expected at most 100",
    ]


@pytest.mark.parametrize("mark", [Query, Form])
def test_a_model_has_the_defaults_of_its_fields_alone(mark: Any) -> None:
    async def handler(paging: Annotated[Paging, mark()] = Paging(page=7)) -> Response:  # noqa: B008 - the case
        return told(paging)

    assert refusal(handler, method="POST") == (
        "expected no default for the model 'paging', got Paging(page=7, size=10, tags=None): its fields have their own,"
        " each for what is not sent"
    )


def test_a_model_beside_single_values() -> None:
    async def handler(paging: Annotated[Paging, Query()], q: str) -> Response:
        return told(paging.page, q)

    assert heard(handler, "/?page=2&q=a") == "(2, 'a')"


# -- the path ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, Annotated[str, MaxLen(3)]])
def test_a_path_parameter_that_is_text_here_and_a_number_there(kind: Any) -> None:
    async def load(id: int) -> int:
        return id

    async def handler(id: Any, loaded: Annotated[int, Depends(load)]) -> Response:
        return told(id, loaded)

    assert heard(handler, "/5", path="/{id}") == "(5, 5)"
    handler.__annotations__["id"] = kind
    assert refusal(handler, "/{id}").startswith("expected one type for the path parameter 'id', got two that take")


def test_a_path_parameter_under_another_name() -> None:
    async def handler(identifier: Annotated[int, Path("id")], id: Annotated[int, Query("q")] = 3) -> Response:
        return told(identifier)

    assert refusal(handler, "/{id}").startswith("expected one source for 'id'")

    async def right(identifier: Annotated[int, Path("id")]) -> Response:
        return told(identifier)

    assert heard(right, "/7", path="/{id}") == "7"
    assert ask(right, "/x", path="/{id}").status == 404


def test_text_of_the_path_is_read_by_no_converter() -> None:
    async def handler(id: str, key: Annotated[str, Path()]) -> Response:
        return told(id, key)

    assert heard(handler, "/7/8", path="/{id}/{key}") == "('7', '8')"


def test_a_broken_constraint_of_the_path_is_422_and_a_wrong_form_404() -> None:
    async def handler(id: Annotated[int, Ge(1)], size: Annotated[int | None, Le(9)] = None) -> Response:
        return told(id)

    assert heard(handler, "/1", path="/{id}") == "1"
    assert faults(handler, "/-1?size=10", path="/{id}") == [
        "path id: expected at least 1",
        "query size: expected at most 9",
    ]
    assert ask(handler, "/one", path="/{id}").status == 404


# -- forms ------------------------------------------------------------------------------------------------------------


def part(name: str, content: str, filename: str | None = None) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"\r\nContent-Type: text/plain'
    return f'--bound\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n{content}\r\n'.encode()


END = b"--bound--\r\n"


async def one_file(avatar: UploadedFile, name: Annotated[str, Form()]) -> Response:
    return told(avatar.filename, await avatar.read(), name)


def test_a_file_of_a_form() -> None:
    content = part("avatar", "pixels", "a.txt") + part("name", "ann") + END
    assert heard(one_file, "/", MULTIPART, content=content) == "('a.txt', b'pixels', 'ann')"


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (part("name", "ann"), ["form avatar: is required"]),
        (part("name", "ann") + part("avatar", "", ""), ["form avatar: is required"]),
        (part("avatar", "text") + part("name", "ann"), ["form avatar: expected a file"]),
        (part("avatar", "a", "a") * 2 + part("name", "ann"), ["form avatar: expected one file"]),
        (
            part("avatar", "a", "a") + part("name", "ann", "b"),
            ["form name: expected text, not a file"],
        ),
    ],
)
def test_faults_of_files(content: bytes, wrong: list[str]) -> None:
    assert faults(one_file, "/", MULTIPART, content=content + END) == wrong


def test_several_files() -> None:
    async def handler(photos: list[UploadedFile]) -> Response:
        return told([photo.filename for photo in photos])

    content = part("photos", "a", "a.txt") + part("photos", "b", "b.txt") + END
    assert heard(handler, "/", MULTIPART, content=content) == "['a.txt', 'b.txt']"


def test_a_file_that_may_be_left_out() -> None:
    async def handler(photo: UploadedFile | None) -> Response:
        return told(photo)

    assert heard(handler, "/", MULTIPART, content=part("x", "y") + END) == "None"
    assert heard(handler, "/", FORM, content=b"a=b") == "None"


def test_files_of_forms_with_a_mark() -> None:
    async def handler(photo: Annotated[UploadedFile, Form("picture")]) -> Response:
        return told(photo.filename)

    assert heard(handler, "/", MULTIPART, content=part("picture", "a", "a.txt") + END) == "'a.txt'"


def test_a_form_of_another_media_type() -> None:
    async def handler(name: Annotated[str, Form()]) -> Response:
        raise AssertionError

    assert ask(handler, "/", JSON, content=b"{}").status == 415


def test_a_file_and_a_body() -> None:
    async def handler(photo: UploadedFile, login: Login) -> None: ...

    assert refusal(handler, method="POST") == "expected a form or a body in JSON, got both: 'photo' and 'login'"


def test_a_uuid_of_the_query() -> None:
    async def handler(id: UUID) -> Response:
        return told(id)

    assert heard(handler, "/?id=00000000-0000-0000-0000-000000000001").startswith("UUID(")


def test_an_embedded_scalar() -> None:
    async def handler(n: Annotated[int, Body(embed=True)]) -> Response:
        return told(n)

    assert heard(handler, "/", JSON, content=b'{"n": 3}') == "3"


def test_an_input_is_shown() -> None:
    from sketch.routing import Router

    async def handler(page_size: Annotated[int, Query("size")] = 1) -> None: ...

    (source,) = Router().add_get("/", handler).bound.arguments[0].inputs
    assert repr(source) == "<Input page_size from query 'size'>"
    assert (source.required, source.is_file, source.default) == (False, False, 1)


def test_a_file_without_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """The route could answer no request, so it is not added."""

    async def handler(file: UploadedFile) -> Response:
        return told(file)

    events.parser.cache_clear()
    monkeypatch.setitem(sys.modules, "multipart", None)
    try:
        with pytest.raises(RuntimeError, match=r"pip install 'sketch-web\[forms\]'"):
            refusal(handler, method="POST")
    finally:
        events.parser.cache_clear()
