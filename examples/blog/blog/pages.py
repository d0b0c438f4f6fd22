"""Pages: the templates, and what errors look like."""

from datetime import datetime

from blog.images import LARGEST
from blog.users import User
from blog.visitors import VISITOR, visitor
from sketch import HTTPException, HTTPServerError, Request, Response
from sketch.templates import Templates

templates = Templates("templates", strict=True)

EXPLANATIONS = {
    404: "There is nothing here. The post may have been deleted.",
    413: f"That was too much: an image may have {LARGEST // 1024**2} MB.",
    429: "That was too often. Please wait a minute, and try again.",
}


@templates.context_processor
async def user_of_page(request: Request) -> dict[str, User | None]:
    return {"visitor": request.get(VISITOR)}


def long_date(date: datetime) -> str:
    return f"{date.day} {date:%B %Y}"


templates.environment.filters["long_date"] = long_date
templates.environment.globals["largest"] = LARGEST


async def error_page(request: Request, error: HTTPException) -> Response | HTTPException:
    """Show an error as a page of the site. What the server is at fault for gets no page that asks the database."""
    if isinstance(error, HTTPServerError) or error.status < 400:
        return error
    if error.status in (404, 405):  # no route has looked for the visitor
        await visitor(request)
    phrase = HTTPException(error.status).reason
    text = EXPLANATIONS.get(error.status, error.detail)
    context = {"title": f"{error.status} {phrase}", "text": text}
    return await templates.response(request, "error.html", context, status=error.status, headers=error.headers)
