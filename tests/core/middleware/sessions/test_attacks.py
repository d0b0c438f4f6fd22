"""Cookies that were not issued here are never an error and never a session; nor are issued ones in wrong places."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from sketch import Request
from sketch.http.fields import RawHeaders
from sketch.middleware.sessions.signing import Signing
from sketch.stores import MemoryStore
from tests.core.middleware.sessions.support import OTHER, SECRET, START, Clock, ask, cookie_after, cookie_of, make_app
from tests.support.requests import Peer, in_loop, make_request

MUTANTS = 5_000
"""Of each kind: in cookies, and in a store."""

BYTES = [bytes([code]) for code in range(256)]


def mutants(valid: bytes, others: list[bytes], luck: random.Random) -> Iterator[bytes]:
    """Values that are not the valid one: it was cut, changed, mixed with others, repeated, or made of anything."""
    places = [place for place, byte in enumerate(valid) if byte == ord(".")]
    while True:
        at, end = sorted(luck.choices(range(len(valid) + 1), k=2))
        other = luck.choice(others)
        yield valid[:at]
        yield valid[at + 1 :]
        yield valid[:at] + luck.choice(BYTES) + valid[at:]
        yield valid[:at] + luck.choice(BYTES) + valid[at + 1 :]
        yield valid[:at] + valid[end:]
        yield valid[:at] + valid[at:end][::-1] + valid[end:]
        yield valid[:end] + valid[at:]
        yield valid[: luck.choice(places)] + other[at:]
        yield b".".join(luck.sample(valid.split(b"."), k=valid.count(b".") + 1))
        yield b".".join([other.rpartition(b".")[0], valid.rpartition(b".")[2]])
        yield other
        yield valid.swapcase()
        yield luck.randbytes(luck.randrange(200))
        yield "ёж ".encode() * luck.randrange(1, 9) + valid
        yield valid + b"=" * luck.randrange(1, 4)
        yield valid * luck.randrange(2, 40)
        yield b"x" * luck.randrange(4000, 60_000)


def as_fields(value: bytes, valid: bytes, luck: random.Random) -> RawHeaders:
    """The `Cookie` fields with a mutant: mostly alone, else beside others, or doubled."""
    shapes = [
        [b"session=" + value],
        [b"session=" + value],
        [b"a=b; session=" + value + b"; c"],
        [b"session=" + value + b"; session=" + value],
        [b"session=" + valid + b"; session=" + value],
        [b"session=" + value, b"session=" + valid],
        [b"__Host-session=" + valid],
        [b"=session=" + valid],
        [b'session="' + valid + b'"'],
        [b"session=" + valid + b", session=" + value],
    ]
    return [(b"cookie", field) for field in luck.choice(shapes)]


@pytest.mark.parametrize("store", [None, MemoryStore()], ids=["cookie", "store"])
@in_loop
async def test_mutated_cookies_are_never_an_error_and_never_a_session(store: Any) -> None:
    luck, clock = random.Random(7), Clock()
    app = make_app([SECRET, OTHER], store=store, clock=clock)
    valid = (await cookie_after(app, "/set/user/ann")).partition("=")[2].encode()
    expired_clock = Clock()
    expired_clock.now -= 200 * 86_400
    foreign = {
        "other secret": make_app("yet another secret of 32 bytes ..", store=store, clock=clock),
        "other name": make_app([SECRET, OTHER], store=store, name="other", clock=clock),
        "expired": make_app([SECRET, OTHER], store=store, clock=expired_clock),
        "other kind": make_app([SECRET, OTHER], store=None if store else MemoryStore(), clock=clock),
    }
    others = [(await cookie_after(each, "/set/user/ann")).partition("=")[2].encode() for each in foreign.values()]
    text = valid.rpartition(b".")[0].decode()
    others += [Signing([SECRET.encode()], salt).sign(text).encode() for salt in ("sketch", "itsdangerous.Signer", "")]
    answers = app.handle
    await app.startup()
    for number, value in zip(range(MUTANTS), mutants(valid, others, luck), strict=False):
        fields = as_fields(value, valid, luck)
        if fields == [(b"cookie", b"session=" + valid)] or value.strip(b" \t") == valid:
            continue
        # Whether a `;` in the mutant has cut it into a valid cookie and others.
        if any(
            field.split(b";").count(b"session=" + valid) == 1 and field.count(b"session=") == 1 for _, field in fields
        ):
            continue
        wire = await answers(make_request("/all", headers=fields, connection=Peer()))
        assert (wire.status, wire.payload) == (200, b"{}"), (number, fields)
    wire = await answers(make_request("/all", headers=[(b"cookie", b"session=" + valid)]))
    assert wire.payload == b"{'user': 'ann'}"


@in_loop
async def test_a_cookie_that_another_host_of_the_domain_has_planted() -> None:
    """An attacker has a session of their own and plants it for the victim, for a path: it stands first."""
    for scheme, name in (("http", "session"), ("https", "__Host-session")):
        app = make_app(store=MemoryStore())
        attackers = await cookie_after(app, "/set/user/mallory", scheme=scheme)
        victims = await cookie_after(app, "/set/user/ann", scheme=scheme)
        both = f"{attackers}; {victims}"
        assert await (await ask(app, "/all", both, scheme=scheme)).text() == "{}"
        response = await ask(app, "/regenerate", attackers, scheme=scheme)
        assert str(cookie_of(response)).startswith(f"{name}=")
        assert str(cookie_of(response)) != attackers
    # On https a planted one cannot have the name: browsers take it from the host itself alone.
    plain = attackers.replace("__Host-session", "session")
    assert await (await ask(app, "/all", f"{plain}; {victims}", scheme="https")).text() == "{'user': 'ann'}"


@in_loop
async def test_a_planted_session_is_worthless_after_the_sign_in() -> None:
    """Fixation: the attacker's copy of the cookie names no session once the victim has signed in."""
    app = make_app(store=MemoryStore())

    @app.get("/sign-in/{user}")
    async def sign_in(request: Request, user: str) -> str:
        request.session.regenerate()
        request.session["user"] = user
        return "in"

    planted = await cookie_after(app, "/set/cart/empty")
    victims = await cookie_after(app, "/sign-in/ann", planted)
    assert await (await ask(app, "/all", planted)).text() == "{}"
    assert await (await ask(app, "/all", victims)).text() == repr({"cart": "empty", "user": "ann"})


@in_loop
async def test_a_replay_after_its_key_is_gone() -> None:
    replayed = await cookie_after(make_app(SECRET), "/set/user/ann")
    for secret in (OTHER, [OTHER, OTHER[::-1]]):
        assert await (await ask(make_app(secret), "/all", replayed)).text() == "{}"
    assert await (await ask(make_app([OTHER, SECRET]), "/all", replayed)).text() == "{'user': 'ann'}"


@in_loop
async def test_a_cookie_from_the_future() -> None:
    clock = Clock()
    clock.now = START + 3600
    early = await cookie_after(make_app(clock=clock), "/set/user/ann")
    clock.now = START
    assert await (await ask(make_app(clock=clock), "/all", early)).text() == "{}"
