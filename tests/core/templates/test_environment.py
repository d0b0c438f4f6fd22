"""Where templates are found, what is escaped in them, and how strict they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import TemplateNotFound

from sketch.templates.environment import is_escaped, make_environment, media_type_of, variant_of
from tests.core.templates.support import write


@pytest.mark.parametrize(
    ("name", "kind", "escaped"),
    [
        ("page.html", "text/html; charset=utf-8", True),
        ("a/PAGE.HTM", "text/html; charset=utf-8", True),
        ("page.html.j2", "text/html; charset=utf-8", True),
        ("page.jinja", "text/html; charset=utf-8", True),
        ("page", "text/html; charset=utf-8", True),
        ("feed.xml.jinja2", "application/xml", True),
        ("feed.atom", "application/atom+xml", True),
        ("icon.svg", "image/svg+xml", True),
        ("mail.txt", "text/plain; charset=utf-8", False),
        ("list.csv.jinja", "text/csv; charset=utf-8", False),
        ("data.json", "application/json", False),
        ("code.js", "text/javascript; charset=utf-8", False),
    ],
)
def test_the_name_says_what_it_makes(name: str, kind: str, escaped: bool) -> None:
    assert (media_type_of(name), is_escaped(name)) == (kind, escaped)


def test_a_template_of_a_text_is_escaped() -> None:
    assert is_escaped(None)


@pytest.mark.parametrize(
    "name",
    ["../secret.html", "a/../../secret.html", "./../secret.html", "/secret.html", "secret.html\0", "", "\ud800",
     "x" * 5000, "..", "%2e%2e/secret.html", "..\\secret.html"],
)  # fmt: skip
def test_no_name_leads_out_of_the_directories(tmp_path: Path, name: str) -> None:
    write(tmp_path, secret__html="secret")
    inside = tmp_path / "inside"
    other = tmp_path / "other"
    inside.mkdir()
    other.mkdir()
    environment = make_environment([str(inside), str(other)])
    with pytest.raises(TemplateNotFound, match="expected the name of a template, a file below") as caught:
        environment.get_template(name)
    assert str(inside) in str(caught.value)
    assert str(other) in str(caught.value)


def test_the_first_directory_that_has_it(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    write(tmp_path / "first", a__html="first")
    write(tmp_path / "second", a__html="second", b__html="second")
    environment = make_environment([str(tmp_path / "first"), str(tmp_path / "second")])
    names = [environment.get_template(name).filename for name in ("a.html", "b.html")]
    assert names == [str(tmp_path / "first" / "a.html"), str(tmp_path / "second" / "b.html")]


def test_a_name_of_another_type(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="expected the name of a template, got PosixPath"):
        make_environment([str(tmp_path)]).get_template(Path("a.html"))  # type: ignore[arg-type]


def test_a_variant_shares_filters_and_globals(tmp_path: Path) -> None:
    environment = make_environment([str(tmp_path)])
    variant = variant_of(environment, strict=True, reload=True)
    environment.filters["shout"] = str.upper
    environment.globals["site"] = "tea"
    assert variant.filters["shout"] is str.upper
    assert variant.globals["site"] == "tea"
    assert (environment.auto_reload, variant.auto_reload) == (False, True)
