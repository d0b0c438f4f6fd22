"""Templates: reading them, refusing malformed ones, and writing paths with them."""

from __future__ import annotations

import string
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, reject, strategies as st

from sketch.exceptions import HTTPNotFound
from sketch.routing import CONVERTERS, Router
from sketch.routing.template import Template, split_path


async def handler(request: object) -> None: ...


def values(template: str, path: str) -> dict[str, Any] | None:
    """The parameters of a path, None where it does not match."""
    router = Router()
    router.add_get(template, handler)
    try:
        return dict(router.match("GET", path)[1])
    except HTTPNotFound:
        return None


def url_path(template: str, **parameters: Any) -> str:
    return Template(template, CONVERTERS).format(parameters)


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("/", "/", {}),
        ("/f.json", "/f.json", {}),
        ("/f.json", "/fXjson", None),
        ("/a", "/abc", None),
        ("/a", "/a/", None),
        ("/a/", "/a", None),
        ("/a", "/a%0A", None),
        ("/a", "/a\n", None),
        ("/{name}", "/jo-hn", {"name": "jo-hn"}),
        ("/{name}", "/a.b", {"name": "a.b"}),
        ("/{name}", "/%C3%A9", {"name": "é"}),
        ("/{name}", "/a%2Fb", {"name": "a/b"}),
        ("/{name}", "/%2541", {"name": "%41"}),
        ("/{name}", "/a+b", {"name": "a+b"}),
        ("/{name}", "/a/b", None),
        ("/{name}", "/", None),
        ("/{name}/", "//", None),
        ("/{name}", "/%", None),
        ("/{name}", "/%4", None),
        ("/{name}", "/%zz", None),
        ("/{name}", "/%ff", None),
        ("/{name}", "/%C0%AF", None),
        ("/{name}", "/%ED%A0%80", None),
        ("/{name}", "/a%00b", None),
        ("/{name}", "/a\0b", None),
        ("/{name}", "/Ã©", {"name": "é"}),  # raw UTF-8, as servers that let it pass hand it over
        ("/{name}", "/é", None),  # raw Latin-1
        ("/{name}", "/€", None),  # nothing that a server hands over
        ("/{rest:path}", "/", {"rest": ""}),
        ("/d/{rest:path}", "/d/", {"rest": ""}),
        ("/d/{rest:path}", "/d", None),
        ("/d/{rest:path}", "/d/a/b%2Fc//", {"rest": "a/b/c//"}),
        ("/d/{rest:path}", "/d/%ff", None),
        ("/café", "/caf%C3%A9", {}),
        ("/café", "/caf%c3%a9", {}),
        ("/caf%C3%A9", "/caf%c3%a9", {}),
        ("/a b", "/a%20b", {}),
        ("/a b", "/a+b", None),
        ("/a~b", "/a%7Eb", {}),
        ("/100%", "/100%25", {}),
        ("/a%2Fb", "/a%2fb", {}),
        ("/a%2Fb", "/a/b", None),
        ("/é/{name}", "/%C3%A9/x", {"name": "x"}),
        (r"/{order_id:\d{3}}", "/123", {"order_id": "123"}),
        (r"/{order_id:\d{3}}", "/1234", None),
        (r"/{n:\d+$}", "/1%0A", None),
        ("/{n:a|bc}", "/bc", {"n": "bc"}),
        ("/{n:a|bc}", "/ac", None),
        ("/{n:(a)(b)}", "/ab", {"n": "ab"}),
        ("/{n:[^}]+}", "/x", {"n": "x"}),
        ("/{n:[]}]+}", "/%5D%7D", {"n": "]}"}),
        (r"/{n:\}+}", "/%7D", {"n": "}"}),
        ("/{tail:.*}", "/", {"tail": ""}),
        ("/{tail:.*}", "/a/b", None),
        ("/file.{ext}", "/file.tar.gz", {"ext": "tar.gz"}),
        ("/file.{ext}", "/file.", None),
        ("/file.{ext}", "/fileXtxt", None),
        ("/{name}.{ext}", "/archive.tar.gz", {"name": "archive", "ext": "tar.gz"}),
        ("/{a}-{b:int}", "/x-7", {"a": "x", "b": 7}),
        ("/{a}-{b:int}", "/x-y-7", {"a": "x-y", "b": 7}),
        ("/{a}-{b:int}", "/x-y", None),
        ("/{a}-{b:int}", "/x%2Fy-7", {"a": "x/y", "b": 7}),
        ("/{a}-{b:int}", "/x%0A-7", {"a": "x\n", "b": 7}),
        (r"/{y:\d{4}}{m:\d{2}}", "/202611", {"y": "2026", "m": "11"}),
        ("/v{n:a|b}c", "/vbc", {"n": "b"}),
        ("/@{user}", "/%40ann", {"user": "ann"}),
    ],
)
def test_matches(template: str, path: str, expected: dict[str, Any] | None) -> None:
    assert values(template, path) == expected


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("users", "expected a path that begins with '/'"),
        ("", "expected a path that begins with '/'"),
        ("/{a", "expected '}' after '{'"),
        ("/{a:[}", "expected '}' after '{'"),
        ("/{a:\\", "expected '}' after '{'"),
        ("/a}", "expected '{' before '}'"),
        ("/a?b=1", "expected a path without query and fragment, got '?': take a query from request.query"),
        ("/{a}#b", "expected a path without query and fragment, got '#'"),
        ("/<int:id>", "expected a parameter as '{id:int}', got '<int:id>'; the character itself is %3C"),
        ("/users/<id>/x", "expected a parameter as '{id}', got '<id>'"),
        ("/users/:id", "expected a parameter as '{id}', got ':id'; the character itself is %3A"),
        ("/:id/x", "expected a parameter as '{id}', got ':id'"),
        ("/{a}}", "expected '{' before '}'"),
        ("/{}", "expected a parameter name that is an identifier, got ''"),
        ("/{:int}", "expected a parameter name that is an identifier, got ''"),
        ("/{user-name}", "expected a parameter name that is an identifier, got 'user-name'"),
        ("/{{a}}", "expected a parameter name that is an identifier, got '{a}'"),
        ("/{a}/{a}", "expected unique parameter names, got 'a' more than once"),
        ("/{a:itn}", "expected one of float, int, path, str, uuid, or a regular expression, for 'a', got 'itn'"),
        ("/{a:}", "or a regular expression, for 'a', got ''"),
        ("/{a:[z-a]}", "expected a regular expression, got"),
        ("/{a:(}", "expected a regular expression, got"),
        ("/x{a:(?i)b}", "expected a regular expression that may stand beside other text"),
        ("/x{a:(b)}", "expected no capturing group in {a}"),
        ("/{a}{b}", "expected text between {a} and {b}"),
        ("/{rest:path}/x", "expected a parameter of type path to be the whole last segment"),
        ("/x-{rest:path}", "expected a parameter of type path to be the whole last segment"),
        ("/a%ff", "expected text in UTF-8"),
        ("/\ud800", "expected text in UTF-8"),
        ("/a%00", "expected no NUL"),
        ("/a\0", "expected no NUL"),
    ],
)
def test_malformed(template: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        Router().add_get(template, handler)
    assert message in str(caught.value)
    assert f"of handler ({__file__}:" in str(caught.value)


@pytest.mark.parametrize(
    ("template", "parameters", "path"),
    [
        ("/", {}, "/"),
        ("/café/a b", {}, "/caf%C3%A9/a%20b"),
        ("/{a}", {"a": "a/b c?d#e%"}, "/a%2Fb%20c%3Fd%23e%25"),
        ("/{a}", {"a": "x:@!$&'()*+,;=~-._"}, "/x:@!$&'()*+,;=~-._"),
        ("/{a}", {"a": 7}, "/7"),
        ("/{a}", {"a": "..."}, "/..."),
        ("/.{a}", {"a": "x"}, "/.x"),
        ("/{a:int}", {"a": 7}, "/7"),
        ("/{a:int}", {"a": "7"}, "/7"),
        ("/{a:float}", {"a": 1e-07}, "/0.0000001"),
        ("/{a:uuid}", {"a": UUID(int=5)}, "/00000000-0000-0000-0000-000000000005"),
        ("/d/{a:path}", {"a": "x/y z"}, "/d/x/y%20z"),
        ("/d/{a:path}", {"a": ""}, "/d/"),
        ("/{a:path}", {"a": "/evil.example"}, "/%2Fevil.example"),
        ("/{a:path}", {"a": "..x/y.."}, "/..x/y.."),
        ("/{a}-{b:int}", {"a": "x-y", "b": 7}, "/x-y-7"),
    ],
)
def test_writes(template: str, parameters: dict[str, Any], path: str) -> None:
    assert url_path(template, **parameters) == path
    matched = values(template, path)
    assert matched is not None
    assert {name: str(value) for name, value in matched.items()} == {
        name: str(float(value)) if isinstance(value, float) else str(value) for name, value in parameters.items()
    }


@pytest.mark.parametrize(
    ("template", "parameters", "message"),
    [
        ("/{a}/{b}", {"a": 1}, "expected values for 'b' of '/{a}/{b}'"),
        ("/{a}", {"a": 1, "b": 2}, "expected only the parameters of '/{a}', got 'b'"),
        ("/{a}", {"a": ""}, "parameter 'a': expected text that matches"),
        ("/{a}", {"a": ".."}, "expected text without a segment '.' or '..', which no client would send, got '..'"),
        ("/{a}", {"a": "."}, "expected text without a segment '.' or '..'"),
        ("/{a}", {"a": "%2E%2e"}, "expected text without a segment '.' or '..'"),
        ("/{a}", {"a": ".%2e"}, "expected text without a segment '.' or '..'"),
        ("/.{a}", {"a": "."}, "expected text without a segment '.' or '..'"),
        ("/{a:path}", {"a": "../x"}, "expected text without a segment '.' or '..'"),
        ("/{a:path}", {"a": "x/../y"}, "expected text without a segment '.' or '..'"),
        ("/{a:path}", {"a": "x/%2e%2e/y"}, "expected text without a segment '.' or '..'"),
        ("/{a:path}", {"a": "x/."}, "expected text without a segment '.' or '..'"),
        ("/{a}", {"a": None}, "parameter 'a': expected a value, got None"),
        ("/{a}", {"a": "x\0"}, "parameter 'a': expected text that matches"),
        ("/{a:int}", {"a": 1.5}, "parameter 'a'"),
        ("/{a:int}", {"a": -5}, "parameter 'a': expected text that matches"),
        ("/{a:float}", {"a": "x"}, "parameter 'a': expected text that matches"),
        (r"/{a:\d{3}}", {"a": 1}, "parameter 'a': expected text that matches"),
        ("/{a}-{b}", {"a": "x-y", "b": "z"}, "expected values of 'a', 'b' that can be told apart"),
        ("/{a:.*}/x", {"a": ""}, "expected a path that cannot be taken for a host, got '//x'"),
    ],
)
def test_does_not_write(template: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        url_path(template, **parameters)
    assert message in str(caught.value)


def test_mixed_segments_cost_no_power_of_their_length() -> None:
    """Four free parameters in one segment must not cost the third power of its length."""
    assert values("/{a}-{b}-{c}-{d:int}", "/" + "x-" * 4000) is None
    assert values("/{a}-{b}-{c}-{d:int}", "/" + "-" * 8000) is None


# -- properties -------------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8)
STATIC = TEXTS.filter(lambda text: not set(text) & set("{}%/?#<>:"))
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "": TEXTS,
    ":str": TEXTS,
    ":int": st.integers(0, 10**19 - 1),
    ":float": st.floats(0, 1e18).filter(lambda value: value == 0 or value > 1e-12),
    ":uuid": st.uuids(),
    r":[a-z]{2,5}": st.text(string.ascii_lowercase, min_size=2, max_size=5),
}


@st.composite
def templates(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A template, and a value for each of its parameters."""
    parameters: dict[str, Any] = {}

    def parameter() -> str:
        kind = draw(st.sampled_from(sorted(KINDS)))
        name = f"p{len(parameters)}"
        parameters[name] = draw(KINDS[kind])
        return f"{{{name}{kind}}}"

    def segment() -> str:
        shape = draw(st.sampled_from(["text", "one", "mixed"]))
        if shape == "text":
            return draw(STATIC)
        return parameter() if shape == "one" else parameter() + draw(STATIC) + parameter()

    segments = [segment() for _ in range(draw(st.integers(1, 4)))]
    if draw(st.booleans()):
        parameters["rest"] = draw(st.lists(TEXTS, max_size=3).map("/".join))
        segments.append("{rest:path}")
    return "/" + "/".join(segments), parameters


@given(templates())
def test_written_paths_match(drawn: tuple[str, dict[str, Any]]) -> None:
    template, parameters = drawn
    router = Router()
    route = router.add_get(template, handler)
    try:
        path = route.url_path(**parameters)
    except ValueError as exc:
        if "told apart" in str(exc) or "a segment '.' or '..'" in str(exc):
            reject()
        raise
    assert path.isascii()
    assert router.match("GET", path) == (route, parameters)


@given(st.text(st.characters(max_codepoint=255)), templates())
def test_any_path_is_answered(path: str, drawn: tuple[str, dict[str, Any]]) -> None:
    router = Router()
    router.add_get(drawn[0], handler)
    try:
        route, _ = router.match("GET", "/" + path)
    except HTTPNotFound:
        return
    assert route is router.routes()[0]


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_segments_are_decoded_once(segments: list[str]) -> None:
    encoded = "/".join("".join(f"%{byte:02x}" for byte in segment.encode()) for segment in segments)
    assert split_path(encoded) == segments
