"""GET /httpx/N, /aiohttp/N, /thread/N ask the upstream twice and answer with what came, a line each: as a FastAPI application.
Connections to the upstream are pooled over all tasks. A task of its own asks all the time, for nobody."""
import asyncio
import os

import aiohttp
import httpx
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

from threads import relay

UPSTREAM, ONCE = "http://" + os.environ["UPSTREAM"], os.environ.get("ONCE")
app = FastAPI()
state = {}


async def background():
    while not ONCE:
        await state["httpx"].get(UPSTREAM + "/background")
        await asyncio.sleep(0.001)


@app.on_event("startup")
async def startup():
    state["httpx"] = httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=100, max_keepalive_connections=16))
    state["aiohttp"] = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100))
    state["background"] = asyncio.create_task(background())


@app.on_event("shutdown")
async def shutdown():
    state["background"].cancel()
    await state["aiohttp"].close()
    await state["httpx"].aclose()


@app.get("/httpx/{n}", response_class=PlainTextResponse)
async def by_httpx(n: int):
    answers = [(await state["httpx"].get(f"{UPSTREAM}/relay/{n}/{which}")).text for which in ("a" if ONCE else "ab")]
    return "".join(answers)


@app.get("/aiohttp/{n}", response_class=PlainTextResponse)
async def by_aiohttp(n: int):
    async def ask(which):
        async with state["aiohttp"].get(f"{UPSTREAM}/relay/{n}/{which}") as response:
            return await response.text()
    return "".join(await asyncio.gather(ask("a"), ask("b")))


@app.get("/thread/{n}", response_class=PlainTextResponse)
def by_thread(n: int):
    return relay(f"/relay/{n}").decode()
