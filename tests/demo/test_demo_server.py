from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tracker.demo.server import serve


async def hello(_request):
    return PlainTextResponse("hello")


async def get(url):
    async with httpx.AsyncClient(timeout=5) as client:
        return await client.get(url)


def an_app(endpoint=hello, **more):
    return Starlette(routes=[Route("/", endpoint)], **more)


async def test_app_answers_on_a_free_port():
    async with serve(an_app()) as one, serve(an_app()) as other:
        assert one != other
        assert (await get(one)).text == "hello"
        assert (await get(other)).text == "hello"


async def test_port_may_be_given():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    async with serve(an_app(), port=port) as url:
        assert url == f"http://127.0.0.1:{port}"


async def test_lifespan_wraps_the_service():
    seen = []

    @asynccontextmanager
    async def lifespan(_app):
        seen.append("up")
        yield
        seen.append("down")

    async with serve(an_app(lifespan=lifespan)):
        assert seen == ["up"]
    assert seen == ["up", "down"]


async def test_app_that_cannot_start_is_an_error():
    @asynccontextmanager
    async def lifespan(_app):
        raise OSError
        yield

    with pytest.raises(RuntimeError, match="lifespan"):
        async with serve(an_app(lifespan=lifespan)):
            pass


async def hang_for_ever():
    await asyncio.Event().wait()


async def hang_until_canceled():
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


@pytest.mark.parametrize("hang", [hang_for_ever, hang_until_canceled])
async def test_stop_is_quick_though_a_handler_hangs(caplog, hang):
    reached = asyncio.Event()

    async def never_ready(_request):
        reached.set()
        await hang()
        return PlainTextResponse("late")

    before = asyncio.all_tasks()
    loop = asyncio.get_running_loop()
    async with serve(an_app(never_ready), grace=0.05) as url:
        asking = asyncio.create_task(get(url))
        await reached.wait()
        began = loop.time()
    assert loop.time() - began < 1
    with pytest.raises(httpx.RemoteProtocolError):
        await asking
    assert asyncio.all_tasks() == before
    assert not caplog.records


async def test_stop_is_quick_though_a_client_does_not_read():
    async def flood(_request):
        return PlainTextResponse("x" * (16 << 20))

    loop = asyncio.get_running_loop()
    async with serve(an_app(flood), grace=0.05) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.read(1)
        began = loop.time()
    assert loop.time() - began < 1
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def test_request_that_is_nearly_done_is_answered():
    reached, release = asyncio.Event(), asyncio.Event()

    async def slow(_request):
        reached.set()
        await release.wait()
        return PlainTextResponse("done")

    async with serve(an_app(slow), grace=5) as url:
        asking = asyncio.create_task(get(url))
        await reached.wait()
        asyncio.get_running_loop().call_soon(release.set)
    assert (await asking).text == "done"


async def test_signal_handlers_are_left_alone():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with serve(an_app()):
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_port_is_free_again_afterwards():
    async with serve(an_app()) as url:
        assert (await get(url)).status_code == 200
    with pytest.raises(httpx.ConnectError):
        await get(url)
