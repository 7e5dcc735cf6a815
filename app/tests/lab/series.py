#!/usr/bin/env python3
"""Several runs of one experiment: a child process each, one table, the worst exit status.

usage: series.py SEAMLINE

The network is a veth pair of this test's own: on one port somebody accepts, on the other nobody does.
Prints TAP.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import tap
from veth import Veth

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
NAME, ADDRESS, OPEN, CLOSED = "slseries", "10.77.5.1", 5005, 5006
ACCEPT = ("import socket; s = socket.create_server(('%s', %d), backlog=64)\n"
          "while True: s.accept()[0].close()" % (ADDRESS, OPEN))

MACHINE = {
    "version": 1, "name": "series",
    "ports": [{"name": "veth", "profile": "af_packet", "iface": f"{NAME}0",
               "clients": ["10.77.5.128/26"], "onLink": ["10.77.5.0/24"]}],
    "cores": {"workers": [1], "control": 0},
    "memory": {"hugepages": "no", "megabytes": 256},
    "allow": ["10.77.5.0/24"],
}
EXPERIMENT = {
    "version": 1, "name": "series",
    "target": {"address": ADDRESS, "port": OPEN},
    "streams": [{"name": "new", "protocol": "connect", "rate": "50/s"}],
    "steps": [{"do": "start"}, {"do": "wait", "for": "400ms"}, {"do": "stop"}],
    "expect": [{"stream": "new", "figure": "lostRequests", "equals": 0}],
    "variants": {"plain": {"set": {}}, "slow": {"set": {"streams.new.rate": "10/s"}}},
    "matrix": {
        "port": {"open": {"set": {}}, "closed": {"set": {"target.port": CLOSED}}},
        "kernel": {"any": {"set": {}}, "ipvs": {"set": {}, "needs": ["ipvs"]}},
    },
}


def start(folder, *arguments):
    return subprocess.Popen([SEAMLINE, "run", folder / "series.json", "-m", folder / "machine.json", *arguments],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(folder, *arguments):
    process = start(folder, *arguments)
    out, errors = process.communicate(timeout=120)
    return process.returncode, out, errors


def rows(folder, name):
    series = json.loads((folder / name / "series.json").read_text())
    return {r["directory"]: r for r in series["runs"]}


def matrix(folder):
    status, out, errors = run(folder, "--list")
    yield "--list tells the runs and what each sets, and makes none", status == 0 and out.splitlines() == [
        "open-any", "open-ipvs", f"closed-any  target.port={CLOSED}", f"closed-ipvs  target.port={CLOSED}"], \
        out + errors
    status, out, errors = run(folder, "-o", folder / "matrix", "--only", "*-any")
    flags = json.loads(subprocess.run(["ip", "-j", "link", "show", f"{NAME}0"], capture_output=True, text=True,
                                      timeout=20, check=True).stdout)[0]["flags"]
    yield "the NIC port is left as it was found, not promiscuous", "UP" in flags and "PROMISC" not in flags \
        and "ALLMULTI" not in flags, flags
    found = rows(folder, "matrix")
    good, bad = found["open-any"], found["closed-any"]
    yield "the worst exit status is the series'", status == 1 and good["exitStatus"] == 0 \
        and bad["exitStatus"] == 1, (status, found, errors)
    yield "--only leaves the others out", len(found) == 2, found
    account = json.loads((folder / "matrix" / "closed-any" / "run.json").read_text())
    yield "each run has its own directory and setting", account["streams"][0]["target"].endswith(f":{CLOSED}"), \
        account["streams"][0]["target"]
    yield "figures are the run's", bad["figures"]["lost"] == account["streams"][0]["lost"] > 5 \
        and good["figures"]["lost"] == 0 and good["figures"]["due"] >= good["figures"]["good"] > 5 \
        and bad["figures"]["windows"] == 1, found
    yield "the table has a row for each", [line.split()[:2] for line in out.splitlines()[3:5]] == [
        ["open-any", "met"], ["closed-any", "not"]], out
    again = subprocess.run([SEAMLINE, "report", folder / "matrix"], capture_output=True, text=True, timeout=60,
                           check=False)
    yield "report prints it again", (again.returncode, again.stdout) == (1, out) \
        and (folder / "matrix" / "report.txt").read_text() == out, again
    resolved = json.loads((folder / "matrix" / "closed-any" / "experiment.json").read_text())
    yield "a run's experiment.json is that run alone", "matrix" not in resolved \
        and "variants" not in resolved and resolved["target"]["port"] == CLOSED, resolved


def repeats(folder):
    status, out, errors = run(folder, "-o", folder / "repeats", "--only", "slow-open-any", "--variants",
                              "--repeat", "2")
    found = rows(folder, "repeats")
    yield "variants multiply with the matrix, and each is repeated", status == 0 and list(found) == [
        "slow-open-any/1", "slow-open-any/2"] and all(r["figures"]["due"] < 15 for r in found.values()), \
        (status, found, errors)
    line = [text for text in out.splitlines() if "; lost " in text]
    seeds = [json.loads((folder / "repeats" / "slow-open-any" / n / "experiment.json").read_text())["seed"]
             for n in "12"]
    yield "each by a seed of its own, which its experiment.json tells", seeds == [1, 2], seeds
    yield "with mean, least, greatest and spread", len(line) == 1 and "lost 0 (0..0, 0)" in line[0], out
    status, out, errors = run(folder, "-o", folder / "alone", "--only", "open-any/2", "--repeat", "2")
    found = list(rows(folder, "alone"))
    resolved = json.loads((folder / "alone" / "open-any" / "2" / "experiment.json").read_text())
    yield "one repeat is made again alone, by its seed", status == 0 and found == ["open-any/2"] \
        and resolved["seed"] == 2, (status, found, errors)


def broken_off(folder):
    process = start(folder, "-o", folder / "cut", "--set", "steps.1.for=20s", "--only", "*-any")
    for line in process.stderr:
        if "connections" in line:
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    found = rows(folder, "cut")
    account = json.loads((folder / "cut" / "open-any" / "run.json").read_text())
    yield "SIGINT ends the run that goes on, and begins no other", process.returncode == 4 \
        and found["open-any"]["exitStatus"] == 4 and account["interrupted"] \
        and found["closed-any"]["state"] == "waiting", (process.returncode, found, errors)


def killed(folder):
    process = start(folder, "-o", folder / "killed", "--set", "steps.1.for=20s", "--only", "*-any")
    for line in process.stderr:
        if "connections" in line:
            break
    process.kill()
    process.wait()
    account = folder / "killed" / "open-any" / "run.json"
    deadline = time.monotonic() + 30
    while not account.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    again = subprocess.run([SEAMLINE, "report", folder / "killed"], capture_output=True, text=True, timeout=60,
                           check=False)
    yield "when it is killed itself, the run ends in order, and what was done is told", account.exists() \
        and [line.split()[:3] for line in again.stdout.splitlines()[3:5]] == [
            ["open-any", "broke", "off"], ["closed-any", "not", "run"]], again
    process.stderr.close()
    process.stdout.close()


def mistakes(folder):
    for what, arguments, words in (
            ("a pattern that fits nothing", ["--only", "opne-any"],
             "--only opne-any: no run has such a name; there are: open-any, open-ipvs, closed-any, closed-ipvs"),
            ("a path that is none", ["--set", 'matrix.port.closed.set={"target.prot":1}'],
             'matrix.port.closed.set: target.prot: '),
            ("a value that is none", ["--set", 'matrix.port.closed.set={"target.port":"x"}'],
             'variant "plain-closed-any": '),
            ("twins", ["--set", 'matrix.kernel={"any":{"set":{}},"any-any":{"set":{}}}', "--set",
                       'matrix.port={"a":{"set":{}},"a-any":{"set":{}}}'],
             'two runs would be named "plain-a-any-any": give alternatives other names'),
            ("no number of repeats", ["--repeat", "0"], "no number from 1 to 1000")):
        status, _, errors = run(folder, "-o", folder / "none", *arguments)
        yield f"{what}: said before anything is begun", status == 2 and words in errors \
            and not (folder / "none").exists(), (status, errors)
    status, _, errors = run(folder, "-o", folder / "skipped", "--only", "open-ipvs", "--set",
                            'cluster={"kubeconfig":"lab","context":"seamline-lab","namespace":"n","mayChange":[]}')
    loaded = os.path.exists("/proc/net/ip_vs")
    yield "a run whose needs are not there is skipped, and said to be", loaded or (
        status == 3 and "no run can be made: ipvs needs ipvs" in errors), (status, errors)


def everything(folder):
    (folder / "machine.json").write_text(json.dumps(MACHINE))
    (folder / "series.json").write_text(json.dumps(EXPERIMENT))
    with Veth(NAME, f"{ADDRESS}/24") as veth:
        server = veth.start([sys.executable, "-c", ACCEPT])
        try:
            time.sleep(0.5)
            yield from matrix(folder)
            yield from repeats(folder)
            yield from broken_off(folder)
            yield from killed(folder)
        finally:
            server.kill()
            server.wait()
        yield from mistakes(folder)


tap.run("series", everything)
