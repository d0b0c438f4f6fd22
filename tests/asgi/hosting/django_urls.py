"""The URLs and views of a Django project."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

notes: list[str] = []


async def asynchronous(request: HttpRequest, id: int) -> HttpResponse:
    return JsonResponse(
        {
            "id": id,
            "query": dict(request.GET.lists()),
            "path": request.path,
            "script": request.META["SCRIPT_NAME"],
            "user": request.headers.get("X-User", ""),
        }
    )


def synchronous(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(str(request.POST.dict()), status=201)
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


async def stream(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[bytes]:
        for part in (b"one,", b"two,", b"three"):
            yield part

    return StreamingHttpResponse(parts())


async def upload(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(len(request.body)))


async def slow(request: HttpRequest) -> HttpResponse:
    notes.append("begun")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        notes.append("cancelled")
        raise
    raise AssertionError("unreachable")


urlpatterns = [
    path("async/<int:id>/", asynchronous),
    path("sync/", synchronous),
    path("stream/", stream),
    path("upload/", upload),
    path("slow/", slow),
]
