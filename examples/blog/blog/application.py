"""Puts the parts together."""

from collections.abc import AsyncIterator

from blog.database import DATABASE, Database, migrate
from blog.images import HEADERS, IMAGES, Images
from blog.pages import error_page
from blog.session_store import DatabaseStore
from blog.settings import Settings
from blog.views import accounts, posts
from sketch import CSP, NONCE, Application, HTTPException, Limits, Protection, SecurityHeaders, Sessions

POLICY = CSP(
    default_src=["'none'"],
    script_src=[NONCE],
    style_src=["'self'"],
    img_src=["'self'", "blob:"],
    form_action=["'self'"],
    base_uri=["'none'"],
    frame_ancestors=["'none'"],
)
"""What a page may load and do, whatever gets into it."""


def create_app(settings: Settings | None = None) -> Application:
    """Make the application; without settings they come from the environment."""
    settings = settings or Settings.from_environment()
    database = Database(settings.database)
    app = Application(
        "blog",
        outer_middlewares=[
            Protection(settings.hosts, headers=SecurityHeaders(csp=POLICY)),
            Sessions(settings.secret, store=DatabaseStore(database)),
        ],
        limits=Limits(body=64 * 1024),
    )
    app[DATABASE] = database
    app[IMAGES] = Images(settings.images)
    app.cleanup_ctx.append(open_database)
    app.error_handler(HTTPException)(error_page)
    app.add_group(accounts.routes())
    app.add_group(posts.routes())
    app.add_static("/static", "static", package=__name__)
    app.add_static("/images", settings.images, name="images", immutable=r".", response_headers=HEADERS)
    return app


async def open_database(app: Application) -> AsyncIterator[None]:
    await app[DATABASE].write(migrate)
    yield
    await app[DATABASE].close()
