"""Images: which are taken, how they are served, and when they go."""

from tests.site import PNG


async def test_an_image_and_its_end(come, installation):
    ann = await come()
    await ann.sign_up("ann")
    page = await ann.write(image=("cat.png", PNG, "image/png"), image_text="A cat")
    assert 'alt="A cat"' in page.html
    (first,) = page.images
    image = await ann.get(first)
    assert await image.response.read() == PNG
    fields = image.response.headers
    assert fields["Content-Type"] == "image/png"
    assert fields["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in fields["Content-Security-Policy"]
    assert "immutable" in fields["Cache-Control"]
    assert "Set-Cookie" not in fields

    (second,) = (await ann.send("/posts/1/edit", image=("dog.gif", b"GIF89a", ""))).images
    assert second.endswith(".gif")
    assert (await ann.get(first)).status == 404
    assert (await ann.send("/posts/1/edit", title="Sun")).images == [second]
    assert (await ann.send("/posts/1/edit", remove_image="yes")).images == []
    assert list((installation / "images").iterdir()) == []

    await ann.send("/posts/1/edit", image=("cat.png", PNG))
    await ann.send("/posts/1/delete")
    assert list((installation / "images").iterdir()) == []


NO_IMAGES = [
    ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "image/svg+xml"),
    ("a.png", b"<!doctype html><script>alert(1)</script>", "image/png"),
    ("a.png", b" \x89PNG\r\n\x1a\n", "image/png"),
    ("a.exe", b"MZ\x90", "application/octet-stream"),
]


async def test_what_is_no_image_is_refused(come, sql, installation):
    ann = await come()
    await ann.sign_up("ann")
    for image in NO_IMAGES:
        page = await ann.send("/posts/new", title="Rain", body="It rains.", image=image)
        assert page.status == 422, image
        assert "no PNG, JPEG, GIF or WebP" in page.text
        assert page.form("/posts/new").values["body"] == "It rains."
    assert sql("SELECT count(*) FROM posts") == [(0,)]
    assert list((installation / "images").iterdir()) == []


async def test_the_name_of_a_file_is_ours(come, installation):
    ann = await come()
    await ann.sign_up("ann")
    for name in ("../../x.png", "x.html", '"><script>.png', "C:\\x.png", "ä\u202egnp.exe", "x" * 300):
        page = await ann.write(image=(name, PNG, "text/html"))
        (path,) = page.images
        assert path.removeprefix("/images/").removesuffix(".png").isalnum()
        assert (installation / path.removeprefix("/")).read_bytes() == PNG
        assert name not in page.html
        assert (await ann.get(path)).response.headers["Content-Type"] == "image/png"


async def test_an_image_that_is_too_large(come, installation, sketch_transport):
    ann = await come()
    await ann.sign_up("ann")
    much = 10 if sketch_transport != "hypercorn" else 5  # it may hang up on an upload that is refused on its way
    for size in (5 * 1024 * 1024 + 1, much * 1024 * 1024 + 1):
        image = ("cat.png", PNG + bytes(size - len(PNG)), "image/png")
        page = await ann.send("/posts/new", title="Rain", body="It rains.", image=image)
        assert (page.status, "an image may have 5 MB" in page.text) == (413, True)
    assert list((installation / "images").iterdir()) == []
