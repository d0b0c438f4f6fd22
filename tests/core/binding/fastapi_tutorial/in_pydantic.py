"""The models of the pages, as models of pydantic."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Tea(BaseModel):
    name: str
    price: float = Field(gt=0)
    notes: str | None = Field(default=None, max_length=20)
    tax: float | None = None


class Buyer(BaseModel):
    name: str
    full_name: str | None = None


class Picture(BaseModel):
    url: str
    width: int


class Box(BaseModel):
    name: str
    teas: list[Tea]
    tags: set[str] = set()
    picture: Picture | None = None


class Search(BaseModel):
    limit: int = Field(100, gt=0, le=100)
    offset: int = Field(0, ge=0)
    order: Literal["name", "price"] = "name"
    tags: list[str] = []


class StrictSearch(Search):
    model_config = ConfigDict(extra="forbid")


class Visit(BaseModel):
    session_id: str
    last_seen: date | None = None


class StrictVisit(Visit):
    model_config = ConfigDict(extra="forbid")


class Sender(BaseModel):
    user_agent: str
    save_data: bool = False
    x_tag: list[str] = []


class Account(BaseModel):
    name: str
    full_name: str | None = None


class NewAccount(Account):
    password: str


class Login(BaseModel):
    name: str
    password: str


class StrictLogin(Login):
    model_config = ConfigDict(extra="forbid")
