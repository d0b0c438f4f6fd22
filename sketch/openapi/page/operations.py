"""The operations of a document as HTML: what one sends, what is answered, and the place of the form that tries it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, TypeAlias
from urllib.parse import quote

from sketch.openapi.page.prose import inline, prose
from sketch.openapi.page.schemas import Schema, code_block, members, remarks, row, table, type_of

Described: TypeAlias = Mapping[str, Any]

METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
_PLACES = {"path": "Path", "query": "Query", "header": "Header fields", "cookie": "Cookies"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, with what its path item says for all of them."""

    method: str
    path: str
    described: Described
    parameters: list[Described]

    @property
    def tag(self) -> str:
        """The name of the group in which it stands: its first tag, ``""`` without one."""
        return str(next(iter(self.described.get("tags", ())), ""))

    @property
    def anchor(self) -> str:
        """Its identifier on the page, for ``id`` and behind ``#``."""
        return f"op-{quote(str(self.described.get('operationId', f'{self.method} {self.path}')), safe='')}"

    @property
    def summary(self) -> str:
        """What it does, in a line."""
        return str(self.described.get("summary", ""))


class References:
    """The parts of a document that others refer to."""

    def __init__(self, document: Described) -> None:
        self._document = document

    def resolve(self, part: Described) -> Described:
        """The part, or the one that it refers to."""
        seen = 0
        while "$ref" in part:
            seen += 1
            if seen > 10:
                return {}
            found: Any = self._document
            for name in str(part["$ref"]).removeprefix("#/").split("/"):
                found = found.get(name.replace("~1", "/").replace("~0", "~"), {})
            part = found
        return part


def operations(document: Described, references: References) -> Iterator[Operation]:
    """The operations of a document, in its order."""
    for path, item in document.get("paths", {}).items():
        shared = {_key(parameter): parameter for parameter in map(references.resolve, item.get("parameters", ()))}
        for method in METHODS:
            if method in item:
                own = {
                    _key(parameter): parameter
                    for parameter in map(references.resolve, item[method].get("parameters", ()))
                }
                yield Operation(method, path, item[method], list({**shared, **own}.values()))


def _key(parameter: Described) -> tuple[str, str]:
    return str(parameter.get("in")), str(parameter.get("name"))


def render_operation(operation: Operation, references: References, secured: list[str]) -> str:
    """One operation, closed until the reader opens it.

    Args:
        operation: what to show.
        references: the document's shared parts.
        secured: the names of the security schemes that it asks for.
    """
    described = operation.described
    old = '<small class="old">deprecated</small>' if described.get("deprecated") else ""
    guarded = f'<p class="secured">Needs {" or ".join(map(inline, secured))}.</p>' if secured else ""
    return (
        f'<details class="operation" id="{operation.anchor}" data-method="{operation.method}" '
        f'data-path="{escape(operation.path)}"><summary><b class="{operation.method}">{operation.method.upper()}</b>'
        f"<code>{_breakable(operation.path)}</code><span>{inline(operation.summary)}</span>{old}</summary>"
        f'<div class="inner">{prose(str(described.get("description", "")))}{guarded}'
        f"{_parameters(operation)}{_body(described, references)}{_answers(described, references)}"
        '<div class="try"></div></div></details>'
    )


def _breakable(path: str) -> str:
    """A path that may break behind its slashes on a narrow screen."""
    return escape(path).replace("/", "/<wbr>")


def _parameters(operation: Operation) -> str:
    return "".join(
        f"<h3>{title}</h3>{table([_parameter(each) for each in found])}"
        for place, title in _PLACES.items()
        if (found := [each for each in operation.parameters if each.get("in") == place])
    )


def _parameter(parameter: Described) -> str:
    schema = parameter.get("schema", {})
    kind = type_of(schema) if schema else ""
    about = _about(parameter) + remarks({key: value for key, value in schema.items() if key != "description"})
    return row(str(parameter.get("name")), kind, about, required=bool(parameter.get("required")))


def _about(parameter: Described) -> str:
    """What is said of a parameter itself, its schema's words where it has none."""
    text = parameter.get("description") or parameter.get("schema", {}).get("description", "")
    old = "<span><em>Deprecated.</em></span>" if parameter.get("deprecated") else ""
    return f"{old}<span>{inline(str(text))}</span>" if text else old


def _body(described: Described, references: References) -> str:
    if "requestBody" not in described:
        return ""
    body = references.resolve(described["requestBody"])
    must = ' <small class="required">required</small>' if body.get("required") else ""
    return (
        f"<h3>Body{must}</h3>{prose(str(body.get('description', '')))}{_content(body.get('content', {}), references)}"
    )


def _content(content: Described, references: References) -> str:
    """The media types of a body or an answer. Several with one schema are shown once."""
    shown: dict[str, list[str]] = {}
    for media_type, what in content.items():
        shown.setdefault(_media(what, references), []).append(media_type)
    return "".join(f'<div class="media"><p>{_names(names)}</p>{markup}</div>' for markup, names in shown.items())


def _names(media_types: list[str]) -> str:
    return ", ".join(f"<code>{escape(name)}</code>" for name in media_types)


def _media(what: Described, references: References) -> str:
    schema: Schema = what.get("schema", what.get("itemSchema", {}))
    kind = f'<p class="type">{type_of(schema)}</p>' if schema else ""
    shown = members(references.resolve(schema))
    return f"{kind}{_said(schema)}{shown}{''.join(map(code_block, _examples(what)))}"


def _said(schema: Schema) -> str:
    about = remarks(schema)
    return f'<p class="about">{about}</p>' if about else ""


def _examples(what: Described) -> list[Any]:
    named = [example.get("value") for example in what.get("examples", {}).values() if "value" in example]
    return [what["example"], *named] if "example" in what else named


def _answers(described: Described, references: References) -> str:
    rows = [
        _answer(str(status), references.resolve(answer), references)
        for status, answer in described.get("responses", {}).items()
    ]
    return f'<h3>Answers</h3><div class="answers">{"".join(rows)}</div>' if rows else ""


def _answer(status: str, answer: Described, references: References) -> str:
    """One status. What succeeds is open, an error opens when the reader asks."""
    opened = " open" if status[:1] in ("1", "2", "3") else ""
    inner = f"{_headers(answer.get('headers', {}))}{_content(answer.get('content', {}), references)}"
    title = f'<b class="status s{escape(status[:1])}">{escape(status)}</b> {inline(str(answer.get("description", "")))}'
    if not inner:
        return f'<p class="answer">{title}</p>'
    return f'<details class="answer"{opened}><summary>{title}</summary><div class="inner">{inner}</div></details>'


def _headers(headers: Described) -> str:
    rows = [
        row(name, type_of(header.get("schema", {})), inline(str(header.get("description", ""))))
        for name, header in headers.items()
    ]
    return table(rows) if rows else ""
