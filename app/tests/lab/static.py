#!/usr/bin/env python3
"""Packets alone: ctraffic to static pods behind a kernel balancer, two of which are killed by hand.

usage: static.py SEAMLINE SEAMLINE-LAB

Each broken connection is accounted for by pod and kind, and held against the lab's own log. Prints TAP.
"""
import json
import pathlib
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tap  # noqa: E402
import truth  # noqa: E402

SEAMLINE, LAB = (pathlib.Path(p).resolve() for p in sys.argv[1:3])


def lab(folder, *arguments):
    return subprocess.run([LAB, *arguments, "--dir", folder / "lab"], check=True, text=True,
                          capture_output=True, timeout=60).stdout


def read_pcapng(path):
    """The comment, and each packet as (interface, ns since 1970, sent, bytes)."""
    data, at, comment, packets = path.read_bytes(), 0, "", []
    while at < len(data):
        kind, size = struct.unpack_from("=II", data, at)
        body = data[at + 8:at + size - 4]
        assert struct.unpack_from("=I", data, at + size - 4) == (size,)
        if kind == 0x0A0D0D0A:
            comment = body[20:20 + struct.unpack_from("=H", body, 18)[0]].decode()
        elif kind == 6:
            interface, high, low, kept, _ = struct.unpack_from("=IIIII", body)
            options = body[20 + (kept + 3) // 4 * 4:]
            assert struct.unpack_from("=HH", options) == (2, 4)
            packets.append((interface, high << 32 | low, struct.unpack_from("=I", options, 4)[0] & 3 == 2,
                            body[20:20 + kept]))
        at += size
    return comment, packets


def tcp_of(frame):
    """(source port, destination port, flags, payload?) of an IPv4 TCP segment, or None."""
    if frame[12:14] != b"\x08\x00" or frame[23] != 6:
        return None
    at = 14 + (frame[14] & 15) * 4
    source, target = struct.unpack_from("!HH", frame, at)
    total = struct.unpack_from("!H", frame, 16)[0]
    return source, target, frame[at + 13], total > (frame[14] & 15) * 4 + (frame[at + 12] >> 4) * 4


def tcpdump(path):
    """How many packets a program of others reads in it, and of these how many are TCP."""
    done = subprocess.run(["tcpdump", "-nn", "-r", path], capture_output=True, text=True, timeout=60, check=True)
    lines = done.stdout.splitlines()
    return len(lines), sum(" Flags [" in line for line in lines)


def show_piece(path):
    """How many connections it has whose end (FIN, RST) came in after a good answer, and the rest."""
    comment, packets = read_pcapng(path)
    read = tcpdump(path)
    assert read == (len(packets), sum(tcp_of(p[3]) is not None for p in packets)), (read, len(packets))
    ended, answered, sent = set(), set(), 0
    for _, _, outbound, frame in packets:
        segment = tcp_of(frame)
        sent += outbound
        if segment is None or outbound:
            continue
        if segment[2] & 0x05:
            ended.add(segment[1])
        elif segment[3] and segment[1] not in ended:
            answered.add(segment[1])
    times = [p[1] for p in packets]
    return {"comment": comment, "ended": len(ended & answered), "sorted": times == sorted(times),
            "both ways": 0 < sent < len(packets)}


def run(folder):
    lab(folder, "static", "--pods", "4", "--iface", "slstatic0")
    vip = json.loads(lab(folder, "status"))["services"][0]["vips"][0]["ip"]
    process = subprocess.Popen(
        [SEAMLINE, "traffic", f"ctraffic://{vip}:5003", "-m", folder / "lab" / "machine.json",
         "-c", "16", "-r", "160/s", "-d", "6s", "-o", folder / "out", "--pcap"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "connections 16 up" in line:
            break
    time.sleep(1)
    lab(folder, "kill", "pod-1", "--signal", "TERM")
    time.sleep(2)  # Longer than the hold-off: a piece of its own for each.
    lab(folder, "kill", "pod-2", "--signal", "KILL")
    _, errors = process.communicate(timeout=60)
    account = json.loads((folder / "out" / "run.json").read_text())
    closes = truth.check(folder / "out", folder / "lab" / "truth.jsonl")
    account["pieces"] = [show_piece(path) for path in sorted((folder / "out").glob("capture-*.pcapng"))]
    paced = new_connections(folder, vip)
    account["pings"] = [ping(folder, name, address) for name, address in
                        (("node", "10.200.0.11"), ("node6", "[fd00:200::12]"), ("vip", vip))]
    lab(folder, "down")
    return process.returncode, errors, account, closes, paced


def ping(folder, name, address):
    """What some echo requests are toward, how many were answered, and all outcomes."""
    subprocess.run([SEAMLINE, "traffic", f"icmp://{address}", "-m", folder / "lab" / "machine.json", "-d", "1s",
                    "--rate", "50", "-q", "-o", folder / name], check=True, capture_output=True, timeout=60)
    stream = json.loads((folder / name / "run.json").read_text())["streams"][0]
    outcomes = {k: v for k, v in stream["outcomes"].items() if v}
    return stream["target"], outcomes.get("ok", 0) + outcomes.get("late", 0), outcomes


def new_connections(folder, vip):
    """100 connections in the first second, 50 at once in the second one's place, and no more."""
    done = subprocess.run(
        [SEAMLINE, "traffic", "tcp://mserver.example:80", "--resolve", "mserver.example:80:10.0.0.1",
         "--connect-to", f"mserver.example:80:{vip}:5003", "-m", folder / "lab" / "machine.json",
         "--rate", "steps:100*1s,50k*1ms,0*1s", "--duration", "2s", "--timeout", "1s", "--seed", "3",
         "-q", "-o", folder / "paced"], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise ValueError(done.stderr)
    return json.loads((folder / "paced" / "run.json").read_text())["streams"][0]


def checks(status, errors, account, closes, paced):
    stream = account["streams"][0]
    pods = {p["name"]: p for p in account["pods"]}
    yield "the run ended", status == 0, errors
    yield "due is the sum of outcomes", stream["due"] == sum(stream["outcomes"].values()) \
        and stream["sumsHold"], stream
    yield "every connection of the killed pods broke", all(
        pods[name]["broken"] > 0 and pods[name]["lasting"] == 0 for name in ("pod-1", "pod-2")), pods
    broken = pods["pod-1"]["broken"] + pods["pod-2"]["broken"]
    yield "the others last, and took them over", \
        pods["pod-3"]["lasting"] + pods["pod-4"]["lasting"] == 16, pods
    # A connection that the kernel took for a pod, and that ended before the pod answered, names none.
    unnamed = sum(c["pod"] is None and c["connected"] is not None and c["end"] != "lasting"
                  for c in account["connections"])
    yield "every broken connection is accounted for, failed connects apart", (
        stream["connections"]["broken"] == broken + unnamed
        and stream["connections"]["lasting"] == 16), stream
    truth.show(closes)
    yield "each close lies within its onset bracket", \
        closes["matched"] == broken and closes["inside"] == broken, closes
    yield "a law's integral is due, to the request", paced["due"] == 150, paced
    yield "and all of it is accounted for", sum(paced["outcomes"].values()) == 150 \
        and paced["outcomes"]["ok"] > 100, paced
    pieces = account["pieces"]
    yield "what broke the connections of both pods is in a piece each", len(pieces) == 2 and all(
        piece["ended"] > 0 and piece["sorted"] and piece["both ways"]
        and "the onset is in it" in piece["comment"] for piece in pieces), pieces
    node, node6, vip = account["pings"]
    yield "nodes answer pings", node[0] == "icmp://10.200.0.11" and node[1] > 10 \
        and node6[0] == "icmp://[fd00:200::12]" and node6[1] > 10, (node, node6)
    yield "a Service's address does not", vip[1] == 0 and sum(vip[2].values()) > 40, vip
    yield "all buffers are back", account["tester"]["ports"][0]["mbufsMissing"] == 0, account["tester"]


def everything(folder):
    try:
        yield from checks(*run(folder))
    except Exception:
        subprocess.run([LAB, "down", "--dir", folder / "lab"], check=False)
        raise


tap.run("static", everything)
