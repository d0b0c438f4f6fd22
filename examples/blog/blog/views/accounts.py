"""Sign up, sign in, sign out."""

from typing import Annotated

from blog import passwords, users
from blog.database import Data
from blog.pages import templates
from blog.visitors import visitor
from sketch import Depends, Form, RateLimit, Request, Response, RouteGroup, Session, flash, redirect

Field = Annotated[str, Form()]


def routes() -> RouteGroup:
    """The routes of this module. Each attempt costs a hash, so they are limited by address."""
    group = RouteGroup(dependencies=[Depends(visitor)])
    group.add_get("/sign-up", show_sign_up, name="sign-up")
    group.add_post("/sign-up", sign_up, middlewares=[RateLimit("20/hour")])
    group.add_get("/sign-in", show_sign_in, name="sign-in")
    group.add_post("/sign-in", sign_in, middlewares=[RateLimit("10/minute")])
    group.add_post("/sign-out", sign_out, name="sign-out")
    return group


async def show_sign_up(request: Request) -> Response:
    return await templates.response(request, "sign-up.html", {"name": "", "errors": {}})


async def sign_up(request: Request, data: Data, name: Field, password: Field) -> Response:
    errors = find_faults(name, password)
    number = None
    if not errors:
        number = await data.write(users.add, name, await passwords.hashed(password))
        if number is None:
            errors = {"name": "This name is taken."}
    if errors:
        return await templates.response(request, "sign-up.html", {"name": name, "errors": errors}, status=422)
    begin_session(request, number)
    flash(request, f"Welcome, {name}. This is your blog now, too.")
    return redirect("/")


def find_faults(name: str, password: str) -> dict[str, str]:
    """What is wrong with the input, by field."""
    errors = {}
    if not users.NAME.fullmatch(name):
        errors["name"] = "Please choose 3 to 30 letters without accents, digits, hyphens and underscores."
    if not passwords.SHORTEST <= len(password) <= passwords.LONGEST:
        errors["password"] = f"Please choose {passwords.SHORTEST} to {passwords.LONGEST} characters."
    return errors


async def show_sign_in(request: Request, next: str = "/") -> Response:
    return await templates.response(request, "sign-in.html", {"name": "", "next": next, "error": ""})


async def sign_in(
    request: Request, data: Data, name: Field, password: Field, next: Annotated[str, Form()] = "/"
) -> Response:
    answer = redirect(next, local=True)  # a page of another site is refused before anything has happened
    user = await data.read(users.find_name, name)
    if not await passwords.matches(password, None if user is None else user.password):
        context = {"name": name, "next": next, "error": "This name and this password do not belong together."}
        return await templates.response(request, "sign-in.html", context, status=403)
    assert user is not None
    begin_session(request, user.id)
    flash(request, f"Welcome back, {user.name}.")
    return answer


def begin_session(request: Request, number: int | None) -> None:
    request.session.regenerate()  # what was planted before is worth nothing now
    request.session["user"] = number


async def sign_out(request: Request, session: Session) -> Response:
    session.clear()
    flash(request, "You have signed out.")
    return redirect("/")
