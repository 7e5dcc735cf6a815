#!/usr/bin/env python3
"""What an experiment says of TCP, seen on the wire by the other side: options and flags of SYNs, the
window, client ports, and keep-alives of a quiet connection.

usage: tcp_knobs.py SEAMLINE        the test; prints TAP
       tcp_knobs.py --serve         accepts on port 7101 and holds; tells each segment from the tester
"""
import contextlib
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading

import tap

SPACE = f"slknob{os.getpid() % 100000}"
IFACE = f"slkn{os.getpid() % 100000}"
PORT = 7101
SACK, TIMESTAMPS, SCALE = 4, 8, 3
SYN, ACK, ECE, CWR = 0x02, 0x10, 0x40, 0x80


def options(raw):
    kinds = []
    while raw and raw[0] != 0:
        kinds.append(raw[0])
        raw = raw[1:] if raw[0] == 1 else raw[raw[1]:]
    return kinds


def segment(packet):
    """Of IPv4, toward the server's port; None of anything else."""
    if packet[9] != socket.IPPROTO_TCP:
        return None
    tcp = packet[(packet[0] & 15) * 4:struct.unpack("!H", packet[2:4])[0]]
    source, port, seq, _, offset, flags, window = struct.unpack("!HHLLBBH", tcp[:16])
    if port != PORT:
        return None
    return {"from": [socket.inet_ntoa(packet[12:16]), source], "seq": seq, "flags": flags, "window": window,
            "options": options(tcp[20:(offset >> 4) * 4]), "bytes": len(tcp) - (offset >> 4) * 4}


def hold(connection):
    """Until the client closes it."""
    with connection, contextlib.suppress(ConnectionResetError):
        while connection.recv(4096):
            pass


def accept(server):
    while True:
        threading.Thread(target=hold, args=[server.accept()[0]], daemon=True).start()


def serve():
    server = socket.create_server(("0.0.0.0", PORT), backlog=100)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    threading.Thread(target=accept, args=[server], daemon=True).start()
    print("ready", flush=True)
    while True:
        seen = segment(wire.recv(2048))
        if seen is not None:
            print(json.dumps(seen), flush=True)


def inside(*arguments, **more):
    return subprocess.run(["ip", "netns", "exec", SPACE, *arguments], check=True, **more)


def setup():
    subprocess.run(["ip", "netns", "add", SPACE], check=True)
    subprocess.run(["ip", "link", "add", IFACE, "numrxqueues", "1", "numtxqueues", "1", "type", "veth",
                    "peer", "name", "eth0", "netns", SPACE, "numrxqueues", "1", "numtxqueues", "1"],
                   check=True)
    pathlib.Path(f"/proc/sys/net/ipv6/conf/{IFACE}/disable_ipv6").write_text("1")
    subprocess.run(["ip", "link", "set", IFACE, "up"], check=True)
    inside("ip", "address", "add", "10.79.0.1/24", "dev", "eth0")
    inside("ip", "link", "set", "eth0", "up")
    inside("ethtool", "-K", "eth0", "tx", "off", stdout=subprocess.DEVNULL)


def teardown():
    subprocess.run(["ip", "link", "del", IFACE], check=False, stderr=subprocess.DEVNULL)
    subprocess.run(["ip", "netns", "del", SPACE], check=False)


def run(seamline, folder, name, url, *more):
    """What the server's side saw, and run.json."""
    machine = {"version": 1, "name": "knobs",
               "ports": [{"name": "p0", "profile": "af_packet", "iface": IFACE,
                          "clients": ["10.79.0.64/26"], "onLink": ["10.79.0.0/24"]}],
               "memory": {"hugepages": "no"}, "allow": [], "cores": {"workers": [1], "control": 0}}
    (folder / "m.json").write_text(json.dumps(machine))
    server = subprocess.Popen(["ip", "netns", "exec", SPACE, sys.executable, __file__, "--serve"],
                              stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline() == "ready\n"
        done = subprocess.run([seamline, "traffic", url, "-m", folder / "m.json", "-d", "3s", "-q",
                               "-o", folder / name, *more],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
    finally:
        server.terminate()
    lines = server.communicate(timeout=10)[0].splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")], \
        json.loads((folder / name / "run.json").read_text())


def checks(seamline, folder):
    url = f"tcp://10.79.0.1:{PORT}"
    seen, account = run(seamline, folder, "default", url, "-r", "10/s")
    syns = [s for s in seen if s["flags"] & SYN]
    yield "SYNs offer SACK, timestamps and scaling", len(syns) > 10 and \
        all({SACK, TIMESTAMPS, SCALE} <= set(s["options"]) for s in syns), syns[:3]
    yield "and no ECN", not any(s["flags"] & (ECE | CWR) for s in syns), syns[:3]
    yield "run.json says so", account["tcp"]["congestion"] == "cubic" and account["tcp"]["sack"] \
        and account["tcp"]["initialWindow"] == 10, account["tcp"]
    ends = [tuple(s["from"]) for s in syns]
    yield "none is from the ends of one before", len(set(ends)) == len(ends), ends
    seen, account = run(seamline, folder, "ports", url, "-r", "40/s", "--set", "tcp.ports.first=40000",
                        "--set", "tcp.ports.last=40000", "--set", "tcp.ports.reuseAfter=50ms")
    ends = [tuple(s["from"]) for s in seen if s["flags"] & SYN]
    yield "client ports are as said", {port for _, port in ends} == {40000}, ends
    # What the client closed first is in TIME-WAIT here.
    yield "and are used again as soon as said", len(ends) > 2 * len(set(ends)), ends
    sets = ["sack=false", "timestamps=false", "windowScale=false", "ecn=true", "window=20KiB",
            "congestion=reno"]
    seen, account = run(seamline, folder, "other", url, "-r", "10/s",
                        *[word for s in sets for word in ("--set", f"tcp.{s}")])
    syns = [s for s in seen if s["flags"] & SYN]
    yield "what is not to be offered is not", len(syns) > 10 and \
        not any({SACK, TIMESTAMPS, SCALE} & set(s["options"]) for s in syns), syns[:3]
    yield "ECN is", all(s["flags"] & ECE and s["flags"] & CWR for s in syns), syns[:3]
    yield "the window is as said", all(s["window"] == 20480 for s in syns), syns[:3]
    yield "run.json says that", account["tcp"]["congestion"] == "reno" and account["tcp"]["ecn"] \
        and account["tcp"]["window"] == 20480, account["tcp"]
    url, one = f"ctraffic://10.79.0.1:{PORT}", ["-r", "1/h", "-c", "1"]
    seen, _ = run(seamline, folder, "quiet", url, *one)
    quiet = [s for s in seen if s["flags"] == ACK and s["bytes"] <= 1]
    yield "a quiet connection is left alone", len(quiet) <= 2, quiet
    seen, _ = run(seamline, folder, "probed", url, *one, "--set", "tcp.keepAlive.idle=300ms",
                  "--set", "tcp.keepAlive.interval=1s")
    first = next(s["seq"] for s in seen if s["flags"] & SYN)
    probes = [s for s in seen if s["flags"] == ACK and s["seq"] == first]
    yield "unless it is to be probed", len(probes) >= 2, seen


def everything(folder):
    try:
        setup()
        yield from checks(pathlib.Path(sys.argv[1]).resolve(), folder)
    finally:
        teardown()


if sys.argv[1] == "--serve":
    serve()
else:
    tap.run("knobs", everything)
