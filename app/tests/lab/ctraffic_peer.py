#!/usr/bin/env python3
"""A ctraffic server that behaves as told, and counts: the other side of the interop test.

usage: ctraffic_peer.py LISTEN[,LISTEN...] PORT PLAN.json LOG.json

Written from the protocol's description, not from seamline's client. Per connection: read exactly 64
bytes, write the host name over their start, write these 64 back, then echo every further byte. What
the client may send is known beforehand, so each byte of it is checked: zeros in its first packet,
later whatever the last answer was.

PLAN.json is {"size": bytes a packet, "seed": N, "connections": [BEHAVIOUR...], "then": BEHAVIOUR}:
the n-th connection to be accepted behaves as the n-th entry says, any further one as "then" says.
A BEHAVIOUR is an object with any of these members:

  name         for the log; default "echo"
  host         the host name, 1 to 63 bytes; default "peer"
  split        how an answer is cut into writes:
               "whole"     one write (the default)
               "natural"   64 bytes as soon as they are there, the rest as it comes
               "bytes"     a write for each byte
               "sweep"     two writes; the cut moves by one byte an answer, over all that sweep
               "random"    two to nine writes, by the seed
               [N, ...]    cut at these offsets
  pauseMs      between two writes of one answer; default 0: no wait at all
  delayMs      before each answer
  accept       what comes at once after accept, before anything is read: "fin" (shut down; what the
               client still sends is read and counted), "close", "reset"
  unasked      so many bytes are sent right after accept
  after        whole right answers before `then` happens
  then         "fin", "close", "reset"      after the last of these answers, without waiting
               "fin-half", "reset-half"     after a part of the next answer (`part`; default half)
               "stall", "stall-half"        the next answer never comes, or its second half
               "late"                       the next answer takes `lateMs`
               "wrong"                      its byte at `offset` (from the end if < 0) is changed
               "extra"                      it has `extra` bytes too many
               But for "late", an answer that was spoilt is the last one.

The line "listening" on stdout says that it is ready. SIGTERM ends it; then LOG.json is written: for
each connection, in order of acceptance, what was accepted, got, answered, and how it ended.
"""
import asyncio
import errno
import fcntl
import json
import random
import signal
import socket
import struct
import sys
import termios
import time

HEAD = 64
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def unread_bytes(sock):
    return struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, b"\0\0\0\0"))[0]


def first_difference(got, want, base):
    for place, (a, b) in enumerate(zip(got, want)):
        if a != b:
            return f"byte {base + place} is {a}, want {b}"
    return None


class Sweep:
    """Cuts that move by one byte an answer; they are counted over all connections."""

    def __init__(self, size):
        self.size = size
        self.at = 0
        self.used = set()

    def next(self):
        self.at = self.at % (self.size - 1) + 1
        self.used.add(self.at)
        return [self.at]


