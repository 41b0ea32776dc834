"""Whom relays ask: answers GET with the X-Request-ID that it was sent, or "-", after a time that varies; on connections that
it keeps. argv: host:port, and perhaps the name of another header."""
import asyncio
import random
import sys


HEADER = (sys.argv[2:] or ["X-Request-ID"])[0].lower().encode()


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            seen = [line.partition(b":")[2].strip() for line in head.split(b"\r\n")
                    if line.lower().startswith(HEADER + b":")]
            await asyncio.sleep(random.choice((0, 0, 0.001, 0.005, 0.02)))
            body = (b",".join(seen) or b"-") + b"\n"
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    host, _, port = sys.argv[1].rpartition(":")
    server = await asyncio.start_server(serve, host, int(port), backlog=1024)
    await server.serve_forever()

asyncio.run(main())
