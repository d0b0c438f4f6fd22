"""What the arguments of one request share, and the ends of its dependencies: in which order, and what each sees.

Annotations are objects here: functions that are local to a test exist at run time.
"""

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import pytest

from sketch.application import Application
from sketch.binding.resolution import Resolution
from sketch.binding.sources import Body, Depends
from sketch.exceptions import HTTPConflict, HTTPForbidden
from sketch.request import Request
from sketch.response import Response
from sketch.streams.stream import StreamResponse
from sketch.transport import Chunks, ClientDisconnected, WireResponse
from tests.core.binding.support import JSON, fields, run, send, serving, text, told
from tests.support.requests import Peer, exchange, finished, make_request

Scope = Any


async def read(wire: WireResponse) -> list[bytes]:
    """The chunks of a stream, as an adapter reads them."""
    found = []
    async with Chunks(wire.payload) as chunks:  # type: ignore[arg-type]
        while chunk := await chunks.next():
            found.append(chunk)
    return found


class Journal:
    """Dependencies that note when they are entered and left, and what they see."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    def note(self, entry: str) -> None:
        self.entries.append(entry)

    def make(self, name: str, exit: Callable[[], Any] | None = None) -> Callable[..., Any]:
        """An asynchronous generator."""

        async def dependency() -> AsyncIterator[str]:
            self.note(f"+{name}")
            try:
                yield name
            except BaseException as exc:
                self.note(f"{name} sees {type(exc).__name__}")
                raise
            finally:
                self.note(f"-{name}")
                if exit is not None:
                    exit()

        return dependency

    def make_blocking(self, name: str) -> Callable[..., Any]:
        """A generator, which runs in threads."""

        def dependency() -> Iterator[str]:
            self.note(f"+{name}")
            try:
                yield name
            except BaseException as exc:
                self.note(f"{name} sees {type(exc).__name__}")
                raise
            finally:
                self.note(f"-{name}")

        return dependency

    def swallowing(self, name: str) -> Callable[..., Any]:
        """One whose exit ends the exception that it sees."""

        async def dependency() -> AsyncIterator[str]:
            self.note(f"+{name}")
            try:
                yield name
            except Exception as exc:
                self.note(f"{name} ends {type(exc).__name__}")

        return dependency


def raising(error: type[BaseException]) -> Callable[[], None]:
    def leave() -> None:
        raise error

    return leave


# -- the order --------------------------------------------------------------------------------------------------------


def test_exits_run_in_reverse() -> None:
    """Those of the handler's scope before the answer is made, the others once the exchange is over."""
    journal = Journal()
    a, b, c = journal.make("a"), journal.make_blocking("b"), journal.make("c")

    async def nested(a: Annotated[str, Depends(a)], b: Annotated[str, Depends(b)]) -> AsyncIterator[str]:
        journal.note("+nested")
        yield a + b
        journal.note("-nested")

    async def handler(
        n: Annotated[str, Depends(nested)],
        c: Annotated[str, Depends(c)],
        h: Annotated[str, Depends(journal.make("h"), scope="handler")],
        i: Annotated[str, Depends(journal.make_blocking("i"), scope="handler")],
    ) -> Response:
        journal.note("handler")
        return told(n, c, h, i)

    async def main() -> None:
        app = serving(handler)
        wire, request = await exchange(app)
        journal.note("answered")
        assert text(wire) == "('ab', 'c', 'h', 'i')"
        await finished(app, request, wire)
        app.threads.close()

    run(main())
    assert journal.entries == [
        "+a", "+b", "+nested", "+c", "+h", "+i", "handler", "-i", "-h", "answered", "-c", "-nested", "-b", "-a"
    ]  # fmt: skip


@pytest.mark.parametrize("scope", ["request", "handler"])
def test_a_dependency_of_two_is_left_once(scope: Scope) -> None:
    journal = Journal()
    shared = Depends(journal.make("shared"), scope=scope)

    async def one(shared: Annotated[str, shared]) -> str:
        return shared

    async def handler(one: Annotated[str, Depends(one, scope="handler")], shared: Annotated[str, shared]) -> Response:
        return told(one, shared)

    assert text(run(send(serving(handler)))) == "('shared', 'shared')"
    assert journal.entries == ["+shared", "-shared"]


def test_what_is_not_kept_is_left_as_often_as_it_is_entered() -> None:
    journal = Journal()
    fresh = Depends(journal.make("a"), use_cache=False)

    async def handler(a: Annotated[str, fresh], b: Annotated[str, fresh]) -> Response:
        return told(1)

    run(send(serving(handler)))
    assert journal.entries == ["+a", "+a", "-a", "-a"]


