"""Show, write, edit and delete posts."""

import re
import secrets
from typing import Annotated

from blog import posts
from blog.database import ID_MAX, Data
from blog.images import IMAGES, LIMITS, Images, kind_of
from blog.pages import templates
from blog.posts import PAGE, Draft, Post
from blog.visitors import Author, signed_in, visitor
from sketch import (
    Depends,
    Form,
    HTTPBadRequest,
    HTTPForbidden,
    HTTPNotFound,
    Request,
    Response,
    RouteGroup,
    UploadedFile,
    flash,
    redirect,
)

Field = Annotated[str, Form()]
Stored = Annotated[Images, IMAGES]

TITLE, BODY, FORM = 120, 20_000, 40
"""Characters."""

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def routes() -> RouteGroup:
    """The routes of this module. A guard decides before a form is read that others may not send."""
    group = RouteGroup(dependencies=[Depends(visitor)])
    group.add_get("/", index, name="index")
    group.add_get("/posts/new", show_new, name="new")
    group.add_post("/posts/new", new, limits=LIMITS, dependencies=[Depends(signed_in)])
    group.add_get("/posts/{number:int}", show, name="post")
    group.add_get("/posts/{number:int}/edit", show_edit, name="edit")
    group.add_post("/posts/{number:int}/edit", edit, limits=LIMITS, dependencies=[Depends(own)])
    group.add_get("/posts/{number:int}/delete", show_delete, name="delete")
    group.add_post("/posts/{number:int}/delete", delete)
    return group


# -- what handlers depend on ------------------------------------------------------------------------------------------


async def found(number: int, data: Data) -> Post:
    """The post of the path."""
    post = None if number > ID_MAX else await data.read(posts.find, number)
    if post is None:
        raise HTTPNotFound
    return post


async def own(author: Author, post: Annotated[Post, Depends(found)]) -> Post:
    """The post of the path, for its author alone."""
    if post.author_id != author.id:
        raise HTTPForbidden("Only its author may change a post.")
    return post


class Written:
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


async def written(title: Field, body: Field, image_text: Field, image: UploadedFile | None = None) -> Written:
    """What the form has sent, checked."""
    sent = Written(title, body, image_text, image)
    await sent.check()
    return sent


def lines(text: str) -> str:
    """The text without control characters, with the ends of lines as they are on this side of HTTP."""
    return CONTROLS.sub("", text.replace("\r\n", "\n")).strip()


def one_line(text: str) -> str:
    return " ".join(lines(text).split())


Sent = Annotated[Written, Depends(written)]
Existing = Annotated[Post, Depends(found)]
Own = Annotated[Post, Depends(own)]


# -- handlers ---------------------------------------------------------------------------------------------------------


async def index(request: Request, data: Data, before: int = ID_MAX) -> Response:
    page = await data.read(posts.newest, max(0, min(before, ID_MAX)))
    older = page[PAGE - 1].id if len(page) > PAGE else None
    return await templates.response(request, "index.html", {"posts": page[:PAGE], "older": older})


async def show(request: Request, post: Existing) -> Response:
    return await templates.response(request, "post.html", {"post": post})


async def show_new(request: Request, author: Author) -> Response:
    context = {"post": None, "written": None, "errors": {}, "form": secrets.token_urlsafe(16)}
    return await templates.response(request, "write.html", context)


async def new(
    request: Request, author: Author, data: Data, images: Stored, sent: Sent, form: Field
) -> Response:
    if len(form) > FORM:
        raise HTTPBadRequest
    if sent.errors:
        context = {"post": None, "written": sent, "errors": sent.errors, "form": form}
        return await templates.response(request, "write.html", context, status=422)
    draft = await sent.draft(images)
    number, is_new = await data.write(posts.add, author.id, form, draft)
    if is_new:
        flash(request, "Your post is published.")
    else:
        images.remove(draft.image)  # the form was sent twice
    return redirect(request.app.url_for("post", number=number))


async def show_edit(request: Request, post: Own) -> Response:
    return await templates.response(request, "write.html", {"post": post, "written": post, "errors": {}})


async def edit(
    request: Request,
    post: Own,
    data: Data,
    images: Stored,
    sent: Sent,
    version: Annotated[int, Form()],
    remove_image: Annotated[bool, Form()] = False,
) -> Response:
    context = {"post": post, "written": sent, "errors": sent.errors}
    if sent.errors:
        return await templates.response(request, "write.html", context, status=422)
    draft = await sent.draft(images, None if remove_image else post.image)
    if version != post.version or not await data.write(posts.change, post.id, version, draft):
        if draft.image != post.image:
            images.remove(draft.image)
        context["errors"] = {"version": "This post was changed while you were editing it."}
        return await templates.response(request, "write.html", context, status=409)
    if draft.image != post.image:
        images.remove(post.image)
    flash(request, "Your changes are saved.")
    return redirect(request.app.url_for("post", number=post.id))


async def show_delete(request: Request, post: Own) -> Response:
    return await templates.response(request, "delete.html", {"post": post})


async def delete(request: Request, post: Own, data: Data, images: Stored) -> Response:
    await data.write(posts.delete, post.id)
    images.remove(post.image)
    flash(request, f"“{post.title}” is deleted.")
    return redirect(request.app.url_for("index"))
