"""Blocks alone: a template for one block of a page, which needs only what that block shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from jinja2 import Environment, Template, nodes


class _Place(NamedTuple):
    """A block, and the template that has it."""

    block: nodes.Block
    tree: nodes.Template
    name: str
    file: str | None


def block_template(environment: Environment, name: str, block: str) -> Template:
    """Make a template for one block of another; of its parents, if it has no such block itself.

    What the block needs of the statements outside all blocks goes with it: imports, macros and `set`.

    Raises:
        jinja2.TemplateNotFound: without such a template.
        jinja2.TemplateSyntaxError: for one that cannot be read.
        ValueError: without such a block.
    """
    unchanged: list[Callable[[], bool]] = []
    place = _find(environment, name, block, unchanged)
    alone = nodes.Template(_needed(place.tree.body, place.block), lineno=1)
    alone.set_environment(environment)
    code = environment.compile(alone, place.name, place.file)
    globals_ = environment.make_globals(None)
    return Template.from_code(environment, code, globals_, lambda: all(ask() for ask in unchanged))


def _find(environment: Environment, name: str, block: str, unchanged: list[Callable[[], bool]]) -> _Place:
    known: set[str] = set()
    asked, inner = name, name
    while True:
        assert environment.loader is not None
        source, file, is_unchanged = environment.loader.get_source(environment, inner)
        unchanged.append(is_unchanged or (lambda: True))
        tree = environment.parse(source, inner, file)
        blocks = {node.name: node for node in tree.find_all(nodes.Block)}
        if block in blocks:
            return _Place(blocks[block], tree, inner, file)
        known |= blocks.keys()
        outer = tree.find(nodes.Extends)
        if outer is None or not isinstance(outer.template, nodes.Const):
            names = ", ".join(map(repr, sorted(known))) or "none"
            raise ValueError(f"expected a block of the template {asked!r}, got {block!r:.200}: its blocks are {names}")
        inner = environment.join_path(outer.template.value, inner)


def _needed(statements: list[nodes.Node], block: nodes.Block) -> list[nodes.Node]:
    """The block, after the statements that define what it uses, and what these use, in their order."""
    used, kept = _used(block), list[nodes.Node]()
    while more := [node for node in statements if node not in kept and not used.isdisjoint(_defined(node))]:
        kept += more
        used = used.union(*map(_used, more))
    return [*(node for node in statements if node in kept), block]


def _used(node: nodes.Node) -> set[str]:
    changed = {ref.name for ref in node.find_all(nodes.NSRef)}
    return changed | {name.name for name in node.find_all(nodes.Name) if name.ctx == "load"}


def _defined(node: nodes.Node) -> set[str]:
    """The names that a statement defines, if it is one that defines names and shows nothing."""
    if isinstance(node, nodes.Import):
        return {node.target}
    if isinstance(node, nodes.FromImport):
        return {given if isinstance(given, str) else given[1] for given in node.names}
    if isinstance(node, nodes.Macro):
        return {node.name}
    if isinstance(node, nodes.Assign | nodes.AssignBlock):
        targets = [node.target, *node.target.find_all((nodes.Name, nodes.NSRef))]
        return {target.name for target in targets if isinstance(target, nodes.Name | nodes.NSRef)}
    return set()