# -- what exits see ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["request", "handler"])
@pytest.mark.parametrize("blocking", [False, True])
@pytest.mark.parametrize(("error", "status"), [(HTTPConflict, 409), (ValueError, 500), (ClientDisconnected, None)])
def test_exits_see_what_the_handler_raises(
    scope: Scope, blocking: bool, error: type[Exception], status: int | None
) -> None:
    journal = Journal()
    make = journal.make_blocking if blocking else journal.make

    async def handler(a: Annotated[str, Depends(make("a"), scope=scope)]) -> Response:
        raise error

    app = serving(handler)
    if status is None:
        with pytest.raises(error):
            run(send(app))
    else:
        assert run(send(app)).status == status
    assert journal.entries == ["+a", f"a sees {error.__name__}", "-a"]
    app.threads.close()


@pytest.mark.parametrize("scope", ["request", "handler"])
def test_exits_see_what_a_later_dependency_raises(scope: Scope) -> None:
    journal = Journal()

    async def refuse() -> None:
        journal.note("refuse")
        raise HTTPForbidden

    async def handler(
        a: Annotated[str, Depends(journal.make("a"), scope=scope)],
        b: Annotated[str, Depends(journal.make("b"), scope=scope)],
        c: Annotated[None, Depends(refuse)],
        d: Annotated[str, Depends(journal.make("d"))],
    ) -> Response:
        raise AssertionError

    assert run(send(serving(handler))).status == 403
    assert journal.entries == [
        "+a", "+b", "refuse", "b sees HTTPForbidden", "-b", "a sees HTTPForbidden", "-a"
    ]  # fmt: skip


@pytest.mark.parametrize("scope", ["request", "handler"])
def test_exits_see_faulty_inputs(scope: Scope) -> None:
    journal = Journal()

    async def handler(q: int, a: Annotated[str, Depends(journal.make("a"), scope=scope)]) -> Response:
        raise AssertionError

    assert run(send(serving(handler))).status == 422
    assert journal.entries == ["+a", "a sees InvalidInput", "-a"]


@pytest.mark.parametrize("scope", ["request", "handler"])
def test_exits_see_what_an_error_handler_answers(scope: Scope) -> None:
    journal = Journal()

    async def handler(a: Annotated[str, Depends(journal.make("a"), scope=scope)]) -> Response:
        raise KeyError

    app = serving(handler)

    @app.error_handler(KeyError)
    async def answered(request: Any, exc: Exception) -> Response:
        journal.note("error handler")
        return Response("answered", status=418)

    assert run(send(app)).status == 418
    seen = ["a sees KeyError", "-a"]
    assert journal.entries == ["+a", *([*seen, "error handler"] if scope == "handler" else ["error handler", *seen])]


def test_exits_see_what_a_middleware_raises_after_the_handler() -> None:
    journal = Journal()

    async def handler(
        a: Annotated[str, Depends(journal.make("a"))], b: Annotated[str, Depends(journal.make("b"), scope="handler")]
    ) -> Response:
        return Response()

    async def failing(request: Any, call: Any) -> Any:
        await call(request)
        raise ValueError

    assert run(send(serving(handler, middlewares=[failing]))).status == 500
    assert journal.entries == ["+a", "+b", "-b", "a sees ValueError", "-a"]


def test_exits_see_what_the_body_of_a_stream_raises() -> None:
    journal = Journal()

    async def body(value: str) -> AsyncIterator[bytes]:
        journal.note(f"body of {value}")
        yield b"a"
        raise OSError

    async def handler(
        a: Annotated[str, Depends(journal.make("a"))], b: Annotated[str, Depends(journal.make("b"), scope="handler")]
    ) -> Response:
        return StreamResponse(body(a))

    async def main() -> None:
        app = serving(handler)
        wire, request = await exchange(app)
        with pytest.raises(OSError) as caught:
            await read(wire)
        await finished(app, request, wire, fault=caught.value)

    run(main())
    assert journal.entries == ["+a", "+b", "-b", "body of a", "a sees OSError", "-a"]


def test_exits_of_a_stream_run_after_its_last_byte() -> None:
    journal = Journal()

    async def body() -> AsyncIterator[bytes]:
        yield b"a"
        journal.note("end of the body")

    async def handler(a: Annotated[str, Depends(journal.make("a"))]) -> Response:
        return StreamResponse(body())

    async def main() -> None:
        app = serving(handler)
        wire, request = await exchange(app)
        assert await read(wire) == [b"a"]
        await finished(app, request, wire)

    run(main())
    assert journal.entries == ["+a", "end of the body", "-a"]


