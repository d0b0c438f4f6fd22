"""The reference names everything that is public, and nothing else."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

import sketch
from sketch.binding.text.scalars import SCALARS
from sketch.channels import Message, Subscription
from sketch.limits import DEFAULT_LIMITS
from sketch.routing import CONVERTERS
from sketch.serving.options import ServeOptions
from sketch.testing import ClientResponse, ClientWebSocket, TestClient
from tests.docs import log_fields
from tests.docs.documents import ROOT
from tests.docs.options import rewritten

TEXT = (ROOT / "docs" / "reference.md").read_text()

# For adapters and for the core; their docstrings describe them.
INTERNAL = {
    "Application": {
        *("debug_locally", "freeze", "guards", "mounts", "observers", "own_debug", "pipeline", "refusals", "wrapped")
    },
    "Request": {
        "at_end",
        "begin",
        "check_announced_length",
        "endpoint",
        "enter",
        "error",
        "finishing",
        "inner_scope",
        "miss",
        "move_to",
        "named_host",
        "place",
        "raised",
        "reenter",
        "replace_body",
        "replace_origin",
        "sends_whole",
        "take_body",
    },
    "Response": {"add_fixed", "media_type", "owner", "prepares", "set_alone", "switches"},
    "Session": {"state"},
    "View": set(),
    "TestClient": set(),
    "ClientResponse": set(),
    "ClientWebSocket": {"finish"},
    "BodyPart": {"pass_by"},
    "UploadedFile": set(),
    "Channels": set(),
    "Subscription": set(),
    "Message": set(),
    "WebSocket": {"abandon", "finish", "idled", "stop"},
}
MADE = {
    "Application": sketch.Application(),
    "TestClient": TestClient(sketch.Application()),
    "Channels": sketch.Channels(),
}
CLASSES = {
    "Application": sketch.Application,
    "Request": sketch.Request,
    "Session": sketch.Session,
    "Response": sketch.Response,
    "View": sketch.View,
    "TestClient": TestClient,
    "ClientResponse": ClientResponse,
    "ClientWebSocket": ClientWebSocket,
    "BodyPart": sketch.BodyPart,
    "UploadedFile": sketch.UploadedFile,
    "Channels": sketch.Channels,
    "Subscription": Subscription,
    "Message": Message,
    "WebSocket": sketch.WebSocket,
}


def tables() -> list[list[list[str]]]:
    """Every table of the reference: rows of cells, the first row the header."""
    found = re.findall(r"(?:^\|.*\n)+", TEXT, flags=re.MULTILINE)
    return [
        [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in table.splitlines() if "---" not in row]
        for table in found
    ]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]*)`", cell)


def table_of(name: str) -> set[str]:
    """The members of a class that the reference names."""
    sections = re.split(r"^## ", TEXT, flags=re.MULTILINE)
    titles = {
        "Response": "Responses",
        "Session": "Sessions",
        "View": "Handlers",
        "TestClient": "Testing",
        "ClientResponse": "Testing",
        "ClientWebSocket": "Testing",
        "BodyPart": "Forms",
        "UploadedFile": "Forms",
        "Subscription": "Channels",
        "Message": "Channels",
        "WebSocket": "Websockets",
    }
    (section,) = (one for one in sections if one.startswith(titles.get(name, name) + "\n"))
    head = f"| member of `{name}` |" if f"| member of `{name}` |" in section else "| member |"
    rows = section.split(head)[1].split("\n\n")[0].splitlines()
    return {found for row in rows[2:] for found in names(row.split(" | ")[0])}


def public(name: str) -> set[str]:
    owner = CLASSES[name]
    found = {member for kind in owner.__mro__[:-1] if kind.__module__.startswith("sketch") for member in vars(kind)}
    found |= {member for kind in owner.__mro__[:-1] for member in getattr(kind, "__annotations__", {})}
    found |= set(vars(MADE[name])) if name in MADE else set()
    return {member for member in found if not member.startswith("_")}


@pytest.mark.parametrize("name", CLASSES)
def test_every_member_is_in_its_table(name: str) -> None:
    listed = table_of(name)
    known = public(name) - INTERNAL[name]
    assert sorted(known - listed) == [], "not in docs/reference.md"
    documented = listed | {"status", "headers", "raw_headers", "request"} if name == "ClientResponse" else known
    assert sorted(listed - documented) == [], "in docs/reference.md, but not there"
    assert INTERNAL[name] <= public(name)


def test_every_export_is_named() -> None:
    classes = {name for name in sketch.__all__ if name.startswith("HTTP") and name != "HTMLResponse"}
    missing = [name for name in sketch.__all__ if name not in classes and not re.search(rf"\b{name}\b", TEXT)]
    assert missing == []
    spoken_of = set(re.findall(r"\bHTTP[A-Z]\w+", TEXT))
    assert spoken_of <= classes


def defaults(head: str) -> dict[str, str]:
    """Name and default of the rows of one table; several names in a row have several defaults."""
    (table,) = (table for table in tables() if table[0][0] == head)
    found: dict[str, str] = {}
    for cells in table[1:]:
        values = names(cells[1]) or [cells[1]]
        found |= dict(zip(names(cells[0]), values, strict=True))
    return found


def test_the_table_of_log_fields_is_that_of_the_code() -> None:
    page = log_fields.PAGE.read_text()
    assert log_fields.rewritten(page) == page, "run: python -m tests.docs.log_fields"


def test_the_tables_of_options_are_those_of_the_dataclasses() -> None:
    assert rewritten(TEXT) == TEXT, "run: python -m tests.docs.options"
    assert defaults("option").keys() == {field.name for field in fields(ServeOptions)}


def test_limits() -> None:
    assert defaults("field") == {
        field.name: repr(getattr(DEFAULT_LIMITS, field.name)) for field in fields(DEFAULT_LIMITS)
    }


def test_websocket_policy() -> None:
    assert defaults("field of `WebSocketPolicy`") == {
        field.name: repr(field.default) for field in fields(sketch.WebSocketPolicy) if field.init
    }


def test_converters() -> None:
    (table,) = (table for table in tables() if table[0][0] == "converter")
    assert {names(row[0])[0] for row in table[1:]} == set(CONVERTERS)


def test_text_as_values() -> None:
    """Each example is read as its type, and the message is the one that is given."""
    (table,) = (table for table in tables() if table[0] == ["type", "text", "else"])
    by_name = {kind.__name__: scalar for kind, scalar in SCALARS.items()}
    for kind, text, message in table[1:]:
        scalar = by_name.pop(names(kind)[0])
        for example in names(text):
            scalar.read(example)
        assert message in ("nothing is refused", f"expected {scalar.name}")
    assert not by_name
