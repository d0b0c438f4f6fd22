"""The site as a visitor sees it: pages with links and forms, which are filled in and sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from sketch.testing import ClientResponse, TestClient

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
PASSWORD = "correct horse battery"


@dataclass
class Form:
    action: str
    values: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """A page: its status, text, links, images and forms."""

    def __init__(self, response: ClientResponse, html: str) -> None:
        super().__init__()
        self.response, self.status, self.html = response, response.status, html
        self.links: list[str] = []
        self.images: list[str] = []
        self.forms: list[Form] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self._area: str | None = None
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if tag == "a":
            self.links.append(values["href"])
        elif tag == "img" and "src" in values:
            self.images.append(values["src"])
        elif tag == "form":
            self.forms.append(Form(values.get("action", self.response.url.path)))
        elif tag == "input" and values.get("type") not in ("file", "checkbox"):
            self.forms[-1].values[values["name"]] = values.get("value", "")
        elif tag == "textarea":
            self._area = values["name"]

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.forms[-1].values[self._area] = data.removeprefix("\n")
            self._area = None
        self.words.append(data)

    def form(self, action: str) -> Form:
        return next(form for form in self.forms if form.action == action)


class Visitor:
    """A visitor, with cookies of its own."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.cookies: dict[str, str] = {}

    async def ask(self, method: str, path: str, **options: Any) -> Page:
        """Send one request; redirects are followed."""
        self.client.cookies.clear()
        self.client.cookies.update(self.cookies)
        response = await self.client.request(method, path, follow_redirects=True, **options)
        self.cookies = dict(self.client.cookies)
        binary = response.content_type.startswith("image/")
        return Page(response, "" if binary else await response.text())

    async def get(self, path: str, **options: Any) -> Page:
        return await self.ask("GET", path, **options)

    async def send(self, path: str, action: str | None = None, *, image: Any = None, **values: str) -> Page:
        """Open a page, fill in its form, and send it."""
        page = await self.get(path)
        assert page.status == 200, page.text
        form = page.form(path.partition("?")[0] if action is None else action)
        return await self.post(form, image=image, **values)

    async def post(self, form: Form, *, image: Any = None, **values: str) -> Page:
        files = {} if image is None else {"files": {"image": image}}
        return await self.ask("POST", form.action, data={**form.values, **values}, **files)

    async def sign_up(self, name: str) -> Visitor:
        page = await self.send("/sign-up", name=name, password=PASSWORD)
        assert f"Welcome, {name}." in page.text, page.text
        return self

    async def sign_in(self, name: str, password: str = PASSWORD, next: str = "/") -> Page:
        return await self.send(f"/sign-in?next={next}", name=name, password=password)

    async def write(self, title: str = "Rain", body: str = "It rains.", **values: Any) -> Page:
        page = await self.send("/posts/new", title=title, body=body, **values)
        assert page.response.url.path.removeprefix("/posts/").isdigit(), page.text
        return page
