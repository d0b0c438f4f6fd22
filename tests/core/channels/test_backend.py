"""Messages, and the backend for one process."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sketch.application import Application
from sketch.channels import Backend, MemoryBackend, Message
from sketch.channels.backend import encode
from sketch.jsoncodec import JSONCodec
from tests.support.requests import in_loop, make_request

# -- messages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("published", "data", "text"),
    [
        ("", "", ""),
        ("text é\n", "text é\n", "text é\n"),
        ({"a": [1, None, "é"]}, {"a": [1, None, "é"]}, '{"a":[1,null,"é"]}'),
        ((1, 2), [1, 2], "[1,2]"),
        (None, None, "null"),
        (7, 7, "7"),
    ],
)
def test_published_data_arrives_unchanged(published: Any, data: Any, text: str) -> None:
    message = Message("news", "1", encode(published))
    assert (message.data, message.text) == (data, text)
    assert message.data is message.data


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes(kind: Any) -> None:
    message = Message("news", "1", encode(kind(b"\xff\0")))
    assert message.data == b"\xff\0"
    with pytest.raises(TypeError, match="got bytes: <Message 1 of 'news'>"):
        _ = message.text


def test_a_subscriber_cannot_change_what_was_published() -> None:
    published = {"a": [1]}
    message = Message("news", "1", encode(published))
    published["a"].append(2)
    assert message.data == {"a": [1]}


def test_data_that_cannot_be_published() -> None:
    with pytest.raises(TypeError):
        encode(object())
    with pytest.raises(ValueError):
        encode("\ud800")


def test_the_codec_is_that_of_the_application() -> None:
    app = Application(json=JSONCodec(dumps=lambda data: b"<%d>" % data, loads=lambda text: text))
    with app.request_context(make_request(app=app)):
        message = Message("news", "1", encode(7))
        assert (message.data, message.text) == (b"<7>", "<7>")


# -- the memory backend ------------------------------------------------------------------------------------------------


def attached(**options: Any) -> tuple[MemoryBackend, list[Message]]:
    delivered: list[Message] = []
    backend = MemoryBackend(**options)
    backend.attach(delivered.append)
    return backend, delivered


def test_it_is_a_backend() -> None:
    backend: Backend = MemoryBackend()
    backend.attach(lambda message: None)
    with pytest.raises(RuntimeError, match="belongs to other Channels"):
        backend.attach(lambda message: None)


@pytest.mark.parametrize("options", [{"history": -1}, {"topics": 0}])
def test_invalid_bounds_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="or more"):
        MemoryBackend(**options)


@in_loop
async def test_only_what_is_subscribed_to_is_delivered() -> None:
    backend, delivered = attached()
    await backend.publish("news", b"1")
    await backend.subscribe("news")
    ids = [await backend.publish(topic, b"2") for topic in ("news", "other", "news")]
    await backend.unsubscribe("news")
    await backend.publish("news", b"3")
    assert [(message.topic, message.id, message.payload) for message in delivered] == [
        ("news", ids[0], b"2"),
        ("news", ids[2], b"2"),
    ]
    assert len(set(ids)) == 3


@in_loop
async def test_publishing_in_a_loop_lets_other_tasks_run() -> None:
    backend, _ = attached()
    seen: list[int] = []

    async def other() -> None:
        while len(seen) < 5:
            seen.append(len(seen))
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    for _ in range(10):
        await backend.publish("news", b"")
    assert task.done()


def payloads(messages: list[Message]) -> list[bytes]:
    return [message.payload for message in messages]


@in_loop
async def test_history() -> None:
    backend, _ = attached(history=3)
    ids = [await backend.publish("news", b"%d" % number) for number in range(5)]
    assert payloads(await backend.history("news", None, None)) == [b"2", b"3", b"4"]
    assert payloads(await backend.history("news", 2, None)) == [b"3", b"4"]
    assert payloads(await backend.history("news", 9, None)) == [b"2", b"3", b"4"]
    assert payloads(await backend.history("news", None, ids[3])) == [b"4"]
    assert payloads(await backend.history("news", None, ids[4])) == []
    assert payloads(await backend.history("news", 1, ids[2])) == [b"4"]
    assert payloads(await backend.history("other", None, None)) == []


@in_loop
async def test_unknown_id_gives_the_whole_history() -> None:
    """Dropped ids, ids of an earlier process, and ids that a client made up."""
    backend, _ = attached(history=2)
    ids = [await backend.publish("news", b"%d" % number) for number in range(4)]
    life = ids[0].partition("-")[0]
    for after in (ids[0], "5f-4", "", "-", "4", f"{life}-", f"{life}-x", f"{life}-²", f"{life}-" + "9" * 5000):
        assert payloads(await backend.history("news", None, after)) == [b"2", b"3"], after


@in_loop
async def test_an_id_holds_for_every_topic() -> None:
    backend, _ = attached(history=5)
    await backend.publish("a", b"1")
    last = await backend.publish("b", b"2")
    await backend.publish("a", b"3")
    assert payloads(await backend.history("a", None, last)) == [b"3"]


@in_loop
async def test_the_topics_with_a_history_are_bounded() -> None:
    """The topics without a message for the longest time are dropped."""
    backend, _ = attached(history=2, topics=2)
    for topic in ("a", "b", "a", "c", "c", "c"):
        await backend.publish(topic, topic.encode())
    assert payloads(await backend.history("a", None, None)) == [b"a", b"a"]
    assert payloads(await backend.history("b", None, None)) == []
    assert payloads(await backend.history("c", None, None)) == [b"c", b"c"]
    assert len(backend._kept) == 2


@in_loop
async def test_a_history_of_size_zero_is_refused() -> None:
    backend, _ = attached()
    await backend.publish("news", b"1")
    with pytest.raises(RuntimeError, match=r"MemoryBackend\(history=100\)"):
        await backend.history("news", 1, None)
