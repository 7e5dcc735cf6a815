#!/usr/bin/env python3
"""TCP over a veth toward the Linux kernel's, with a share of packets dropped both ways by nftables.

usage: loss.py SEAMLINE SEAMLINE-POD

Nothing may break that retransmission can mend: requests are repaired or late, each sending that was lost
is on record, and bytes come back as they were sent (else: bad-answer). Prints TAP.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import tap

SEAMLINE, POD = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
SPACE = f"slloss{os.getpid() % 100000}"
IFACE = f"slls{os.getpid() % 100000}"

RULES = """table inet loss {
    chain in {
        type filter hook input priority 0
        meta l4proto tcp numgen inc mod %(mod)d == 3 counter drop
    }
    chain out {
        type filter hook output priority 0
        meta l4proto tcp numgen inc mod %(mod)d == 7 counter drop
    }
}
"""


def inside(*arguments, **more):
    return subprocess.run(["ip", "netns", "exec", SPACE, *arguments], check=True, **more)


def setup():
    subprocess.run(["ip", "netns", "add", SPACE], check=True)
    subprocess.run(["ip", "link", "add", IFACE, "numrxqueues", "1", "numtxqueues", "1", "type", "veth",
                    "peer", "name", "eth0", "netns", SPACE, "numrxqueues", "1", "numtxqueues", "1"],
                   check=True)
    pathlib.Path(f"/proc/sys/net/ipv6/conf/{IFACE}/disable_ipv6").write_text("1")
    subprocess.run(["ip", "link", "set", IFACE, "up"], check=True)
    inside("sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0")
    for address in ("10.78.0.1/24", "fd00:78::1/64"):
        inside("ip", "address", "add", address, "dev", "eth0")
    inside("ip", "link", "set", "eth0", "up")
    inside("ethtool", "-K", "eth0", "tx", "off", stdout=subprocess.DEVNULL)


def teardown():
    subprocess.run(["ip", "link", "del", IFACE], check=False, stderr=subprocess.DEVNULL)
    subprocess.run(["ip", "netns", "del", SPACE], check=False)


def dropped():
    rules = json.loads(inside("nft", "-j", "list", "ruleset", capture_output=True).stdout)
    found = 0
    for item in rules["nftables"]:
        for expression in item.get("rule", {}).get("expr", []):
            found += expression.get("counter", {}).get("packets", 0)
    return found


def run(folder, address, size, mod):
    machine = {"version": 1, "name": "loss",
               "ports": [{"name": "p0", "profile": "af_xdp", "iface": IFACE,
                          "clients": ["10.78.0.64/26", "fd00:78::4:0/112"],
                          "onLink": ["10.78.0.0/24", "fd00:78::/64"]}],
               "memory": {"hugepages": "no"}, "allow": ["10.78.0.0/24", "fd00:78::/64"],
               "cores": {"workers": [1], "control": 0}}
    (folder / "m.json").write_text(json.dumps(machine))
    shutil.rmtree(folder / "out", ignore_errors=True)
    inside("nft", "flush", "ruleset")
    inside("nft", "-f", "-", input=(RULES % {"mod": mod}).encode())
    done = subprocess.run([SEAMLINE, "traffic", f"ctraffic://{address}:5003", "-m", folder / "m.json",
                           "-c", "20", "-r", "200/s", "-d", "5s", "-q", "-o", folder / "out",
                           "--set", f"streams.traffic.size={size}", "--set", "streams.traffic.timeout=4s"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "out" / "run.json").read_text())


def checks(name, account, lost_packets):
    stream = account["streams"][0]
    outcomes = stream["outcomes"]
    yield f"{name}: packets were dropped", lost_packets > 20, lost_packets
    yield f"{name}: due is the sum of outcomes", stream["due"] == sum(outcomes.values()) > 0, stream
    yield f"{name}: no connection broke", (
        stream["connections"]["broken"] == 0 and stream["connections"]["lasting"] == 20), stream
    yield f"{name}: every byte came back", outcomes["bad-answer"] == 0, outcomes
    yield f"{name}: lost sendings are on record", \
        0 < stream["retransmits"] <= 3 * lost_packets and outcomes["repaired"] + outcomes["late"] > 0, stream
    yield f"{name}: all buffers are back", account["tester"]["ports"][0]["mbufsMissing"] == 0, account


def everything(folder):
    pod = None
    try:
        setup()
        pod = subprocess.Popen(["ip", "netns", "exec", SPACE, POD, "--hostname", "kernel"])
        for name, address, size, mod in (("IPv4, 2 %", "10.78.0.1", 1024, 50),
                                         ("IPv6, 5 %, 8 KiB", "[fd00:78::1]", 8192, 20)):
            account = run(folder, address, size, mod)
            yield from checks(name, account, dropped())
    finally:
        if pod is not None:
            pod.terminate()
            pod.wait(10)
        teardown()


tap.run("loss", everything)
