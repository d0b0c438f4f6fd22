"""Images that authors upload: their type is found in their content, and their name is ours."""

import re
import secrets
from pathlib import Path

from sketch import AppKey, Limits, UploadedFile

LARGEST = 5 * 1024 * 1024
"""Bytes of an image."""

LIMITS = Limits(body=LARGEST + 256 * 1024, form_file_size=LARGEST, form_files=1)
"""Of a form with an image and a text."""

# What browsers show and no file of which runs a script: SVG and HTML are not among them.
_KINDS = re.compile(
    rb"(?P<png>\x89PNG\r\n\x1a\n)|(?P<jpg>\xff\xd8\xff)|(?P<gif>GIF8[79]a)|(?P<webp>RIFF.{4}WEBP)", re.DOTALL
)


async def kind_of(file: UploadedFile) -> str | None:
    """The kind of an image by its first bytes: `png`, `jpg`, `gif`, `webp`; None for anything else."""
    found = _KINDS.match(await file.read(16))
    await file.seek(0)
    return None if found is None else found.lastgroup


HEADERS = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cross-Origin-Resource-Policy": "same-origin"}
"""Of the response with an image: opened alone, it can do nothing. (`nosniff` comes from `Protection`.)"""


class Images:
    """A directory of images.

    Args:
        directory: where they are; nothing else is in it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def save(self, file: UploadedFile) -> str:
        """Keep an uploaded image, of which `kind_of` has found the kind, under a random name; return the name."""
        name = f"{secrets.token_hex(16)}.{await kind_of(file)}"
        await file.save_to(self._directory / name)
        return name

    def remove(self, name: str | None) -> None:
        """Remove an image, if there is one."""
        if name is not None:
            (self._directory / name).unlink(missing_ok=True)


IMAGES = AppKey[Images]("images")
