"""The visitor of a request: a user that has signed in, or none."""

from typing import Annotated
from urllib.parse import quote

from blog import users
from blog.database import DATABASE
from blog.users import User
from sketch import Depends, HTTPSeeOther, Request, RequestKey

VISITOR = RequestKey[User | None]("visitor")


async def visitor(request: Request) -> User | None:
    """Return the user that has signed in, looked up once for each request."""
    if VISITOR not in request:
        number = request.session.get("user")
        found = None if number is None else await request.app[DATABASE].read(users.find, number)
        if number is not None and found is None:
            request.session.clear()  # the account was deleted meanwhile
        request[VISITOR] = found
    return request[VISITOR]


async def signed_in(request: Request) -> User:
    """Return the user that has signed in, or lead the visitor to sign in first, and then back here."""
    user = await visitor(request)
    if user is None:
        place = request.app.url_for("sign-in")
        raise HTTPSeeOther(f"{place}?next={quote(request.path)}")
    return user


Author = Annotated[User, Depends(signed_in)]
"""A parameter of a handler that is for signed-in users alone."""
