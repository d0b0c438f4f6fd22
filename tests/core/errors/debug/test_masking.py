"""What a debug page may show of a value."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import pytest
from multidict import CIMultiDict

from sketch.errors.debug.masking import MASK, VALUE, Masker, is_secret

PLANTED = "planted-7f3a"


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWORD", "db_password", "dbPassword", "userPasswd", "pwd", "pw", "secret", "client_secret",
        "token", "csrftoken", "accessToken", "API_KEY", "apiKey", "apikey", "x-api-key", "key", "keys", "authorization",
        "Authorization", "Proxy-Authorization", "cookie", "Set-Cookie", "cookies", "session", "sessionid", "dsn",
        "DATABASE_DSN", "credentials", "jwt", "private", "auth", "otp", b"cookie",
    ],
)  # fmt: skip
def test_secret_names(name: Any) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    ["user", "author", "keyboard", "monkey", "passenger_count", "spinner", "host", "design", "", None, 7, ("key",)],
)
def test_other_names(name: Any) -> None:
    assert not is_secret(name)


class Client:
    def __init__(self, token: str) -> None:
        self.token = token

    def __repr__(self) -> str:
        return f"<Client {self.token}>"


class Slotted:
    __slots__ = ("_secret", "unset_secret")

    def __init__(self, value: str) -> None:
        self._secret = value

    def __repr__(self) -> str:
        return f"<Slotted {self._secret}>"


@dataclass
class Settings:
    host: str
    password: str
    inner: Any = None
    quiet: str = field(default="quiet", repr=False)


@dataclass
class OwnRepr:
    password: str

    def __repr__(self) -> str:
        return f"own {self.password}"


class Fields(dict[str, str]):
    def __repr__(self) -> str:
        return f"Fields({list(self.items())!r})"


Account = namedtuple("Account", "user password")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"user": "ada", "password": PLANTED}, "{'user': 'ada', 'password': <masked>}"),
        ({"a": {"b": [{"token": PLANTED}]}}, "{'a': {'b': [{'token': <masked>}]}}"),
        ({b"cookie": PLANTED.encode()}, "{b'cookie': <masked>}"),
        ([(b"host", b"x"), (b"authorization", PLANTED.encode())], "[(b'host', b'x'), (b'authorization', <masked>)]"),
        (CIMultiDict([("Cookie", PLANTED)]), "{'Cookie': <masked>}"),
        (OrderedDict(secret=PLANTED), "{'secret': <masked>}"),
        (defaultdict(str, secret=PLANTED), "{'secret': <masked>}"),
        (deque([("secret", PLANTED)]), "deque([('secret', <masked>)])"),
        (Settings("db", PLANTED, {"dsn": PLANTED}), "Settings(host='db', password=<masked>, inner={'dsn': <masked>})"),
        (OwnRepr(PLANTED), "own <masked>"),
        (Client(PLANTED), "<Client <masked>>"),
        (Slotted(PLANTED), "<Slotted <masked>>"),
        (Fields(password=PLANTED), "Fields([('password', '<masked>')])"),
        (SimpleNamespace(token=PLANTED), "namespace(token=<masked>)"),
        (Account("ada", PLANTED), "Account(user='ada', password=<masked>)"),
        (f"postgres://ada:{PLANTED}@db/shop", "'postgres://ada:<masked>@db/shop'"),
        (f"token={PLANTED}&page=2", "'token=<masked>&page=2'"),
        (f"Authorization: Bearer {PLANTED}", "'Authorization: <masked>'"),
        ({"password": None, "token": ""}, "{'password': None, 'token': <masked>}"),
    ],
)
def test_secrets_by_their_names(value: object, shown: str) -> None:
    masker = Masker()
    masker.learn("value", value)
    assert masker.show("value", value) == shown


def test_a_value_with_a_secret_name_is_masked_as_a_whole() -> None:
    for value in (PLANTED, 12, {"a": 1}, object(), Client(PLANTED)):
        assert Masker().show("password", value) == MASK
    assert Masker().show("password", None) == "None"


@pytest.mark.parametrize(
    "value", [PLANTED, PLANTED.encode(), [PLANTED], {"a": (PLANTED,)}, Client(PLANTED), OrderedDict(a=PLANTED)]
)
def test_a_known_secret_is_masked_in_other_values(value: object) -> None:
    masker = Masker()
    masker.learn("session", value)
    assert masker.show("other", ["a", PLANTED, PLANTED.encode()]) == "['a', '<masked>', b'<masked>']"
    assert masker.text(f"no entry for {PLANTED}!") == "no entry for <masked>!"
    assert masker.source(f'    check("{PLANTED}")') == '    check("<masked>")'


def test_a_secret_is_masked_in_a_repr() -> None:
    masker, secret = Masker(), 'it\'s\n\\a "secret"'
    masker.learn("password", secret)
    assert masker.text(repr(secret)) == "'<masked>'"
    assert masker.show("x", [secret]) == "['<masked>']"


def test_a_number_may_be_a_secret() -> None:
    masker = Masker()
    masker.learn("otp", 493817)
    assert masker.text("code 493817 is wrong") == "code <masked> is wrong"


def test_parts_of_header_fields() -> None:
    masker = Masker()
    masker.learn("authorization", f"Bearer {PLANTED}")
    masker.learn(b"cookie", b"theme=dark; sid=abcdef0123")
    assert masker.text(f"{PLANTED} abcdef0123 dark Bearer") == "<masked> <masked> dark Bearer"


def test_short_values_are_masked_only_under_their_own_name() -> None:
    masker = Masker()
    masker.learn("pin", 12)
    masker.learn("key", "name")
    assert masker.text("name 12") == "name 12"


def test_secrets_in_messages_are_learned() -> None:
    masker = Masker()
    masker.learn_text(f"cannot log in with password='{PLANTED}'")
    assert masker.show("tried", f"x{PLANTED}") == "'x<masked>'"


def test_source_code_stays_readable() -> None:
    masker = Masker()
    for line in (
        "token = request.headers['authorization']", "login(password=password, token=make_token())", "token: str",
        "session: Session | None = None", "if cookie == other:", "cookies = {**a}", "for key, value in items:",
    ):  # fmt: skip
        assert masker.source(line) == line
    assert masker.source('PASSWORD = "hunter2"  # real') == "PASSWORD = <masked>  # real"
    assert masker.source("os.environ['API_TOKEN'] = b'x'") == "os.environ['API_TOKEN'] = b<masked>"
    assert masker.source('f"password=a-1 {x}"') == 'f"password=<masked> {x}"'


class Broken:
    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __repr__(self) -> str:
        raise self._error


@pytest.mark.parametrize("error", [ValueError("x"), RecursionError(), SystemExit(1), asyncio.CancelledError()])
def test_a_repr_that_fails(error: BaseException) -> None:
    shown = Masker().show("x", [Broken(error)])
    assert shown == f"<list object whose repr() failed with {type(error).__name__}>"


def test_keyboard_interrupt_passes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        Masker().show("x", Broken(KeyboardInterrupt()))


class Hostile:
    """Runs code wherever it is asked for anything."""

    def __getattribute__(self, name: str) -> Any:
        raise ZeroDivisionError(name)

    def __iter__(self) -> Any:
        raise ZeroDivisionError

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<Hostile>"


def test_looking_into_a_value_runs_nothing_of_its_class() -> None:
    masker = Masker()
    masker.learn("password", Hostile())
    masker.learn("x", {"a": Hostile()})
    assert masker.show("x", [Hostile()]) == "[<Hostile>]"


class Odd:
    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        raise ZeroDivisionError


def test_a_value_that_cannot_be_searched_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    Masker().learn("x", [Odd()])
    assert "could not look for secrets in a list" in caplog.text


def test_circular_values_end() -> None:
    circle: list[Any] = [1]
    circle.append(circle)
    twin = SimpleNamespace(token=PLANTED)
    twin.other = twin
    masker = Masker()
    masker.learn("circle", circle)
    masker.learn("twin", twin)
    assert masker.show("circle", circle) == "[1, [1, [1, [1, [...]]]]]"
    assert PLANTED not in masker.show("twin", twin)


def nested(depth: int) -> Any:
    return {f"k{number}": nested(depth - 1) if depth else "x" * 1000 for number in range(40)}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 10_000_000, "... (length 10000000)"),
        (b"\0" * 10_000_000, "... (length 10000000)"),
        (10**100_000, "<int of 332193 bits>"),
        (list(range(10_000)), "18, 19, ...]"),
        ({number: number for number in range(10_000)}, "19: 19, ...}"),
        (nested(3), "..."),
        (SimpleNamespace(text="x" * 1_000_000), "..."),
        (["\x1b" * 900] * 20, "..."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_huge_values_are_cut(value: object, shown: str) -> None:
    masker = Masker()
    began = perf_counter()
    masker.learn("value", value)
    text = masker.show("value", value)
    assert perf_counter() - began < 5
    assert len(text) <= VALUE + 3
    assert text.endswith(shown)


@pytest.mark.parametrize("piece", ["token", "password=", "'", "a", "token='", "://a:", "secret: ", "-"])
def test_hostile_texts_take_no_time(piece: str) -> None:
    masker, text = Masker(), piece * (65_536 // len(piece))
    began = perf_counter()
    masker.learn_text(text)
    masker.text(text)
    masker.source(text)
    assert perf_counter() - began < 2


def test_a_cut_shows_no_beginning_of_a_secret() -> None:
    masker = Masker()
    masker.learn("token", PLANTED * 100)
    for fill in range(65_536 - 1000, 65_536 + 10, 37):
        shown = masker.text("." * fill + PLANTED * 100, 100_000)
        assert PLANTED[:5] not in shown


def test_the_search_for_secrets_is_bounded() -> None:
    masker = Masker()
    began = perf_counter()
    for _ in range(1000):
        masker.learn("x", [[[object()] * 200] * 200] * 200)
    masker.learn("password", PLANTED)
    assert perf_counter() - began < 5
    assert masker.text(PLANTED) == PLANTED, "so many variables are not shown"


def test_one_large_variable_does_not_hide_the_others() -> None:
    masker = Masker()
    masker.learn("x", [[[object()] * 200] * 200] * 200)
    masker.learn("password", PLANTED)
    assert masker.text(PLANTED) == MASK
