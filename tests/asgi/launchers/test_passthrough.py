"""Foreign ASGI applications on ASGI servers."""

from __future__ import annotations

import pytest

from sketch_asgi.hosting.served import HostedApplication
from sketch_asgi.launchers.passthrough import PassthroughApplication
from tests.asgi.hosting.serving import Message, Receive, Send, answer
from tests.support.scripts import Script, http_scope, in_loop


@pytest.mark.parametrize("access_log", [False, True])
@pytest.mark.parametrize("target", [b"/x%20y", b"/a%20%C3%A4/x%20y"])
@in_loop
async def test_a_root_path_is_decoded_where_scopes_have_it_decoded(access_log: bool, target: bytes) -> None:
    seen: list[Message] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await answer(send, b"body")

    passed = PassthroughApplication(HostedApplication(app), access_log=access_log, root_path="/a%20%C3%A4/", grace=1.0)
    path = "/a \xe4/x y" if b"C3" in target else "/x y"
    script = Script()
    await passed(http_scope(target=target, path=path), script.receive, script.send)
    (scope,) = seen
    assert (scope["root_path"], scope["path"]) == ("/a \xe4", "/a \xe4/x y")
    assert scope["raw_path"] == b"/a%20%C3%A4/x%20y"
