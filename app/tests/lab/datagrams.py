#!/usr/bin/env python3
"""UDP and ICMP over a veth: the kernel's echo, a dead port, a black hole, and a server that misbehaves
on purpose and says what it did.

usage: datagrams.py SEAMLINE        the test; prints TAP
       datagrams.py --serve PORT    the server: of every 50 datagrams it drops one, answers one twice,
                                    and keeps one back until three more were answered
"""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import tap

SPACE = f"sldgram{os.getpid() % 100000}"
IFACE = f"sldg{os.getpid() % 100000}"
ECHO, DEAD, HOLE = 7001, 7002, 7003
NAME = b"echo-1"


def serve(port):
    done = {"received": 0, "dropped": 0, "doubled": 0, "late": 0, "kept": 0}
    kept = []

    def say(*_):
        print(json.dumps({**done, "kept": len(kept)}), flush=True)
        sys.exit(0)

    signal.signal(signal.SIGTERM, say)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", port))
    print("ready", flush=True)
    while True:
        data, peer = sock.recvfrom(9000)
        answer = NAME + data[len(NAME):]
        turn = done["received"] % 50
        done["received"] += 1
        if turn == 10:
            done["dropped"] += 1
        elif turn == 30:
            kept.append(answer)
        else:
            sock.sendto(answer, peer)
        if turn == 20:
            sock.sendto(answer, peer)
            done["doubled"] += 1
        if turn == 33:
            sock.sendto(kept.pop(), peer)
            done["late"] += 1


def inside(*arguments, **more):
    return subprocess.run(["ip", "netns", "exec", SPACE, *arguments], check=True, **more)


def setup():
    subprocess.run(["ip", "netns", "add", SPACE], check=True)
    subprocess.run(["ip", "link", "add", IFACE, "numrxqueues", "1", "numtxqueues", "1", "type", "veth",
                    "peer", "name", "eth0", "netns", SPACE, "numrxqueues", "1", "numtxqueues", "1"],
                   check=True)
    pathlib.Path(f"/proc/sys/net/ipv6/conf/{IFACE}/disable_ipv6").write_text("1")
    subprocess.run(["ip", "link", "set", IFACE, "up"], check=True)
    inside("sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0", "net.ipv4.icmp_ratelimit=0")
    for address in ("10.77.0.1/24", "fd00:77::1/64"):
        inside("ip", "address", "add", address, "dev", "eth0")
    inside("ip", "link", "set", "eth0", "up")
    inside("ethtool", "-K", "eth0", "tx", "off", stdout=subprocess.DEVNULL)
    rules = (f"table inet hole {{\n chain in {{\n type filter hook input priority 0\n"
             f" udp dport {HOLE} drop\n }}\n}}\n")
    inside("nft", "-f", "-", input=rules.encode())


def teardown():
    subprocess.run(["ip", "link", "del", IFACE], check=False, stderr=subprocess.DEVNULL)
    subprocess.run(["ip", "netns", "del", SPACE], check=False)


def stream(name, protocol, address, port, rate, **more):
    return {"name": name, "protocol": protocol, "target": {"address": address, "port": port},
            "rate": rate, "timeout": "300ms", "size": 200, **more}


