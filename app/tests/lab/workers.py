#!/usr/bin/env python3
"""Two workers on one NIC port of a veth pair, against a kernel's TCP server in a namespace.

usage: workers.py SEAMLINE

The driver spreads what arrives by a law that we do not know: a part of each worker's answers comes
to the other's queue, and gets home by hand-over. Prints TAP.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys

import tap

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
PROFILE = "af_packet"  # A veth names no combined channels, and so has one queue by AF_XDP.
SERVER = pathlib.Path(__file__).parent / "ctraffic_server.py"
SPACE, NEAR, FAR = f"slworkers{os.getpid()}", f"slwn{os.getpid() % 100000}", f"slwf{os.getpid() % 100000}"
CONNECTIONS = 16


def sh(command, **more):
    return subprocess.run(command.split(), check=True, capture_output=True, text=True, timeout=30, **more)


def make_link():
    queues = "numtxqueues 2 numrxqueues 2"
    sh(f"ip netns add {SPACE}")
    sh(f"ip link add {NEAR} {queues} type veth peer name {FAR} {queues} netns {SPACE}")
    sh(f"sysctl -qw net.ipv6.conf.{NEAR}.disable_ipv6=1")
    sh(f"ip netns exec {SPACE} ethtool -K {FAR} tx off tso off gso off gro off")
    sh(f"ip -n {SPACE} addr add 10.77.0.1/24 dev {FAR}")
    for device in (FAR, "lo"):
        sh(f"ip -n {SPACE} link set {device} up")
    sh(f"ip link set {NEAR} up")


def remove_link():
    subprocess.run(["ip", "link", "del", NEAR], check=False, capture_output=True)
    subprocess.run(["ip", "netns", "del", SPACE], check=False, capture_output=True)


def machine(folder, **more):
    path = folder / "machine.json"
    path.write_text(json.dumps({
        "version": 1, "name": "two-workers", "allow": [],
        "ports": [{"name": "wire", "profile": PROFILE, "iface": NEAR, "queues": 2,
                   "clients": ["10.77.0.64/26"], "onLink": ["10.77.0.0/24"], **more}],
        "cores": {"workers": [0, 1]}}))
    return path


def run(folder, name, *arguments):
    server = subprocess.Popen(
        ["ip", "netns", "exec", SPACE, sys.executable, SERVER, "kernel", "10.77.0.1", "5003"],
        stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline().strip() == "ready"
        done = subprocess.run(
            [SEAMLINE, "traffic", *arguments, "-m", machine(folder), "-o", folder / name],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60)
    finally:
        server.kill()
        server.wait()
    return done, json.loads((folder / name / "run.json").read_text())


def held(folder):
    return run(folder, "held", "ctraffic://10.77.0.1:5003", "-c", str(CONNECTIONS), "-r", "160/s",
               "-d", "3s")


def narrow(folder):
    """Fewer connections at a time than workers: one of them sends all."""
    return run(folder, "narrow", "tcp://10.77.0.1:5003", "-c", "1", "-r", "100/s", "-d", "2s")


def narrow_checks(done, account):
    stream = account["streams"][0]
    yield "one connection at a time gets the whole rate", \
        stream["due"] in range(190, 230) and stream["sumsHold"], (stream, done.stderr)


def serve(folder):
    """The other way round: two workers answer, and a kernel's client asks, 20 times anew."""
    sh(f"ip -n {SPACE} addr add 10.77.0.2/24 dev {FAR}")
    path = machine(folder, gateway="10.77.0.2")
    process = subprocess.Popen([SEAMLINE, "respond", "-m", path, "--http", "--body", "1000"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if " on port " in line:
                break
        told = sh(f"ip netns exec {SPACE} curl -s -m 20 --no-keepalive -H Connection:close "
                  "-w %{http_code}\\n -o /dev/null http://10.77.0.[65-84]/").stdout.split()
        process.send_signal(signal.SIGINT)
        account, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    return process.returncode, told, account + errors


def serve_checks(status, told, account):
    yield "all requests to two responders are answered", told == ["200"] * 20, (told, account)
    yield "and both end in order", status == 0, account


def checks(done, account):
    stream, tester = account["streams"][0], account["tester"]
    first, second = tester["queues"]
    yield "the run ended", done.returncode == 0, done.stderr
    yield "by the driver that was asked for", \
        tester["ports"][0]["driver"].startswith(f"{PROFILE} on "), tester
    yield "due is the sum of outcomes", stream["due"] == sum(stream["outcomes"].values()) \
        and stream["sumsHold"] and stream["due"] > 0, stream
    yield "every connection came up once, and lasts", \
        stream["connections"]["established"] == CONNECTIONS \
        and stream["connections"]["lasting"] == CONNECTIONS, stream
    flows = {c["flow"] for c in account["connections"]}
    yield "flows of both workers are accounted for", flows == set(range(CONNECTIONS)), flows
    yield "both workers sent", first["txPackets"] > 0 and second["txPackets"] > 0, tester
    yield "what one handed over the other took", \
        first["handedOut"] == second["handedIn"] and second["handedOut"] == first["handedIn"], tester
    yield "answers came home by hand-over", first["handedIn"] + second["handedIn"] > CONNECTIONS, tester
    yield "no lane was full", first["handoverFull"] + second["handoverFull"] == 0, tester
    shared = pathlib.Path("/sys/devices/system/cpu/isolated").read_text().strip() == ""
    yield "shared cores are told of, once", done.stderr.count("not isolated") == shared \
        and tester["notes"].count("not isolated") == shared, done.stderr
    yield "all buffers are back", tester["ports"][0]["mbufsMissing"] == 0, tester


def everything(folder):
    try:
        make_link()
        yield from checks(*held(folder))
        yield from narrow_checks(*narrow(folder))
        yield from serve_checks(*serve(folder))
    finally:
        remove_link()


if os.cpu_count() < 2:
    print("1..0 # SKIP needs two CPUs")
else:
    tap.run("workers", everything)
