"""Types of parameters that are files of a form."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, get_args, get_origin

from sketch.binding.signatures import types_in


def is_file(kind: Any) -> bool:
    """Whether a type is `UploadedFile`, a list of it, or one of them or None."""
    inner = types_in(kind)
    return len(inner) == 1 and (_is_upload(inner[0]) or is_file_list(inner[0]))


def is_file_list(kind: Any) -> bool:
    """Whether a type is a list or a sequence of `UploadedFile`."""
    return get_origin(kind) in (list, Sequence) and _is_upload(get_args(kind)[0])


def _is_upload(kind: Any) -> bool:
    module = sys.modules.get("sketch.request.forms.uploads")  # loaded, if anything is of its type
    return module is not None and kind is module.UploadedFile
