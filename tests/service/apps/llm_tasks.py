"""GET /httpx, /aiohttp: asks the model at UPSTREAM for a stream, by that client, and answers with its length. For uvicorn."""
import os

import aiohttp
import httpx
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

app = FastAPI()
URL = f"http://{os.environ['UPSTREAM']}/v1/chat/completions"
BODY = {"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "x" * 5000}]}
clients = {}


@app.get("/httpx", response_class=PlainTextResponse)
async def by_httpx():
    client = clients.setdefault("httpx", httpx.AsyncClient(timeout=30))
    size = 0
    async with client.stream("POST", URL, json=BODY) as answer:
        async for piece in answer.aiter_bytes():
            size += len(piece)
    return str(size)


@app.get("/aiohttp", response_class=PlainTextResponse)
async def by_aiohttp():
    if "aiohttp" not in clients:
        clients["aiohttp"] = aiohttp.ClientSession()
    async with clients["aiohttp"].post(URL, json=BODY) as answer:
        return str(len(await answer.read()))
