"""Tokens against forged requests."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sketch.middleware import csrf_tokens
from sketch.middleware.csrf_tokens import Tokens, is_visitor, new_visitor

NEW, OLD = "n" * 32, b"o" * 32


def test_a_token_is_its_visitors_and_each_is_another() -> None:
    tokens = Tokens(NEW)
    made = {tokens.make("visitor") for _ in range(10)}
    assert len(made) == 10
    assert all(tokens.accepts("visitor", token) for token in made)
    assert not any(tokens.accepts("other", token) for token in made)


def test_no_byte_of_the_signature_shows_twice() -> None:
    """What an attacker could guess byte by byte by the length of compressed pages (BREACH)."""
    made = [urlsafe_b64decode(Tokens(NEW).make("visitor") + "==") for _ in range(200)]
    for place in range(64):
        assert len({data[place] for data in made}) > 50


def test_keys_rotate() -> None:
    old = Tokens(OLD).make("visitor")
    assert Tokens([NEW, OLD]).accepts("visitor", old)
    assert Tokens(NEW).accepts("visitor", Tokens([NEW, OLD]).make("visitor"))
    assert not Tokens(NEW).accepts("visitor", old)


def test_the_key_is_derived_for_tokens() -> None:
    assert Tokens(NEW)._keys[0] != NEW.encode()
    assert len(Tokens(NEW)._keys[0]) == 32


@given(st.data())
def test_no_mutation_is_accepted(data: st.DataObject) -> None:
    tokens = Tokens(NEW)
    token = tokens.make("visitor")
    place = data.draw(st.integers(0, len(token) - 2))  # the last character has four unused bits
    other = data.draw(st.characters(max_codepoint=300).filter(lambda char: char != token[place]))
    assert not tokens.accepts("visitor", token[:place] + other + token[place + 1 :])
    assert not tokens.accepts("visitor", data.draw(st.text()))


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(first: bytes, second: bytes) -> bool:
        compared.append((len(first), len(second)))
        return False

    monkeypatch.setattr(csrf_tokens.hmac, "compare_digest", compare)
    tokens = Tokens([NEW, OLD])
    assert not tokens.accepts("visitor", tokens.make("visitor"))
    assert compared == [(32, 32), (32, 32)]  # with every key, whatever the first has given


def test_visitors() -> None:
    assert is_visitor(new_visitor())
    assert new_visitor() != new_visitor()
    for text in ("", "a" * 42, "a" * 44, "a" * 42 + "!", "a" * 43 + "\n"):
        assert not is_visitor(text)


@pytest.mark.parametrize(
    ("secret", "error", "match"),
    [
        ("short", ValueError, "expected a secret of at least 32 bytes, got one of 5"),
        ([NEW, b""], ValueError, "expected a secret of at least 32 bytes, got one of 0"),
        ([], ValueError, "expected at least one secret"),
        (7, TypeError, "expected a secret of str or bytes, got one of int"),
        ([7], TypeError, "expected a secret of str or bytes, got one of int"),
    ],
)
def test_secrets(secret: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match) as raised:
        Tokens(secret)
    assert "short" not in str(raised.value).replace("shortest", "")