@pytest.mark.parametrize("scope", ["request", "handler"])
@pytest.mark.parametrize("blocking", [False, True])
def test_exits_of_a_cancelled_exchange(scope: Scope, blocking: bool) -> None:
    journal = Journal()
    make = journal.make_blocking if blocking else journal.make

    async def main() -> None:
        begun = asyncio.Event()

        async def handler(a: Annotated[str, Depends(make("a"), scope=scope)]) -> Response:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

        app = serving(handler)
        task = asyncio.create_task(send(app))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        app.threads.close()

    run(main())
    assert journal.entries == ["+a", "a sees CancelledError", "-a"]


@pytest.mark.parametrize("scope", ["request", "handler"])
def test_exits_of_a_cancelled_dependency(scope: Scope) -> None:
    journal = Journal()

    async def main() -> None:
        begun = asyncio.Event()

        async def waits() -> None:
            begun.set()
            await asyncio.Event().wait()

        async def handler(
            a: Annotated[str, Depends(journal.make("a"), scope=scope)], b: Annotated[None, Depends(waits)]
        ) -> Response:
            raise AssertionError

        task = asyncio.create_task(send(serving(handler)))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert journal.entries == ["+a", "a sees CancelledError", "-a"]


@pytest.mark.parametrize("scope", ["request", "handler"])
def test_a_client_that_leaves_while_the_body_is_read(scope: Scope) -> None:
    journal = Journal()

    async def handler(
        a: Annotated[str, Depends(journal.make("a"), scope=scope)], item: Annotated[dict[str, int], Body()]
    ) -> Response:
        raise AssertionError

    async def main() -> None:
        app = serving(handler, method="POST")
        request = make_request(method="POST", headers=fields([JSON], b"{}"), body=[b"{", ClientDisconnected()])
        with pytest.raises(ClientDisconnected) as caught:
            await app.handle(request)
        await finished(app, request, fault=caught.value)

    run(main())
    assert journal.entries == ["+a", "a sees ClientDisconnected", "-a"]


def test_a_client_that_leaves_while_the_handler_runs() -> None:
    """`on_disconnect="cancel"`: exits see the cancellation."""
    journal = Journal()

    async def main() -> None:
        peer, begun = Peer(), asyncio.Event()

        async def handler(
            a: Annotated[str, Depends(journal.make("a"))],
            b: Annotated[str, Depends(journal.make("b"), scope="handler")],
        ) -> Response:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

        app = serving(handler, on_disconnect="cancel")
        request = make_request(connection=peer)
        task = asyncio.create_task(app.handle(request))
        await begun.wait()
        peer.gone.set()
        with pytest.raises(ClientDisconnected) as caught:
            await task
        await finished(app, request, fault=caught.value)

    run(main())
    assert journal.entries == ["+a", "+b", "b sees CancelledError", "-b", "a sees CancelledError", "-a"]


