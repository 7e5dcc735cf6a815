#!/usr/bin/env python3
"""An HTTP server that answers one request at a time, each in 1/RATE s, and keeps QUEUE of them waiting.

usage: limited_server.py RATE QUEUE

Beyond that it answers 503 at once. For pods of the lab whose load is to be too much for them.
"""
import asyncio
import socket
import sys

RATE, QUEUE = float(sys.argv[1]), int(sys.argv[2])
PORT = 8080
NAME = socket.gethostname()


class Limited:
    def __init__(self):
        self.waiting = 0
        self.turn = asyncio.Lock()

    async def status(self):
        if self.waiting >= QUEUE:
            return "503 Service Unavailable"
        self.waiting += 1
        try:
            async with self.turn:
                await asyncio.sleep(1 / RATE)
        finally:
            self.waiting -= 1
        return "200 OK"

    async def serve(self, reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            status = await self.status()
            writer.write(f"HTTP/1.1 {status}\r\nX-Server-Host: {NAME}\r\nConnection: close\r\n"
                         f"Content-Length: {len(NAME)}\r\n\r\n{NAME}".encode())
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()


async def main():
    limited = Limited()
    server = await asyncio.start_server(limited.serve, "0.0.0.0", PORT, backlog=1024)
    async with server:
        await server.serve_forever()


asyncio.run(main())
