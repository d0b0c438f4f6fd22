"""Posts: written, read, edited, deleted."""

from tests.site import PNG


async def test_from_the_first_post_to_its_end(come):
    ann = await come()
    assert "Nothing has been written here yet." in (await ann.get("/")).text
    await ann.sign_up("ann")
    page = await ann.write("Rain", "It rains.\r\nAgain.")
    assert "Your post is published." in page.text
    assert "It rains.\nAgain." in page.html
    assert "/posts/1/edit" in page.links
    assert "Rain" in (await ann.get("/")).text

    page = await ann.get("/posts/1/edit")
    assert page.forms[-1].values == {"version": "1", "title": "Rain", "body": "It rains.\nAgain.", "image_text": ""}
    page = await ann.post(page.forms[-1], title="Sun", body="It shines.")
    assert "Your changes are saved." in page.text
    assert "It shines." in page.text

    page = await ann.send("/posts/1/delete")
    assert "“Sun” is deleted." in page.text
    assert (await ann.get("/posts/1")).status == 404


async def test_others_read_and_change_nothing(come, sql):
    ann, bob, reader = await come(), await come(), await come()
    await ann.sign_up("ann")
    await ann.write("Rain")
    form = (await ann.get("/posts/1/edit")).forms[-1]
    await bob.sign_up("bob")
    for visitor in (bob, reader):
        page = await visitor.get("/posts/1")
        assert "It rains." in page.text
        assert "/posts/1/edit" not in page.links
    for path in ("/posts/1/edit", "/posts/1/delete"):
        assert (await bob.get(path)).status == 403
        assert (await bob.ask("POST", path, data=form.values, files={"image": ("a.png", PNG)})).status == 403
        assert (await reader.get(path)).response.url.path == "/sign-in"
        assert (await reader.ask("POST", path, data=form.values)).response.url.path == "/sign-in"
    assert sql("SELECT title, version FROM posts") == [("Rain", 1)]


async def test_a_form_that_is_sent_twice_makes_one_post(come, sql, installation):
    ann = await come()
    await ann.sign_up("ann")
    form = (await ann.get("/posts/new")).form("/posts/new")
    pages = [await ann.post(form, title="Rain", body="It rains.", image=("a.png", PNG)) for _ in range(2)]
    assert [page.response.url.path for page in pages] == ["/posts/1", "/posts/1"]
    assert sql("SELECT count(*) FROM posts") == [(1,)]
    assert len(list((installation / "images").iterdir())) == 1


async def test_two_edits_at_once_lose_nothing(come):
    ann = await come()
    await ann.sign_up("ann")
    await ann.write("Rain")
    first, second = [(await ann.get("/posts/1/edit")).forms[-1] for _ in range(2)]
    assert (await ann.post(first, title="Sun", body="It shines.")).status == 200
    page = await ann.post(first, title="Sun", body="It shines.")  # the same once more is no other edit
    assert (page.status, page.response.url.path) == (200, "/posts/1")
    page = await ann.post(second, title="Snow", body="It snows.")
    assert page.status == 409
    assert "It shines." in page.text  # what the other has saved
    form = page.forms[-1]
    assert (form.values["title"], form.values["body"], form.values["version"]) == ("Snow", "It snows.", "2")
    page = await ann.post(form)  # and saved, now that both are known
    assert (page.status, "It snows." in page.text) == (200, True)


async def test_what_is_wrong_with_a_post(come):
    ann = await come()
    await ann.sign_up("ann")
    for values, said in (
        ({"title": "  "}, "Please write a title"),
        ({"title": "x" * 121}, "Please write a title"),
        ({"body": "\r\n"}, "Please write a text"),
        ({"body": "x" * 20_001}, "Please write a text"),
        ({"image_text": "x" * 121}, "Please describe the image"),
    ):
        given = {"title": "Rain", "body": "It rains.", **values}
        page = await ann.send("/posts/new", **given)
        assert (page.status, said in page.text) == (422, True)
        assert page.form("/posts/new").values["title"] == " ".join(given["title"].split())
        assert page.html.count('aria-invalid="true"') == 1
    assert "Nothing has been written here yet." in (await ann.get("/")).text


async def test_older_posts_are_on_the_next_page(come):
    ann = await come()
    await ann.sign_up("ann")
    for number in range(1, 13):
        await ann.write(f"Day {number}")
    page = await ann.get("/")
    assert "Day 12" in page.text
    assert "Day 3" in page.text
    assert "Day 2 " not in page.text
    page = await ann.get(next(link for link in page.links if "before" in link))
    assert "Day 2 " in page.text
    assert "Older posts" not in page.text
