#!/usr/bin/env python3
"""Raw frames over a wire between two NIC ports of one tester, a veth pair: what an impairment drops,
doubles and reorders on its way is what the receiving side counts, to the frame.

usage: raw_wire.py SEAMLINE     prints TAP
"""
import json
import os
import pathlib
import re
import subprocess
import sys

import tap

SPACE = f"slraw{os.getpid() % 100000}"
ENDS = ("wire0", "wire1")


def setup():
    subprocess.run(["ip", "netns", "add", SPACE], check=True)
    queues = ["numrxqueues", "1", "numtxqueues", "1"]
    inside("ip", "link", "add", ENDS[0], *queues, "type", "veth", "peer", "name", ENDS[1], *queues)
    for end in ENDS:
        inside("sysctl", "-qw", f"net.ipv6.conf.{end}.disable_ipv6=1")
        inside("ip", "link", "set", end, "up")


def inside(*arguments, **more):
    return subprocess.run(["ip", "netns", "exec", SPACE, *arguments], check=True, **more)


def machine():
    both = ["10.78.0.0/16", "fd00:78::/32"]
    return {"version": 1, "name": "raw-wire",
            "ports": [{"name": f"p{i}", "profile": "af_packet", "iface": end,
                       "clients": [f"10.78.{i}.0/24", f"fd00:78:{i}::/64"], "onLink": both}
                      for i, end in enumerate(ENDS)],
            "memory": {"hugepages": "no"}, "allow": [], "cores": {"workers": [0, 1]}}


def stream(name, address, rate, **raw):
    return {"name": name, "protocol": "raw", "rate": rate, "target": {"address": address, "port": 9},
            "raw": {"sizes": [100, 200, 1500], "sources": 16, "sourcePorts": 100, **raw}}


def experiment(**more):
    # One at a time: what the impairment counts is then that stream's.
    return {"version": 1, "name": "raw-wire", **more,
            "steps": [{"do": "start"}, {"do": "wait", "for": "3s"}, {"do": "stop"}]}


def run(seamline, folder, name, document):
    (folder / "m.json").write_text(json.dumps(machine()))
    (folder / f"{name}.json").write_text(json.dumps(document))
    done = subprocess.run(["ip", "netns", "exec", SPACE, seamline, "run", folder / f"{name}.json",
                           "--machine", folder / "m.json", "-o", folder / name],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 1), done.stderr
    account = json.loads((folder / name / "run.json").read_text())
    notes = json.loads((folder / name / "meta.json").read_text())["notes"]
    return account, notes, (folder / name / "report.txt").read_text(), done.returncode


def impaired(notes, port):
    """What the impairment did to what PORT sent."""
    line = next(n for n in notes.splitlines() if f"(port {port}, queue 0, send)" in n)
    counts = re.findall(r"(\d+) (?:that it )?(dropped|duplicated|put)", line)
    return {word: int(number) for number, word in counts}, line


def checks(seamline, folder):
    clean, _, report, status = run(seamline, folder, "clean", experiment(
        streams=[stream("wire", "10.78.1.10", "2kpps", destinations=100, random=["sources"]),
                 stream("wire6", "fd00:78:1::10", "1Mbit/s", destinationPorts=50)],
        expect=[{"stream": "wire", "figure": "lostRequests", "equals": 0},
                {"stream": "wire6", "figure": "goodRatio", "atLeast": 0.001}]))
    for of in clean["streams"]:
        name, outcomes = of["name"], of["outcomes"]
        yield f"{name}: due is the sum of outcomes", of["due"] == sum(outcomes.values()) > 400, of
        yield f"{name}: all of it is sent", of["sent"] + outcomes["unsent"] == of["due"], of
        yield f"{name}: and arrives", of["received"] == of["sent"] and of["lost"] == 0, (of, report)
        yield f"{name}: once", of["datagrams"]["duplicates"] == 0, of
    yield "the figures of frames can be expected", status == 0, report
    faults = {"dropPpm": 50000, "duplicatePpm": 20000, "reorderPpm": 10000, "distance": 5}
    account, notes, report, status = run(seamline, folder, "impaired", experiment(
        streams=[stream("wire", "10.78.1.10", "2kpps")], impair={"send": faults},
        expect=[{"stream": "wire", "figure": "lostRequests", "equals": 0}]))
    wire = account["streams"][0]
    did, line = impaired(notes, "p0")
    yield "impaired: due is the sum of outcomes", wire["due"] == sum(wire["outcomes"].values()), wire
    yield "impaired: what was dropped is lost, to the frame", \
        wire["lost"] == did["dropped"] > 100, (line, wire)
    yield "impaired: what is not lost was received", \
        wire["received"] == wire["sent"] - wire["lost"], wire
    yield "impaired: what was doubled came twice", \
        wire["datagrams"]["duplicates"] == did["duplicated"] > 30, (line, wire)
    yield "impaired: what was put back is reordered", wire["datagrams"]["reordered"] > 10, (line, wire)
    yield "impaired: the expectation is not met", status == 1, report
    yield "impaired: the report tells", f"lost {wire['lost']} (" in report, report
    fast, _, report, _ = run(seamline, folder, "max", experiment(
        streams=[stream("wire", "10.78.1.10", "max")]))
    wire = fast["streams"][0]
    yield "max: due is the sum of outcomes", wire["due"] == sum(wire["outcomes"].values()), wire
    yield "max: faster than any law was", wire["sent"] > 20000, wire
    yield "max: no frame came that was not sent", \
        wire["received"] + wire["lost"] == wire["sent"], wire
    yield "max: the report says so", "as fast as the device takes them" in report, report
    for port in fast["tester"]["ports"]:
        yield f"all buffers of {port['name']} are back", port["mbufsMissing"] == 0, port


def everything(folder):
    try:
        setup()
        yield from checks(pathlib.Path(sys.argv[1]).resolve(), folder)
    finally:
        subprocess.run(["ip", "netns", "del", SPACE], check=False)


tap.run("raw", everything)
