"""GET /aiohttp/N, /thread/N ask the upstream twice and answer with what came, a line each: on aiohttp's own server. argv: host:port [uvloop]."""
import asyncio
import os
import sys

from aiohttp import ClientSession, TCPConnector, web

from threads import relay

UPSTREAM, ONCE = "http://" + os.environ["UPSTREAM"], os.environ.get("ONCE")


async def by_aiohttp(request):
    async def ask(which):
        async with request.app["client"].get(f"{UPSTREAM}/relay/{request.match_info['n']}/{which}") as response:
            return await response.text()
    return web.Response(text="".join(await asyncio.gather(*(ask(which) for which in ("a" if ONCE else "ab")))))


async def by_thread(request):
    return web.Response(text=(await asyncio.to_thread(relay, f"/relay/{request.match_info['n']}")).decode())


async def client(app):
    async with ClientSession(connector=TCPConnector(limit=100)) as app["client"]:
        yield


if __name__ == "__main__":
    if "uvloop" in sys.argv:
        import uvloop
        uvloop.install()
    where, _, number = sys.argv[1].rpartition(":")
    application = web.Application()
    application.cleanup_ctx.append(client)
    application.add_routes([web.get("/aiohttp/{n}", by_aiohttp), web.get("/thread/{n}", by_thread)])
    web.run_app(application, host=where, port=int(number), print=None, backlog=1024, loop=asyncio.new_event_loop())
