#!/usr/bin/env python3
"""A ctraffic TCP server, written from the description of the protocol alone.

    ctraffic_server.py NAME ADDRESS PORT [PORT..]

Of each connection it reads exactly 64 bytes, writes NAME over their start, sends these 64 back, and
echoes all that follows. Prints "ready" once it listens on all PORTs.
"""

import asyncio
import socket
import sys


async def read_exactly(reader, count):
    try:
        return await reader.readexactly(count)
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def serve(name, reader, writer):
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    first = await read_exactly(reader, 64)
    try:
        if first:
            writer.write(name + first[len(name):])
            while True:
                more = await reader.read(65536)
                if not more:
                    break
                writer.write(more)
                await writer.drain()
        writer.close()
    except ConnectionError:
        pass


async def main():
    name, address, ports = sys.argv[1].encode(), sys.argv[2], sys.argv[3:]
    for port in ports:
        await asyncio.start_server(lambda r, w: serve(name, r, w), address, int(port), backlog=1000,
                                   reuse_address=True)
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
