#!/usr/bin/env python3
"""The whole experiment on the lab: every connection accounted for, and held against the lab's truth.

usage: upgrade.py SEAMLINE [--set PATH=VALUE]...

Prints TAP.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import truth  # noqa: E402
from turn import turn  # noqa: E402

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
ROOT = pathlib.Path(__file__).resolve().parents[3]
HELD_UP_NS = 60_000_000  # The machine may keep a run so long from its work; more is no run to judge by.
RUNS = 3
MOMENT_NS = 1_000_000_000


def links():
    out = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True).stdout
    spaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    return {line.split(":")[1] for line in out.splitlines()} | set(spaces.splitlines())


def run(folder):
    experiment = ROOT / "config" / "k8s-app-upgrade.json"
    return subprocess.run([SEAMLINE, "run", experiment, "-o", folder / "out", *sys.argv[2:]],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240)


def judged(folder):
    """The checks of a run. One that does not meet them while the machine held it up is made again."""
    for number in range(1, RUNS + 1):
        shutil.rmtree(folder / "out", ignore_errors=True)
        done = run(folder)
        account = json.loads((folder / "out" / "run.json").read_text())
        results = list(checks(done, account, folder))
        held_up_ns = truth.held_up_ns(account, folder / "out" / "truth.jsonl")
        print("\n".join("# " + line for line in done.stdout.splitlines()))
        print(f"# run {number} of {RUNS} at most; held up for {held_up_ns // 1000000} ms", flush=True)
        if held_up_ns <= HELD_UP_NS or all(good for _, good, _ in results):
            break
    return results


def stream(account, name):
    return next(s for s in account["streams"] if s["name"] == name)


def bounds(folder):
    """(fewest that were ready, most that were there) of pods that were not ending, while the upgrade went on.

    What lasted for a moment does not count: a controller goes by the numbers that it set, so that a new pod can come
    before an old one has gone.
    """
    there, ready, since, fewest, most, upgrading = set(), set(), 0, 8, 8, False
    for line in (folder / "out" / "cluster.jsonl").read_text().splitlines():
        event = json.loads(line)
        kind, name, now = event["kind"], event["object"], event["notAfter"]
        if upgrading and now - since >= MOMENT_NS:
            fewest, most = min(fewest, len(ready)), max(most, len(there))
        if kind in ("step-start", "step-end") and name == "upgrade":
            upgrading = kind == "step-start"
        if kind in ("pod-created", "pod-ready", "pod-terminating", "step-start"):
            since = now
        if kind == "pod-created":
            there.add(name)
        elif kind == "pod-ready":
            ready.add(name)
        elif kind == "pod-terminating":
            there.discard(name)
            ready.discard(name)
    return fewest, most


def checks(done, account, folder):
    held, new = stream(account, "held"), stream(account, "new")
    pods = account["pods"]
    yield "the run ended", done.returncode in (0, 1), done.stderr[-2000:]
    yield "due is the sum of outcomes", all(
        s["due"] == sum(s["outcomes"].values()) and s["sumsHold"] and s["due"] > 0
        for s in account["streams"]), account["streams"]
    yield "80 lasting connections", held["connections"]["lasting"] == 80, held["connections"]
    low, high = account["prediction"]["min"], account["prediction"]["max"]
    yield "as many broken as predicted", low <= held["connections"]["broken"] <= high, \
        f"{held['connections']} not in {low}..{high}"
    surge, unavailable = map(int, re.search(r"surge (\d+), unavailable (\d+)", account["prediction"]["basis"]).groups())
    yield "as many pods at a time as surge and unavailable say", bounds(folder) == (8 - unavailable, 8 + surge), (
        bounds(folder), surge, unavailable)
    yield "broken and lasting per pod add up", (
        sum(p["broken"] for p in pods) == held["connections"]["broken"]
        and sum(p["lasting"] for p in pods) == 80), pods
    lasting = [p for p in pods if p["lasting"]]
    broken = [p for p in pods if p["broken"]]
    # Those that are ready last, when nothing breaks any more, get none.
    yield "8 pods kept theirs, 8 lost theirs", (
        8 - unavailable <= len(lasting) <= 8 and len(broken) >= 8
        and not {p["name"] for p in lasting} & {p["name"] for p in broken}), pods
    yield "every pod that lost connections was seen terminating", all(
        p["terminating"] for p in broken), broken
    yield "new connections were counted too", new["connections"]["done"] > 0, new["connections"]
    clock = account["serverClock"]
    yield "the API server's clock is ours, as its answers bound it", clock["answers"] > 5 and \
        clock["least"] <= 0 <= clock["most"] and clock["steps"] == 0, clock
    yield "all buffers are back", all(p["mbufsMissing"] == 0 for p in account["tester"]["ports"]), \
        account["tester"]
    yield "no log was full or damaged", (
        account["tester"]["recordsRefused"] == 0 and account["tester"]["damagedBytes"] == 0), \
        account["tester"]
    result = truth.check(folder / "out", folder / "out" / "truth.jsonl")
    truth.show(result)
    yield "the lab logged every close", (
        result["matched"] == held["connections"]["broken"] and result["unlogged"] == 0), result
    yield "99 of 100 closes lie within their onset bracket", \
        result["inside"] * 100 >= result["matched"] * 99, result["misses"]
    again = subprocess.run([SEAMLINE, "report", folder / "out", "-f", "ctraffic-hosts"],
                           capture_output=True, text=True)
    yield "the report is made again", \
        f"Lost connections: {held['connections']['broken']}" in again.stdout, again.stderr


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return
    with turn():
        test()


def test():
    before = links()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="seamline-upgrade-"))
    number = 0
    try:
        for name, good, why in judged(folder):
            number += 1
            print(f"{'ok' if good else 'not ok'} {number} - {name}")
            if not good:
                print("# " + str(why).replace("\n", "\n# "))
    except (OSError, ValueError, subprocess.TimeoutExpired) as problem:
        number += 1
        print(f"not ok {number} - the run gave an account")
        print("# " + repr(problem))
    left = links() - before
    number += 1
    print(f"{'not ok' if left else 'ok'} {number} - nothing is left over")
    if left:
        print(f"# {left}")
    print(f"1..{number}")
    shutil.rmtree(folder, ignore_errors=True)


main()
