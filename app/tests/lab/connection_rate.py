#!/usr/bin/env python3
"""New connections at a rate, through nodes that keep track of them: nothing is lost, and all are forgotten in time.

usage: connection_rate.py SEAMLINE SEAMLINE-LAB RATE SECONDS SHARE

At least SHARE of what is due must have been sent, else the tester had not the core that it needs. It counts: no entry that a node's connection tracking could not make, no connection that a pod could not take, no
request lost. Prints TAP.
"""
import json
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tap  # noqa: E402
from pocket import until  # noqa: E402

SEAMLINE, LAB = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
RATE, SECONDS, SHARE = int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
NODES, PODS = ("n1", "n2"), [f"pod-{i}" for i in range(1, 5)]
TIME_WAIT_S = 8
REFUSED = ("insert_failed", "drop", "early_drop")
OVERFLOWN = ("TcpExtListenOverflows", "TcpExtListenDrops", "TcpExtTCPReqQFullDrop")


def lab(folder, *words):
    return subprocess.run([LAB, words[0], "--dir", folder / "lab", *words[1:]], check=True, text=True,
                          capture_output=True, timeout=60).stdout


def waits(folder):
    """Seconds left of each closed connection that a node remembers; nodes that have one."""
    lists = {node: lab(folder, "exec", node, "--", "conntrack", "-L", "-p", "tcp") for node in NODES}
    return {node: [int(s) for s in re.findall(r"(\d+) TIME_WAIT", text)] for node, text in lists.items()}


def traffic(folder):
    """The account of the run, and what was remembered while it was under way."""
    words = [SEAMLINE, "traffic", "http://10.202.0.1:8080/", "--no-keepalive", "-r", f"{RATE}/s", "-d", f"{SECONDS}s",
             "-t", "30s", "-m", folder / "lab" / "machine.json", "-q", "-o", folder / "out"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        seen, most = {node: [] for node in NODES}, 0
        while process.poll() is None:
            for node, left in waits(folder).items():
                seen[node] += left
                most = max(most, len(left))
            time.sleep(0.5)
        errors = process.stderr.read()
    print(f"# at most {most} closed connections on a node")
    if process.returncode != 0:
        raise OSError(errors)
    return json.loads((folder / "out" / "run.json").read_text())["streams"][0], seen


def counts(text, names):
    found = {name: re.findall(rf"\b{name}[= ]+(\d+)", text) for name in names}
    assert all(found.values()), text
    return {name: sum(map(int, numbers)) for name, numbers in found.items()}


def everything(folder):
    (folder / "lab").mkdir()
    lab(folder, "static", "--nodes", str(len(NODES)), "--pods", str(len(PODS)), "--iface", "slrate0", "--set",
        f"conntrackTimeWait={TIME_WAIT_S}s", "--set", "podReady=100ms")
    try:
        stream, seen = traffic(folder)
        due, lost, unsent = stream["due"], stream["lost"], stream["outcomes"]["unsent"]
        print(f"# {due} due, {unsent} unsent, {stream['retransmits']} segments sent again")
        yield "the rate was offered", due >= RATE * (SECONDS - 1) and due - unsent >= due * SHARE, stream["outcomes"]
        yield "no request is lost", lost == 0, stream["outcomes"]
        for node in NODES:
            # Listed amid its last change, an entry has its new state and the time of the one before.
            longer = sum(left > TIME_WAIT_S for left in seen[node])
            yield f"{node} remembers closed connections, as long as is set", \
                seen[node] and longer * 1000 <= len(seen[node]), (longer, len(seen[node]))
            kept = counts(lab(folder, "exec", node, "--", "conntrack", "-S"), REFUSED)
            yield f"{node} had room for all", not any(kept.values()), kept
        for pod in PODS:
            full = counts(lab(folder, "exec", pod, "--", "nstat", "-az", *OVERFLOWN), OVERFLOWN)
            yield f"{pod} took all", not any(full.values()), full
        yield "then they are forgotten", until("none is left", lambda: not any(waits(folder).values())), ""
    finally:
        lab(folder, "down")


if __name__ == "__main__":
    tap.run("rate", everything)
