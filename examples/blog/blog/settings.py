"""What differs between one installation and the next, from the environment."""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile


@dataclass(frozen=True)
class Settings:
    """The settings of an application.

    Args:
        data: the directory of the database and the images; it is made if it does not exist.
        hosts: the names under which the site is reached.
        secret: signs the cookies: text of at least 32 characters.
    """

    data: Path
    hosts: tuple[str, ...]
    secret: str

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read `BLOG_DATA`, `BLOG_HOSTS` (with commas) and `BLOG_SECRET`; each has a default for one's own machine."""
        data = Path(os.environ.get("BLOG_DATA", "data"))
        data.mkdir(mode=0o700, parents=True, exist_ok=True)  # hashes of passwords are in it
        hosts = os.environ.get("BLOG_HOSTS", "localhost:*,127.0.0.1:*")
        return cls(data, tuple(hosts.split(",")), os.environ.get("BLOG_SECRET") or kept_secret(data / "secret"))

    @property
    def database(self) -> Path:
        return self.data / "blog.db"

    @property
    def images(self) -> Path:
        path = self.data / "images"
        path.mkdir(exist_ok=True)
        return path


def kept_secret(path: Path) -> str:
    """Return the secret in a file that its owner alone may read; make it if there is none."""
    if not path.exists():
        with NamedTemporaryFile("w", dir=path.parent) as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            with suppress(FileExistsError):  # another worker was quicker: its secret counts
                os.link(file.name, path)
    return path.read_text()
