"""The form of a post, as it was sent."""

import re
from typing import Annotated

from blog.images import Images, kind_of
from blog.posts import Draft, Post
from sketch import Form, UploadedFile

TITLE, BODY = 120, 20_000
"""Characters."""

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

Field = Annotated[str, Form()]


class Sent:
    """What the form of a post has sent, and what is wrong with it, by field."""

    def __init__(self, title: str, body: str, image_text: str, image: UploadedFile | None) -> None:
        self.title, self.body, self.image_text = one_line(title), lines(body), one_line(image_text)
        self.image = image or None  # false: no file was chosen
        self.errors: dict[str, str] = {}

    async def check(self) -> None:
        if not 0 < len(self.title) <= TITLE:
            self.errors["title"] = f"Please write a title of at most {TITLE} characters."
        if not 0 < len(self.body) <= BODY:
            self.errors["body"] = f"Please write a text of at most {BODY:,} characters."
        if len(self.image_text) > TITLE:
            self.errors["image_text"] = f"Please describe the image in at most {TITLE} characters."
        if self.image and await kind_of(self.image) is None:
            self.errors["image"] = "This file is no PNG, JPEG, GIF or WebP."

    async def draft(self, images: Images, image: str | None = None) -> Draft:
        """The draft, whose image is kept; `image` is that of the post up to now."""
        kept = await images.save(self.image) if self.image else image
        return Draft(self.title, self.body, kept, self.image_text)

    def is_in(self, post: Post) -> bool:
        """Whether a post says the same."""
        texts = (self.title, self.body, self.image_text)
        return self.image is None and texts == (post.title, post.body, post.image_text)


async def sent_post(title: Field, body: Field, image_text: Field, image: UploadedFile | None = None) -> Sent:
    """What the form has sent, checked."""
    sent = Sent(title, body, image_text, image)
    await sent.check()
    return sent


def lines(text: str) -> str:
    """The text without control characters, with the ends of lines as they are on this side of HTTP."""
    return CONTROLS.sub("", text.replace("\r\n", "\n")).strip()


def one_line(text: str) -> str:
    return " ".join(lines(text).split())
