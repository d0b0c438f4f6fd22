"""Pickles the encoders and decoders of msgspec, which an application with typed handlers holds before its start."""

from __future__ import annotations

import copyreg
from importlib import import_module
from typing import Any


def msgspec_json() -> Any:
    """Import `msgspec.json`, and let its encoders and decoders be pickled: as calls that make them.

    Raises:
        ModuleNotFoundError: if msgspec is not installed.
    """
    module = import_module("msgspec.json")
    copyreg.pickle(module.Encoder, _reduce_encoder)
    copyreg.pickle(module.Decoder, _reduce_decoder)
    return module


def _reduce_encoder(encoder: Any) -> tuple[Any, ...]:
    return _make, ("Encoder", {"enc_hook": encoder.enc_hook, "order": encoder.order})


def _reduce_decoder(decoder: Any) -> tuple[Any, ...]:
    return _make, ("Decoder", {"type": decoder.type, "strict": decoder.strict, "dec_hook": decoder.dec_hook})


def _make(name: str, options: dict[str, Any]) -> Any:
    return getattr(msgspec_json(), name)(**options)
