"""Signatures: of several keys, by a salt, in one text alone; compared in constant time."""

from __future__ import annotations

import hmac
import subprocess
import sys
from typing import Any

import pytest

from sketch.middleware.sessions.signing import Signing, check_secrets
from tests.core.middleware.sessions.support import OTHER, SECRET

ONE, TWO = SECRET.encode(), OTHER.encode()


def test_the_first_key_signs_and_all_read() -> None:
    old, new, both = Signing([ONE], "salt"), Signing([TWO], "salt"), Signing([TWO, ONE], "salt")
    assert both.sign("text") == new.sign("text") != old.sign("text")
    assert (both.unsign(old.sign("text")), both.unsign(new.sign("text"))) == ("text", "text")
    assert (old.unsign(new.sign("text")), new.unsign(old.sign("text"))) == (None, None)


def test_other_salts_make_other_signatures() -> None:
    assert Signing([ONE], "salt").unsign(Signing([ONE], "other").sign("text")) is None


def test_it_is_hmac_sha256_with_a_derived_key() -> None:
    key = hmac.digest(ONE, b"salt", "sha256")
    import base64

    signature = base64.urlsafe_b64encode(hmac.digest(key, b"te.xt", "sha256")).decode().rstrip("=")
    assert Signing([ONE], "salt").sign("te.xt") == f"te.xt.{signature}"


@pytest.mark.parametrize("seen", [0, 1])
def test_no_other_text_has_the_same_signature(seen: int) -> None:
    """Base64 ignores what is no letter of it, and the last bits: neither may pass."""
    signing = Signing([ONE], "salt")
    signed = signing.sign(f"text{seen}")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    same = [letter for letter in letters if signing.unsign(signed[:-1] + letter) is not None]
    assert same == [signed[-1]]
    for more in (f"{signed}=", f"{signed}!", f"{signed[:-3]}!{signed[-3:]}", f"{signed} ", f" {signed}", f"{signed}\n"):
        assert signing.unsign(more) is None


@pytest.mark.parametrize("signed", ["", ".", "text", "text.", f".{'A' * 43}", "ü" * 60, "\0" * 60, "x" * 100_000])
def test_what_was_not_signed(signed: str) -> None:
    assert Signing([ONE], "salt").unsign(signed) is None


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(one: Any, two: Any) -> bool:
        compared.append((one, two))
        return one == two

    monkeypatch.setattr(hmac, "compare_digest", compare)
    signing = Signing([ONE, TWO], "salt")
    assert signing.unsign(f"text.{'A' * 43}") is None
    assert len(compared) == 2, "one for each key"


def test_secrets() -> None:
    assert check_secrets(SECRET) == [ONE]
    assert check_secrets([SECRET, TWO]) == [ONE, TWO]
    assert check_secrets("ä" * 16) == ["ä".encode() * 16]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([], ValueError, "at least one secret, got none: make one by `python"),
        ("", ValueError, "got one of 0"),
        ("x" * 31, ValueError, "at least 32 bytes, got one of 31"),
        ([SECRET, "x"], ValueError, "got one of 1"),
        (None, TypeError, "a secret as str or bytes, got NoneType"),  # os.environ.get() of a variable that is not set
        ([None], TypeError, "a secret as str or bytes, got NoneType"),
    ],
)
def test_secrets_that_are_none(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check_secrets(given)


def test_no_message_holds_a_secret() -> None:
    with pytest.raises(ValueError) as caught:
        check_secrets("hunter2-hunter2")
    assert "hunter2" not in str(caught.value)


def test_without_itsdangerous() -> None:
    code = (
        "import sys; sys.modules['itsdangerous'] = None\n"
        "from sketch import Sessions\n"
        "try: Sessions('x' * 32)\n"
        "except RuntimeError as exc: print(exc)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert done.stdout.strip() == "sessions need the package itsdangerous: pip install 'sketch-web[sessions]'", (
        done.stderr
    )
