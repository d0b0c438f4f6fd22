"""Blocks alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sketch.templates import Templates
from tests.core.templates.support import page, write
from tests.support.requests import in_loop

BASE = "<title>{% block title %}base{% endblock %}</title>{% block body %}none{% endblock %}{{ missing.name }}"
MACROS = "{% macro field(name) %}<input name={{ name }}>{% endmacro %}"
PAGE = """{% extends "base.html" %}
{% from "macros.html" import field, field as other %}{% import "macros.html" as macros %}
{% macro own(x) %}[{{ inner }}{{ x }}]{% endmacro %}
{% set inner = "i" %}{% set unused = missing.name %}{% set state = namespace(n=1) %}{% set state.n = 2 %}
{% set text %}<{{ inner }}>{% endset %}
{% block body %}{{ missing.name }}
{% block rows %}{% for row in rows %}{{ field(row) }}{{ own(row) }}{% endfor %}{% endblock %}
{% block many %}{{ macros.field(1) }}{{ other(2) }}{{ state.n }}{{ text }}{% endblock %}
{% block above %}{{ super() }}{% endblock %}{% endblock %}"""


@pytest.fixture
def templates(tmp_path: Path) -> Templates:
    return Templates(write(tmp_path, base__html=BASE, macros__html=MACROS, page__html=PAGE), strict=True)


@in_loop
async def test_a_block_needs_only_what_it_shows(templates: Templates) -> None:
    """It has the imports, macros and values around it, though they are outside of all blocks."""
    shown = await page(templates, "page.html", {"rows": ["<a>"]}, block="rows")
    assert shown == "<input name=&lt;a&gt;>[i&lt;a&gt;]"
    assert await page(templates, "page.html", block="many") == "<input name=1><input name=2>2<i>"


@in_loop
async def test_a_block_of_a_parent(templates: Templates) -> None:
    assert await page(templates, "page.html", block="title") == "base"


@in_loop
async def test_no_such_block(templates: Templates) -> None:
    with pytest.raises(
        ValueError, match=r"expected a block of the template 'page.html', got 'x': its blocks are 'above'"
    ):
        await templates.render("page.html", block="x")


@in_loop
async def test_a_block_of_a_template_without_any(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got 'x': its blocks are none"):
        await Templates(write(tmp_path, a__html="a")).render("a.html", block="x")


@in_loop
async def test_a_changed_file_is_read_again_in_debug_alone(tmp_path: Path) -> None:
    templates = Templates(write(tmp_path, a__html="{% block b %}old{% endblock %}"))
    for debug, shown in ((False, "old"), (True, "new")):
        assert await page(templates, "a.html", block="b", debug=debug) == "old"
        write(tmp_path, a__html="{% block b %}new{% endblock %}")
        os.utime(tmp_path / "a.html", (1, 1))
        assert await page(templates, "a.html", block="b", debug=debug) == shown
        write(tmp_path, a__html="{% block b %}old{% endblock %}")
