#!/usr/bin/env python3
"""Packets alone: ctraffic to static pods behind a kernel balancer, two of which are killed by hand.

usage: static.py SEAMLINE SEAMLINE-LAB

Each broken connection is accounted for by pod and kind, and held against the lab's own log. Prints TAP.
"""
import calendar
import decimal
import json
import pathlib
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


FIELDS = ["frame.time_epoch", "frame.packet_flags_direction", "frame.protocols", "tcp.flags", "tcp.dstport", "tcp.len",
          "tcp.checksum.status", "ip.checksum.status", "_ws.malformed", "_ws.expert.severity"]
INBOUND, OUTBOUND = "0x00000001", "0x00000002"
BAD, GOOD = "0", "1"
ERROR = 8 << 20  # Of the severities of tshark's expert.
MANY = "1000000"


def tshark(path):
    """Each packet as tshark reads it, by field, with checksums verified; and what it says on standard error."""
    checked = [word for name in ("ip", "tcp", "udp") for word in ("-o", f"{name}.check_checksum:TRUE")]
    done = subprocess.run(["tshark", "-n", "-r", path, "-c", MANY, *checked, "-T", "fields", "-E", "separator=/t",
                           *(word for name in FIELDS for word in ("-e", name))],
                          capture_output=True, text=True, timeout=60, check=True)
    packets = [dict(zip(FIELDS, line.split("\t"))) for line in done.stdout.splitlines()]
    return packets, [line for line in done.stderr.splitlines() if "Running as user" not in line]


def comment(path):
    """That of the whole file."""
    done = subprocess.run(["capinfos", "-T", "-m", "-r", "-k", path], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.partition(",")[2]


def faults(packets):
    """Those that tshark finds malformed, or in error, or whose checksums are wrong."""
    for packet in packets:
        # An ICMP error has two IP headers, and a value for each.
        sums = f"{packet['tcp.checksum.status']},{packet['ip.checksum.status']}".split(",")
        severities = [int(word, 0) for word in packet["_ws.expert.severity"].split(",") if word]
        if packet["_ws.malformed"] or BAD in sums or max(severities, default=0) >= ERROR:
            yield packet


def show_piece(path):
    """The client ports whose connection ended (FIN, RST) after a good answer, and the rest."""
    packets, said = tshark(path)
    ended, answered = set(), set()
    for packet in packets:
        if not packet["frame.protocols"].startswith("eth:ethertype:ip:tcp") \
                or packet["frame.packet_flags_direction"] != INBOUND:
            continue
        port = int(packet["tcp.dstport"])
        if int(packet["tcp.flags"], 16) & 0x05:
            ended.add(port)
        elif packet["tcp.len"] != "0" and port not in ended:
            answered.add(port)
    times = [decimal.Decimal(packet["frame.time_epoch"]) for packet in packets]
    directions = {packet["frame.packet_flags_direction"] for packet in packets}
    return {"comment": comment(path), "ended": ended & answered, "sorted": times == sorted(times),
            "times": (min(times), max(times)), "both ways": directions == {INBOUND, OUTBOUND}, "said": said,
            "verified": sum(packet["tcp.checksum.status"] == GOOD for packet in packets), "faults": list(faults(packets))}


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
    yield "and all of it is accounted for: good, or the tester's own delay", \
        paced["outcomes"]["ok"] > 0 and 150 == sum(
            paced["outcomes"][name] for name in ("ok", "repaired", "late", "unsent", "unfinished")), paced
    pieces = account["pieces"]
    for name in ("pod-1", "pod-2"):
        ports = {int(c["tuple"].partition("->")[0].rpartition(":")[2]) for c in account["connections"]
                 if c["pod"] == name and c["end"] != "lasting"}
        yield f"what broke the connections of {name} is in a piece", any(ports & piece["ended"] for piece in pieces), (
            ports, pieces)
    yield "pieces are in order, of both ways, and hold the onset", pieces and all(
        piece["sorted"] and piece["both ways"] and "the onset is in it" in piece["comment"] for piece in pieces), pieces
    whole, _, fraction = account["started"].rstrip("Z").partition(".")
    began = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + decimal.Decimal("0." + fraction)
    yield "their packets are of the time of the run", all(
        began <= piece["times"][0] <= piece["times"][1] <= began + decimal.Decimal(account["ended"]) / 10**9
        for piece in pieces), (account["started"], pieces)
    yield "tshark finds none malformed, and each checksum right", all(
        piece["verified"] > 0 and not piece["faults"] and not piece["said"] for piece in pieces), pieces
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