class Connection:
    def __init__(self, server, number, sock, client):
        self.server = server
        self.sock = sock
        self.behaviour = server.behaviour(number)
        self.random = random.Random(server.seed * 1000003 + number)
        self.host = self.behaviour.get("host", "peer").encode()
        self.size = server.size
        self.expected = bytes(self.size)
        self.log = {
            "number": number, "client": client[0], "port": client[1], "host": self.host.decode(),
            "behaviour": self.behaviour.get("name", "echo"), "accepted": time.time_ns(),
            "bytes": 0, "packets": 0, "answers": 0, "answeredBytes": 0, "spoilt": 0,
            "problem": None, "ended": None, "endedAt": None,
        }

    def end(self, how):
        """Notes who ended the connection, and how; the first one counts."""
        if self.log["ended"] is None:
            self.log["ended"] = how
            self.log["endedAt"] = time.time_ns()

    # Ways to end it; each stamps before it acts.

    async def fin(self):
        self.end("fin")
        self.sock.shutdown(socket.SHUT_WR)
        while await self.read(4096):
            pass

    def close(self):
        # Linux answers for bytes that nobody read with a reset.
        self.end("reset" if unread_bytes(self.sock) else "fin")
        self.sock.close()

    def reset(self):
        self.end("reset")
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.sock.close()

    async def silent(self):
        self.log["silentAt"] = time.time_ns()
        while await self.read(4096):
            pass

    # Bytes.

    async def read(self, limit):
        """Some bytes, checked against what they must be; none: the client has ended."""
        place = self.log["bytes"] % self.size
        data = await self.server.loop.sock_recv(self.sock, min(limit, self.size - place))
        if not data:
            self.end("client-fin")
            return data
        if self.log["problem"] is None:
            self.log["problem"] = first_difference(data, self.expected[place:], self.log["bytes"])
        self.log["bytes"] += len(data)
        self.log["packets"] = self.log["bytes"] // self.size
        return data

    async def read_exactly(self, count):
        data = b""
        while len(data) < count:
            part = await self.read(count - len(data))
            if not part:
                return None
            data += part
        return data

    async def write(self, data):
        await self.server.loop.sock_sendall(self.sock, data)
        self.log["answeredBytes"] += len(data)

    async def write_cut(self, data):
        split = self.behaviour.get("split", "whole")
        if split == "sweep":
            cuts = self.server.sweep.next()
        elif split == "random":
            cuts = [self.random.randrange(1, len(data)) for _ in range(self.random.randint(1, 8))]
        elif split == "bytes":
            cuts = range(1, len(data))
        else:
            cuts = split if isinstance(split, list) else []
        edges = sorted({0, len(data), *(cut for cut in cuts if 0 < cut < len(data))})
        for start, stop in zip(edges, edges[1:]):
            if start and self.behaviour.get("pauseMs"):
                await asyncio.sleep(self.behaviour["pauseMs"] / 1e3)
            await self.write(data[start:stop])

    # Packets.

    def answer_to(self, packet):
        """Only the first 64 bytes of a connection get the name; all the rest is an echo."""
        return self.host + packet[len(self.host):] if self.log["answers"] == 0 else packet

    async def natural(self):
        """One packet as it comes: the head first, then each read is a write."""
        done = 0
        whole = b""
        while done < self.size:
            first = self.log["answers"] == 0 and done == 0
            part = await (self.read_exactly(HEAD) if first else self.read(self.size - done))
            if not part:
                return False
            part = self.answer_to(part) if first else part
            whole += part
            done += len(part)
            self.expected = whole + self.expected[len(whole):]
            if done == self.size:
                self.log["answers"] += 1
            await self.write(part)
        return True

    async def whole(self):
        packet = await self.read_exactly(self.size)
        if packet is None:
            return False
        if self.behaviour.get("delayMs"):
            await asyncio.sleep(self.behaviour["delayMs"] / 1e3)
        answer = self.answer_to(packet)
        self.expected = answer
        self.log["answers"] += 1
        await self.write_cut(answer)
        return True

    async def spoil(self, how):
        """The answer that is not right. True: the connection goes on."""
        packet = await self.read_exactly(self.size)
        if packet is None:
            return False
        answer = self.answer_to(packet)
        part = self.behaviour.get("part", self.size // 2)
        if how == "late":
            self.log["spoilt"] += 1
            await asyncio.sleep(self.behaviour["lateMs"] / 1e3)
            self.expected = answer
            await self.write(answer)
            self.log["answers"] += 1
            return True
        self.log["spoilt"] += 1
        if how in ("fin-half", "reset-half", "stall-half"):
            await self.write(answer[:part])
        if how == "fin-half":
            await self.fin()
        elif how == "reset-half":
            # A reset overtakes nothing here: the half is on its way before it is sent.
            await asyncio.sleep(0.005)
            self.reset()
        elif how in ("stall", "stall-half"):
            await self.silent()
        elif how == "wrong":
            place = self.behaviour.get("offset", -1) % self.size
            await self.write(answer[:place] + bytes([answer[place] ^ 0x20]) + answer[place + 1:])
            await self.silent()
        elif how == "extra":
            await self.write(answer + bytes(self.behaviour.get("extra", 1)))
            await self.silent()
        return False

    async def serve(self):
        at_accept = self.behaviour.get("accept")
        if at_accept:
            await self.finish(at_accept)
            return
        if self.behaviour.get("unasked"):
            await self.write(bytes(self.behaviour["unasked"]))
            await self.silent()
            return
        one = self.natural if self.behaviour.get("split") == "natural" else self.whole
        left = self.behaviour.get("after", -1)
        while left != 0:
            if not await one():
                return
            left -= 1
        how = self.behaviour["then"]
        if how in ("fin", "close", "reset"):
            await self.finish(how)
        elif await self.spoil(how):
            while await one():
                pass

    async def finish(self, how):
        if how == "fin":
            await self.fin()
        elif how == "close":
            self.close()
        else:
            self.reset()

    async def run(self):
        try:
            await self.serve()
        except OSError as problem:
            by_client = problem.errno in (errno.ECONNRESET, errno.EPIPE)
            self.end("client-reset" if by_client else str(problem))
        finally:
            self.sock.close()


class Server:
    def __init__(self, plan):
        self.plan = plan
        self.size = plan.get("size", 1024)
        self.seed = plan.get("seed", 1)
        self.sweep = Sweep(self.size)
        self.connections = []
        self.tasks = set()
        self.loop = None

    def behaviour(self, number):
        given = self.plan.get("connections", [])
        behaviour = given[number] if number < len(given) else self.plan.get("then", {})
        assert 1 <= len(behaviour.get("host", "peer")) < HEAD, behaviour
        return behaviour

    async def listen(self, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(512)
        listener.setblocking(False)
        return listener

    async def accept(self, listener):
        while True:
            sock, client = await self.loop.sock_accept(listener)
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, len(self.connections), sock, client)
            self.connections.append(connection)
            task = self.loop.create_task(connection.run())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def run(self, addresses, port):
        self.loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        self.loop.add_signal_handler(signal.SIGTERM, stop.set)
        listeners = [await self.listen(address, port) for address in addresses]
        accepting = [self.loop.create_task(self.accept(listener)) for listener in listeners]
        print("listening", flush=True)
        await stop.wait()
        for task in accepting:
            task.cancel()

    def log(self):
        return {"connections": [connection.log for connection in self.connections],
                "cuts": sorted(self.sweep.used)}


def main():
    addresses, port, plan, log = sys.argv[1:5]
    with open(plan) as file:
        server = Server(json.load(file))
    asyncio.run(server.run(addresses.split(","), int(port)))
    with open(log, "w") as file:
        json.dump(server.log(), file, indent=1)


main()
