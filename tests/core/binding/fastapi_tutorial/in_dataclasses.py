"""The models of the pages, as dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, MaxLen


@dataclass
class Tea:
    name: str
    price: Annotated[float, Gt(0)]
    notes: Annotated[str, MaxLen(20)] | None = None
    tax: float | None = None


@dataclass
class Buyer:
    name: str
    full_name: str | None = None


@dataclass
class Picture:
    url: str
    width: int


@dataclass
class Box:
    name: str
    teas: list[Tea]
    tags: set[str] = field(default_factory=set)
    picture: Picture | None = None


@dataclass
class Search:
    limit: Annotated[int, Gt(0), Le(100)] = 100
    offset: Annotated[int, Ge(0)] = 0
    order: Literal["name", "price"] = "name"
    tags: list[str] = field(default_factory=list)


@dataclass
class Visit:
    session_id: str
    last_seen: date | None = None


@dataclass
class Sender:
    user_agent: str
    save_data: bool = False
    x_tag: list[str] = field(default_factory=list)


@dataclass
class Account:
    name: str
    full_name: str | None = None


@dataclass
class NewAccount(Account):
    password: str = ""


@dataclass
class Login:
    name: str
    password: str
