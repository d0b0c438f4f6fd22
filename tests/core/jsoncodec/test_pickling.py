"""Encoders and decoders of msgspec that are pickled."""

import pickle

import pytest

from sketch.jsoncodec.pickling import msgspec_json
from sketch.jsoncodec.values import to_plain


def test_what_was_made_with_options_is_made_again() -> None:
    pytest.importorskip("msgspec")
    library = msgspec_json()
    encoder = pickle.loads(pickle.dumps(library.Encoder(enc_hook=to_plain, order="sorted")))
    assert (encoder.enc_hook, encoder.order) == (to_plain, "sorted")
    decoder = pickle.loads(pickle.dumps(library.Decoder(list[int], strict=False)))
    assert (decoder.type, decoder.strict) == (list[int], False)
    assert decoder.decode(b'["1"]') == [1]
