"""What others try: nothing of it changes anything, runs anywhere, or is an error of the server."""

import asyncio

from tests.site import PASSWORD, PNG

SCRIPT = "</textarea></title>\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}"


async def test_markup_in_a_post_is_text(come):
    ann = await come()
    await ann.sign_up("ann")
    await ann.write(SCRIPT, SCRIPT, image=("cat.png", PNG), image_text=SCRIPT[:120])
    for path in ("/", "/posts/1", "/posts/1/edit", "/posts/1/delete"):
        page = await ann.get(path)
        assert "<script>" not in page.html
        assert "<img src=x" not in page.html
        assert page.tags.count("script") == (path == "/posts/1/edit")
        assert "49" not in page.text
    page = await ann.send("/posts/1/delete")  # its title is in the message
    assert "alert(1)" in page.text
    assert "<script>" not in page.html


async def test_scripts_run_by_nonce_alone(come):
    ann = await come()
    await ann.sign_up("ann")
    page = await ann.get("/posts/new")
    policy = page.response.headers["Content-Security-Policy"]
    nonce = page.html.partition('nonce="')[2].partition('"')[0]
    assert f"script-src 'nonce-{nonce}'" in policy
    assert "unsafe" not in policy
    assert (await ann.get("/posts/new")).html.partition('nonce="')[2].partition('"')[0] != nonce


async def test_sql_in_input_is_text(come, sql):
    ann, other = await come(), await come()
    await ann.sign_up("ann")
    texts = ["' OR 1=1 --", "ann'; DROP TABLE users; --", '" OR ""="', "ann%"]
    for text in texts:
        assert (await other.sign_in(text, PASSWORD)).status == 403
        assert (await other.sign_in("ann", text)).status == 403
        await ann.write(text, text)
    assert sql("SELECT name, title, body FROM users JOIN posts ON author_id = users.id ORDER BY posts.id") == [
        ("ann", text, text) for text in texts
    ]


ODD_ADDRESSES = [
    ("/posts/0", 404),
    ("/posts/2", 404),
    ("/posts/-1", 404),
    ("/posts/9223372036854775808", 404),
    ("/posts/9999999999999999999", 404),
    ("/posts/1e3", 404),
    ("/posts/1%00", 404),
    ("/posts/%27", 404),
    ("/?before=99999999999999999999999999", 200),
    ("/?before=-99999999999999999999999999", 200),
    ("/?before=x", 422),
    ("/images/../blog.db", 404),
    ("/images/..%2Fblog.db", 404),
    ("/images/", 404),
    ("/static/style.css%00", 404),
    ("/nowhere", 404),
]


async def test_odd_addresses(come):
    visitor = await come()
    for path, status in ODD_ADDRESSES:
        page = await visitor.get(path)
        assert (path, page.status) == (path, status)
        assert "Inkwell" in page.text  # each is a page of the site


async def test_odd_forms(come, sql):
    ann = await come()
    await ann.sign_up("ann")
    await ann.write()
    good = {"title": "Rain", "body": "x", "image_text": "", "version": "1"}
    for values, status in (
        ({**good, "version": "9" * 30}, 409),
        ({**good, "version": "-1"}, 409),
        ({**good, "version": "x"}, 422),
        ({**good, "image": "no file"}, 422),
        ({name: good[name] for name in ("title", "body")}, 422),
        ({**good, "title": "a\x00\x1bb\u202e"}, 200),
    ):
        page = await ann.ask("POST", "/posts/1/edit", data=values)
        assert page.status == status, (values, page.text)
    assert sql("SELECT title FROM posts") == [("ab\u202e",)]
    assert (await ann.ask("POST", "/posts/1/edit", json=good)).status == 415
    assert (await ann.ask("POST", "/posts/new", data={**good, "form": "x" * 70_000})).status == 400
    assert (await ann.ask("POST", "/sign-in", data={"name": "x" * 70_000, "password": "x"})).status == 413


async def test_requests_of_other_origins_are_refused(come, sql):
    ann = await come()
    await ann.sign_up("ann")
    await ann.write()
    for fields in (
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://testserver:81"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    ):
        for path in ("/posts/1/delete", "/posts/new", "/sign-out", "/sign-in"):
            assert (await ann.ask("POST", path, headers=fields, data={"title": "x"})).status == 403
    assert sql("SELECT title FROM posts") == [("Rain",)]
    assert "Sign out ann" in (await ann.get("/")).text


async def test_other_hosts_are_refused(come):
    page = await (await come()).get("/", headers={"Host": "evil.example"})
    assert (page.status, "421 Misdirected Request" in page.text) == (421, True)
    assert "evil.example" not in page.html


async def test_many_at_once(come, sql):
    """Edits of one version at the same time: one is saved, and nothing is lost on the way."""
    ann = await come()
    await ann.sign_up("ann")
    await ann.write()
    form = (await ann.get("/posts/1/edit")).forms[-1]
    edits = [ann.client.post(form.action, data={**form.values, "title": f"Edit {n}"}) for n in range(10)]
    statuses = [answer.status for answer in await asyncio.gather(*edits)]
    assert sorted(statuses) == [303, *[409] * 9]
    assert sql("SELECT title, version FROM posts") == [(f"Edit {statuses.index(303)}", 2)]