def run(seamline, folder):
    machine = {"version": 1, "name": "datagrams",
               "ports": [{"name": "p0", "profile": "af_xdp", "iface": IFACE,
                          "clients": ["10.77.0.64/26", "fd00:77::4:0/112"],
                          "onLink": ["10.77.0.0/24", "fd00:77::/64"]}],
               "memory": {"hugepages": "no"}, "allow": ["10.77.0.0/24", "fd00:77::/64"],
               "cores": {"workers": [1], "control": 0}}
    experiment = {"version": 1, "name": "datagrams",
                  "streams": [stream("echo", "udp", "10.77.0.1", ECHO, "500/s"),
                              stream("dead", "udp", "10.77.0.1", DEAD, "50/s", connections=3),
                              stream("hole", "udp", "10.77.0.1", HOLE, "50/s"),
                              stream("ping", "icmp", "10.77.0.1", 1, "100/s", connections=4),
                              stream("ping6", "icmp", "fd00:77::1", 1, "100/s")],
                  "steps": [{"do": "start"}, {"do": "wait", "for": "4s"}, {"do": "stop"}]}
    (folder / "m.json").write_text(json.dumps(machine))
    (folder / "e.json").write_text(json.dumps(experiment))
    done = subprocess.run([seamline, "run", folder / "e.json", "--machine", folder / "m.json",
                           "-o", folder / "out"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    account = json.loads((folder / "out" / "run.json").read_text())
    return account, (folder / "out" / "report.txt").read_text()


def left(outcomes):
    """What the end cut off, and what a tester that is kept from its CPU could not send."""
    return outcomes["unfinished"] + outcomes["unsent"]


def checks(account, report, server):
    streams = {s["name"]: s for s in account["streams"]}
    outcomes = {name: s["outcomes"] for name, s in streams.items()}
    for name, of in streams.items():
        yield f"{name}: due is the sum of outcomes", of["due"] == sum(of["outcomes"].values()) > 100, of
    echo, counts = outcomes["echo"], streams["echo"]["datagrams"]
    answered = echo["ok"] + echo["late"]
    # What was under way when the streams were stopped is unfinished here and may be answered there.
    expected = server["received"] - server["dropped"] - server["kept"]
    yield "echo: the server has what was sent", server["received"] == streams["echo"]["sent"], server
    yield "echo: what it answered was answered", \
        0 <= expected - answered <= echo["unfinished"], (echo, server)
    yield "echo: what it dropped is stalled", \
        0 <= server["dropped"] + server["kept"] - echo["stalled"] <= echo["unfinished"], (echo, server)
    yield "echo: what it doubled came twice", \
        counts["duplicates"] in (server["doubled"] - 1, server["doubled"]) and server["doubled"] > 5, \
        (counts, server)
    yield "echo: what it kept back is reordered, by three", counts["largestExtent"] == 3 and \
        counts["reordered"] in (server["late"] - 1, server["late"]), (counts, server)
    yield "echo: each loss is an outage, and is over", \
        streams["echo"]["outages"]["count"] - streams["echo"]["outages"]["open"] > 5, streams["echo"]
    yield "echo: the server's name is known", NAME.decode() in json.dumps(account), account["pods"]
    dead, hole = outcomes["dead"], outcomes["hole"]
    yield "dead: a closed port refuses", \
        dead["refused"] + left(dead) == streams["dead"]["due"] and dead["refused"] > 20, dead
    yield "hole: nothing comes back", \
        hole["stalled"] + left(hole) == streams["hole"]["due"] and hole["stalled"] > 20, hole
    for name in ("ping", "ping6"):
        of = outcomes[name]
        yield f"{name}: the kernel answers", \
            of["ok"] + of["late"] + left(of) == streams[name]["due"] and of["ok"] > 50, of
    yield "the report tells of reordering", "largest extent 3: answers behind one" in report, report
    yield "all buffers are back", account["tester"]["ports"][0]["mbufsMissing"] == 0, account["tester"]


def everything(folder):
    server = None
    try:
        setup()
        server = subprocess.Popen(["ip", "netns", "exec", SPACE, sys.executable, __file__, "--serve",
                                   str(ECHO)], stdout=subprocess.PIPE, text=True)
        assert server.stdout.readline() == "ready\n"
        account, report = run(pathlib.Path(sys.argv[1]).resolve(), folder)
        server.terminate()
        did = json.loads(server.communicate(timeout=10)[0])
        yield from checks(account, report, did)
    finally:
        if server is not None and server.poll() is None:
            server.kill()
            server.wait(10)
        teardown()


if sys.argv[1] == "--serve":
    serve(int(sys.argv[2]))
else:
    tap.run("datagrams", everything)
