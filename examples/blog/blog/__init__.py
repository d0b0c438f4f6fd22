"""A blog: accounts, posts and their images. `create_app()` makes the application."""

from blog.application import create_app

__all__ = ["create_app"]
