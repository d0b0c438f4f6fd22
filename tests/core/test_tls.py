"""What a request knows of its TLS session."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from sketch import TLSInfo
from tests.support.requests import make_request


def test_nothing_is_known_without_a_server() -> None:
    assert TLSInfo() == TLSInfo(version=None, cipher=None, client_subject=None, client_certificate=None)
    assert make_request().tls is None


def test_it_is_a_value() -> None:
    info = TLSInfo(version="TLSv1.3")
    with pytest.raises(FrozenInstanceError):
        info.version = "TLSv1.2"  # type: ignore[misc]
    assert len({info, TLSInfo(version="TLSv1.3")}) == 1