@pytest.mark.parametrize("scope", ["request", "handler"])
def test_what_a_thread_enters_for_a_cancelled_exchange_is_left(scope: Scope) -> None:
    journal = Journal()
    entering, go, left = threading.Event(), threading.Event(), threading.Event()

    def slow() -> Iterator[None]:
        entering.set()
        assert go.wait(10)
        journal.note("+slow")
        try:
            yield
        except BaseException as exc:
            journal.note(f"slow sees {type(exc).__name__}")
            raise
        finally:
            left.set()

    async def handler(
        a: Annotated[str, Depends(journal.make("a"), scope=scope)], slow: Annotated[None, Depends(slow, scope=scope)]
    ) -> Response:
        raise AssertionError

    async def main() -> None:
        app = serving(handler)
        task = asyncio.create_task(send(app))
        await asyncio.to_thread(entering.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert journal.entries == ["+a", "a sees CancelledError", "-a"]
        go.set()
        assert await asyncio.to_thread(left.wait, 10)
        app.threads.close()

    run(main())
    assert journal.entries[3:] == ["+slow", "slow sees CancelledError"]


@pytest.mark.parametrize("scope", ["request", "handler"])
def test_an_exit_that_is_cancelled_keeps_no_other_from_running(scope: Scope) -> None:
    journal = Journal()

    async def main() -> None:
        leaving = asyncio.Event()

        async def slow() -> AsyncIterator[None]:
            yield
            journal.note("leaving")
            leaving.set()
            await asyncio.Event().wait()

        async def handler(
            a: Annotated[str, Depends(journal.make("a"), scope=scope)],
            slow: Annotated[None, Depends(slow, scope=scope)],
        ) -> Response:
            return Response()

        task = asyncio.create_task(send(serving(handler)))
        await leaving.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert journal.entries == ["+a", "leaving", "a sees CancelledError", "-a"]


# -- exits that raise -------------------------------------------------------------------------------------------------


def test_an_exit_in_the_scope_of_the_handler_that_raises_is_the_answer() -> None:
    journal = Journal()

    async def handler(
        a: Annotated[str, Depends(journal.make("a"))],
        b: Annotated[str, Depends(journal.make("b"), scope="handler")],
        c: Annotated[str, Depends(journal.make("c", raising(HTTPConflict)), scope="handler")],
    ) -> Response:
        return Response()

    assert run(send(serving(handler))).status == 409
    assert journal.entries == ["+a", "+b", "+c", "-c", "b sees HTTPConflict", "-b", "a sees HTTPConflict", "-a"]


def test_an_exit_that_raises_in_place_of_what_the_handler_raised() -> None:
    journal = Journal()

    async def handler(
        b: Annotated[str, Depends(journal.make("b", raising(HTTPConflict)), scope="handler")],
    ) -> Response:
        raise ValueError

    assert run(send(serving(handler))).status == 409
    assert journal.entries == ["+b", "b sees ValueError", "-b"]


def test_an_exit_in_the_scope_of_the_request_that_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal()

    async def handler(
        a: Annotated[str, Depends(journal.make("a"))], b: Annotated[str, Depends(journal.make("b", raising(OSError)))]
    ) -> Response:
        return Response("unchanged")

    wire = run(send(serving(handler)))
    assert (wire.status, wire.payload) == (200, b"unchanged")
    assert journal.entries == ["+a", "+b", "-b", "a sees OSError", "-a"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "OSError" in caplog.text


def test_what_was_answered_is_not_logged_again_by_an_exit(caplog: pytest.LogCaptureFixture) -> None:
    """An exit that lets pass what it sees has raised nothing of its own."""
    journal = Journal()

    async def handler(
        a: Annotated[str, Depends(journal.make("a"))], b: Annotated[str, Depends(journal.make_blocking("b"))]
    ) -> Response:
        raise HTTPConflict

    app = serving(handler)
    assert run(send(app)).status == 409
    assert caplog.records == []
    app.threads.close()


@pytest.mark.parametrize("scope", ["request", "handler"])
def test_an_exit_cannot_undo_what_was_raised(scope: Scope) -> None:
    """The handler has no result then; the exits before it see the exception, too."""
    journal = Journal()

    async def handler(
        a: Annotated[str, Depends(journal.make("a"), scope=scope)],
        b: Annotated[str, Depends(journal.swallowing("b"), scope=scope)],
    ) -> Response:
        raise HTTPConflict

    assert run(send(serving(handler))).status == 409
    assert journal.entries == ["+a", "+b", "b ends HTTPConflict", "a sees HTTPConflict", "-a"]


def test_a_synchronous_context_manager_that_raises() -> None:
    @contextmanager
    def failing() -> Iterator[int]:
        yield 1
        raise HTTPConflict

    async def handler(a: Annotated[int, Depends(failing, scope="handler")]) -> Response:
        return Response()

    app = serving(handler)
    assert run(send(app)).status == 409
    app.threads.close()


# -- garbage ----------------------------------------------------------------------------------------------------------


async def connect(q: int = 1) -> AsyncIterator[int]:
    yield q


async def plain(
    q: int, db: Annotated[int, Depends(connect)], h: Annotated[int, Depends(connect, scope="handler")]
) -> Response:
    return told(q)


async def failing(
    q: int, db: Annotated[int, Depends(connect)], h: Annotated[int, Depends(connect, scope="handler")]
) -> Response:
    raise HTTPConflict


async def unexpected(
    db: Annotated[int, Depends(connect)], h: Annotated[int, Depends(connect, scope="handler")]
) -> Response:
    raise ValueError


@pytest.mark.parametrize(
    ("handler", "target", "status"),
    [(plain, "/?q=1", 200), (plain, "/?q=x", 422), (failing, "/?q=1", 409), (unexpected, "/", 500)],
)
@pytest.mark.parametrize("guarded", [False, True])
def test_a_request_leaves_no_garbage(handler: Any, target: str, status: int, guarded: bool) -> None:
    guards = [Depends(connect), Depends(connect, scope="handler")] if guarded else []

    async def main() -> None:
        app = serving(handler, dependencies=guards)
        app.errors.register(ValueError)(quiet)
        assert (await send(app, target)).status == status
        gc.collect()
        gc.disable()
        try:
            before = count(Resolution, Request)  # the last request is held by the context
            for _ in range(3):
                await send(app, target)
            assert count(Resolution, Request) == before
        finally:
            gc.enable()

    run(main())


async def quiet(request: Any, exc: Exception) -> Response:
    return Response(status=500)


def count(*types: type) -> int:
    """How many objects of some types there are, those included that are garbage and wait for the collector."""
    return sum(type(each) in types for each in gc.get_objects())


def test_a_resolution_knows_what_it_has() -> None:
    request = make_request(app=Application())
    resolution = Resolution(request)
    assert (resolution.values, resolution.faults) == ({}, [])
    assert resolution.parts is resolution.parts
    resolution.check()
