"""Show, write, edit and delete posts."""

import secrets
from typing import Annotated

from blog import posts
from blog.database import ID_MAX, Data
from blog.images import IMAGES, LIMITS, Images
from blog.pages import templates
from blog.posts import PAGE, Post
from blog.sent import Sent, sent_post
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
    flash,
    redirect,
)

Stored = Annotated[Images, IMAGES]

FORM = 40
"""Characters of the name of a form."""


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


FromForm = Annotated[Sent, Depends(sent_post)]
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
    context: dict[str, object] = {"post": None, "written": None, "errors": {}, "form": secrets.token_urlsafe(16)}
    return await templates.response(request, "write.html", context)


async def new(
    request: Request, author: Author, data: Data, images: Stored, sent: FromForm, form: Annotated[str, Form()]
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
    sent: FromForm,
    version: Annotated[int, Form()],
    remove_image: Annotated[bool, Form()] = False,
) -> Response:
    if sent.errors:
        context = {"post": post, "written": sent, "errors": sent.errors}
        return await templates.response(request, "write.html", context, status=422)
    draft = await sent.draft(images, None if remove_image else post.image)
    is_saved = version == post.version and await data.write(posts.change, post.id, version, draft)
    unused = post.image if is_saved else draft.image
    if draft.image != post.image:
        images.remove(unused)
    if not is_saved:
        return await show_conflict(request, sent, await found(post.id, data))
    flash(request, "Your changes are saved.")
    return redirect(request.app.url_for("post", number=post.id))


async def show_conflict(request: Request, sent: Sent, now: Post) -> Response:
    """Answer an edit of a version that is not the last any more: let its author decide, with both at hand."""
    if sent.is_in(now):  # the form was sent twice
        return redirect(request.app.url_for("post", number=now.id))
    errors = {"version": "This post was changed while you were editing it."}
    context = {"post": now, "written": sent, "errors": errors}
    return await templates.response(request, "write.html", context, status=409)


async def show_delete(request: Request, post: Own) -> Response:
    return await templates.response(request, "delete.html", {"post": post})


async def delete(request: Request, post: Own, data: Data, images: Stored) -> Response:
    images.remove(await data.write(posts.delete, post.id))
    flash(request, f"“{post.title}” is deleted.")
    return redirect(request.app.url_for("index"))
