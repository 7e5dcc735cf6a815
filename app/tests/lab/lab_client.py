#!/usr/bin/env python3
"""A client of the kernel's TCP, run inside the lab's own namespace by `seamline-lab exec lab`.

    lab_client.py route NODE...                 give the bridge the clients' address, and routes by the nodes
    lab_client.py spread ADDRESS PORT COUNT     COUNT connections, one after another
    lab_client.py connects ADDRESS PORT PERIOD  a new connection each PERIOD s, until stdin ends
    lab_client.py held ADDRESS PORT COUNT       COUNT connections that last, made again when they break

All speak ctraffic: 64 bytes there, 64 back with the host name over their start. Each prints one JSON object
at its end; the last two print "up" once they run. Failures are named refused, timeout, reset, closed,
unreachable or by their errno.
"""
import asyncio
import errno
import json
import subprocess
import sys

FIRST_LIMIT_S = 3
ANSWER_LIMIT_S = 3
START_LIMIT_S = 30
KINDS = {errno.ECONNREFUSED: "refused", errno.ECONNRESET: "reset", errno.EPIPE: "reset",
         errno.EHOSTUNREACH: "unreachable", errno.ENETUNREACH: "unreachable",
         errno.ETIMEDOUT: "timeout"}


def kind_of(problem):
    if isinstance(problem, asyncio.TimeoutError):
        return "timeout"
    if isinstance(problem, asyncio.IncompleteReadError):
        return "closed"
    return KINDS.get(problem.errno, errno.errorcode.get(problem.errno, str(problem)))


TROUBLE = (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError)


async def connect(address, port):
    return await asyncio.wait_for(asyncio.open_connection(address, port), FIRST_LIMIT_S)


async def exchange(reader, writer):
    writer.write(bytes(64))
    answer = await asyncio.wait_for(reader.readexactly(64), ANSWER_LIMIT_S)
    return answer.split(b"\0")[0].decode()


async def once(address, port):
    """The name of the pod that answered, or "!" and the kind of failure."""
    writer = None
    try:
        reader, writer = await connect(address, port)
        return await exchange(reader, writer)
    except TROUBLE as problem:
        return "!" + kind_of(problem)
    finally:
        if writer is not None:
            writer.close()


async def stdin_end():
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def up():
    print("up", flush=True)


async def spread(address, port, count):
    return {"answers": [await once(address, port) for _ in range(int(count))]}


async def connects(address, port, period):
    end = asyncio.ensure_future(stdin_end())
    made = []
    up()
    while not end.done():
        made.append(asyncio.ensure_future(once(address, port)))
        await asyncio.sleep(float(period))
    return {"answers": list(await asyncio.gather(*made))}


class Slot:
    """A connection and its successors."""

    def __init__(self):
        self.pod = None
        self.breaks = []  # [local endpoint, pod, kind]
        self.failed_connects = []

    async def answered(self):
        while self.pod is None:
            await asyncio.sleep(0.002)

    async def hold(self, address, port):
        while True:
            try:
                reader, writer = await connect(address, port)
            except TROUBLE as problem:
                self.failed_connects.append(kind_of(problem))
                await asyncio.sleep(0.05)
                continue
            host, number = writer.get_extra_info("sockname")[:2]
            local = f"[{host}]:{number}" if ":" in host else f"{host}:{number}"
            first = None
            try:
                while True:
                    answer = await exchange(reader, writer)
                    first = first or answer
                    self.pod = first
                    await asyncio.sleep(0.2)
            except TROUBLE as problem:
                self.breaks.append([local, first, kind_of(problem)])
                self.pod = None
            writer.close()


async def held(address, port, count):
    slots = [Slot() for _ in range(int(count))]
    tasks = []
    for slot in slots:
        tasks.append(asyncio.ensure_future(slot.hold(address, port)))
        await asyncio.wait_for(slot.answered(), START_LIMIT_S)
    first = [slot.pod for slot in slots]
    up()
    await stdin_end()
    ending = set(tasks)
    while ending:  # asyncio.wait_for() forgets to be cancelled when what it waits for comes at that moment.
        for task in ending:
            task.cancel()
        _, ending = await asyncio.wait(ending, timeout=0.1)
    return {"first": first, "lasting": [slot.pod for slot in slots],
            "breaks": [b for slot in slots for b in slot.breaks],
            "failedConnects": [f for slot in slots for f in slot.failed_connects]}


def route(*nodes):
    """Pods of node i by node i; VIPs by the first node."""
    with open("/proc/sys/net/ipv6/conf/fabric/disable_ipv6", "w", encoding="ascii") as setting:
        setting.write("0")
    lines = ["addr add 10.201.0.1/24 dev fabric", "addr add fd00:201::1/112 dev fabric nodad",
             "route add 10.200.0.0/24 dev fabric", "route add fd00:200::/64 dev fabric",
             f"route add 10.202.0.0/24 via 10.200.0.{10 + int(nodes[0])}",
             f"route add fd00:202::/112 via fd00:200::{10 + int(nodes[0])}"]
    for node in map(int, nodes):
        lines += [f"route add 10.244.{node}.0/24 via 10.200.0.{10 + node}",
                  f"route add fd00:244:{node}::/64 via fd00:200::{10 + node}"]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)
    return {}


def main():
    command, *arguments = sys.argv[1:]
    if command == "route":
        print(json.dumps(route(*arguments)))
        return
    action = {"spread": spread, "connects": connects, "held": held}[command]
    print(json.dumps(asyncio.run(action(*arguments))))


main()
