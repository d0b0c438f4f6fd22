"""Sign up, sign in, sign out."""

from tests.site import PASSWORD


async def test_from_sign_up_to_sign_out(come):
    ann = await come()
    assert "Sign in" in (await ann.get("/")).text
    await ann.sign_up("ann")
    assert "Sign out ann" in (await ann.get("/")).text
    assert "You have signed out." in (await ann.send("/", "/sign-out")).text
    assert "Welcome back, ann." in (await ann.sign_in("ANN")).text


async def test_what_is_wrong_with_a_new_account(come):
    ann = await come()
    await ann.sign_up("ann")
    other = await come()
    for name, password, said in (
        ("Ann", PASSWORD, "This name is taken."),
        ("a", PASSWORD, "3 to 30 letters"),
        ("<b>ann", PASSWORD, "3 to 30 letters"),
        ("bob", "short", "Please choose 8 to 200 characters."),
        ("bob", "x" * 201, "Please choose 8 to 200 characters."),
    ):
        page = await other.send("/sign-up", name=name, password=password)
        assert (page.status, said in page.text) == (422, True), page.text
        assert page.form("/sign-up").values == {"name": name, "password": ""}
    assert "Sign in" in (await other.get("/")).text


async def test_a_wrong_password_and_an_unknown_name_look_alike(come):
    ann = await come()
    await ann.sign_up("ann")
    other = await come()
    wrong = await other.sign_in("ann", "wrong horse battery")
    unknown = await other.sign_in("eve", "wrong horse battery")
    assert wrong.status == unknown.status == 403
    assert wrong.html.replace("ann", "eve") == unknown.html
    assert wrong.form("/sign-in").values == {"next": "/", "name": "ann", "password": ""}


async def test_passwords_are_kept_as_hashes(come, sql):
    for name in ("ann", "bob"):
        visitor = await come()
        await visitor.sign_up(name)
    (ann,), (bob,) = sql("SELECT password FROM users")
    assert ann != bob  # the same password, with another salt
    assert ann.startswith("scrypt$")
    assert PASSWORD not in ann


async def test_after_signing_in_the_visitor_is_back(come):
    await (await come()).sign_up("ann")
    ann = await come()
    page = await ann.get("/posts/new")
    assert str(page.response.url.relative()) == "/sign-in?next=/posts/new"
    page = await ann.post(page.form("/sign-in"), name="ann", password=PASSWORD)
    assert page.response.url.path == "/posts/new"


async def test_signing_in_leads_to_no_other_site(come):
    await (await come()).sign_up("ann")
    ann = await come()
    for place in ("//evil.example", "https://evil.example", "/%5Cevil.example", "javascript:alert(1)", "/%0D%0AX:1"):
        page = await ann.sign_in("ann", next=place)
        assert (page.status, page.response.url.host) == (400, "testserver"), place
        assert "Sign in" in (await ann.get("/")).text


async def test_a_session_begins_anew_and_ends_for_every_copy(come):
    ann = await come()
    await ann.sign_up("ann")
    await ann.send("/", "/sign-out")
    planted = await come()
    planted.cookies = dict(ann.cookies)
    await ann.sign_in("ann")
    assert "Sign in" in (await planted.get("/")).text
    stolen = await come()
    stolen.cookies = dict(ann.cookies)
    assert "Sign out ann" in (await stolen.get("/")).text
    await ann.send("/", "/sign-out")
    assert "Sign in" in (await stolen.get("/")).text


async def test_a_deleted_user_is_signed_out(come, sql):
    ann = await come()
    await ann.sign_up("ann")
    sql("DELETE FROM users")
    assert "Sign in" in (await ann.get("/")).text
    bob = await come()
    await bob.sign_up("bob")
    assert sql("SELECT id FROM users") == [(2,)]  # and no other user gets the number
    assert "Sign in" in (await ann.get("/")).text


async def test_guessing_passwords_is_limited(come):
    visitor = await come()
    statuses = [(await visitor.sign_in("ann")).status for _ in range(10)]
    assert statuses == [403] * 10
    page = await visitor.sign_in("ann")
    assert (page.status, "That was too often." in page.text) == (429, True)
    assert 0 < int(page.response.headers["Retry-After"]) <= 60
