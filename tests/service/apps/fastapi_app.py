"""The test routes as a FastAPI application, for uvicorn."""
import asyncio
import os

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse

app = FastAPI()


@app.api_route("/small", methods=["GET", "HEAD"])
async def small():
    return PlainTextResponse("hello\n")


@app.get("/id")
async def seen_id(request: Request):
    return PlainTextResponse(request.headers.get("x-request-id", "none") + "\n")


@app.get("/chunked")
async def chunked():
    async def pieces():
        for i in range(20):
            yield f"piece {i} ".encode() * 40

    return StreamingResponse(pieces(), media_type="text/plain")


@app.get("/big")
async def big():
    return FileResponse(os.environ["BIG_FILE"], media_type="application/octet-stream")


@app.post("/echo")
async def echo(request: Request):
    return Response(await request.body(), media_type="application/octet-stream")


@app.get("/error")
async def error():
    return PlainTextResponse("broken\n", status_code=500)


@app.get("/slow")
async def slow():
    await asyncio.sleep(0.3)
    return PlainTextResponse("late\n")
