"""The models of the pages, as structs of msgspec."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct, field


class Tea(Struct):
    name: str
    price: Annotated[float, Meta(gt=0)]
    notes: Annotated[str, Meta(max_length=20)] | None = None
    tax: float | None = None


class Buyer(Struct):
    name: str
    full_name: str | None = None


class Picture(Struct):
    url: str
    width: int


class Box(Struct):
    name: str
    teas: list[Tea]
    tags: set[str] = field(default_factory=set)
    picture: Picture | None = None


class Search(Struct):
    limit: Annotated[int, Meta(gt=0, le=100)] = 100
    offset: Annotated[int, Meta(ge=0)] = 0
    order: Literal["name", "price"] = "name"
    tags: list[str] = field(default_factory=list)


class StrictSearch(Search, forbid_unknown_fields=True):
    pass


class Visit(Struct):
    session_id: str
    last_seen: date | None = None


class StrictVisit(Visit, forbid_unknown_fields=True):
    pass


class Sender(Struct):
    user_agent: str
    save_data: bool = False
    x_tag: list[str] = field(default_factory=list)


class Account(Struct):
    name: str
    full_name: str | None = None


class NewAccount(Account, kw_only=True):
    password: str


class Login(Struct):
    name: str
    password: str


class StrictLogin(Login, forbid_unknown_fields=True):
    pass
