#!/usr/bin/env python3
"""The suite `long`: many whole runs on the lab, resumable. Hours; not part of scripts/test.

usage: long.py --build BUILD --state DIR [--only distribution|soak|vm] [--report docs/long-results.md]

  distribution   ten upgrades for each of three profiles: every run keeps 80 lasting connections, and
                 breaks as many as the prediction's range says
  soak           a hundred short upgrades in a row, some with SIGKILL of seamline or of the lab at a
                 random moment: no crash, no hang, nothing left over
  vm             ten upgrades each by IPVS rr and lc on the lab of scripts/vm-lab: under lc exactly 80
                 connections break, 10 of each old pod, and 80 last, 10 on each new one; under rr as many
                 break as the prediction's range says. Only when asked for: it wants a machine with
                 nothing else to do. --times N does N runs of each

Each finished run is one line in DIR/results.jsonl; a second call goes on with what is missing for the
present revision.
"""
import argparse
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))
from turn import turn  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]
EXPERIMENT = ROOT / "config" / "k8s-app-upgrade.json"
PROFILES = [("ideal", "100ms"), ("ideal", "3s"), ("kubeadm", "2s")]
RUN_LIMIT_S = 180
BUILD = None  # Absolute path of the build folder.
TIMES = None  # Runs of each kind of `vm`.
# The emulated guest adds delays of its own, which no profile knows. So that they decide nothing, there are no
# others, pods are ready so late that one is through before the next, and there is one node, that which traffic
# takes. It halts for more than a second now and then, which breaks no connection.
VM_SETTINGS = [
    "--set", "cluster.lab.profile=ideal", "--set", "cluster.lab.podReady=4s", "--set", "cluster.lab.nodes=1",
    "--set", "streams.held.rate=160/s", "--set", "streams.held.size=128", "--set", "streams.held.timeout=5s",
    "--set", "streams.held.connectTimeout=5s", "--set", "streams.new.rate=5/s", "--set", "steps.settle.for=10s",
    "--set", "steps.baseline.for=2s", "--set", "steps.aftermath.for=12s"]
VM_LIMIT_S = 600
SHORT = ["--set", "cluster.lab.profile=ideal", "--set", "cluster.lab.podReady=100ms",
         "--set", "steps.settle.for=200ms",
         "--set", "steps.baseline.for=1s", "--set", "steps.aftermath.for=3s"]


def revision():
    return subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"],
                          capture_output=True, text=True).stdout.strip()


def leftovers():
    """The lab's link, and processes of this build: namespaces live no longer than those."""
    found = []
    out = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True).stdout
    found += [f"link {m}" for m in re.findall(r"^\d+: (seamline0)", out, re.M)]
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            program = os.readlink(process / "exe")
        except OSError:
            continue
        if program.startswith(str(BUILD)):
            found.append(f"process {process.name} {program}")
    return found


def lab_down(build):
    subprocess.run([build / "app" / "seamline-lab", "down"], capture_output=True, timeout=60)


def run_once(build, folder, arguments, kill=None):
    """One run; KILL: (what, after seconds) or None. Returns exit status (None: it hung), seconds."""
    shutil.rmtree(folder, ignore_errors=True)
    log = open(f"{folder}.log", "w")
    begun = time.monotonic()
    process = subprocess.Popen(
        [build / "app" / "seamline", "run", EXPERIMENT, "-q", "-o", folder, *arguments],
        stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        if kill:
            try:
                process.wait(kill[1])
            except subprocess.TimeoutExpired:
                if kill[0] == "seamline":
                    process.kill()
                else:
                    subprocess.run(["pkill", "-KILL", "-f", rf"{build}/app/seamline-lab up"])
        status = process.wait(RUN_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        status = None
    return status, time.monotonic() - begun


def account(folder):
    run = json.loads((pathlib.Path(folder) / "run.json").read_text())
    held = next(s for s in run["streams"] if s["name"] == "held")
    return {"broken": held["connections"]["broken"], "lasting": held["connections"]["lasting"],
            "predicted": [run["prediction"]["min"], run["prediction"]["max"]],
            "sums": all(s["sumsHold"] for s in run["streams"])}


def distribution(build, state, done, write):
    for profile, ready in PROFILES:
        for index in range(10):
            key = f"distribution {profile} {ready} {index}"
            if key in done:
                continue
            folder = state / "run"
            with turn():
                status, seconds = run_once(build, folder, [
                    "--set", f"cluster.lab.profile={profile}",
                    "--set", f"cluster.lab.podReady={ready}",
                    "--set", f"cluster.lab.seed={index + 1}",
                    "--set", "steps.baseline.for=1s", "--set", "steps.aftermath.for=4s"])
                left = leftovers()
            entry = {"key": key, "status": status, "seconds": round(seconds, 1), "left": left}
            try:
                entry.update(account(folder))
                low, high = entry["predicted"]
                entry["good"] = (status in (0, 1) and entry["lasting"] == 80 and entry["sums"]
                                 and low <= entry["broken"] <= high)
            except (OSError, KeyError, StopIteration, ValueError) as problem:
                entry.update(good=False, problem=repr(problem))
            entry["good"] = entry["good"] and not left
            write(entry)


def vm_run(build, state, folder, arguments):
    """As run_once, on a lab in a virtual machine that is there for this run alone."""
    shutil.rmtree(folder, ignore_errors=True)
    begun = time.monotonic()
    with open(f"{folder}.log", "w") as log:
        process = subprocess.Popen(
            [ROOT / "scripts" / "vm-lab", "run", "--dir", state / "vm", "-o", folder, EXPERIMENT, "-q",
             *arguments], env={**os.environ, "SEAMLINE_BUILD": str(build)},
            stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            status = process.wait(VM_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.terminate()  # It takes its machine down.
            process.wait()
            status = None
    return status, time.monotonic() - begun


def of_pods(folder, scheduler):
    """Broken connections of each old pod, lasting ones of each new pod."""
    pods = json.loads((pathlib.Path(folder) / "run.json").read_text())["pods"]
    return {"scheduler": scheduler, "brokenOf": sorted(p["broken"] for p in pods if not p["lasting"]),
            "lastingOf": sorted(p["lasting"] for p in pods if p["lasting"])}


def vm(build, state, done, write):
    for index in range(TIMES):
        for scheduler in ("rr", "lc"):
            key = f"vm {scheduler} {index}"
            if key in done:
                continue
            folder = state / "run"
            with turn():
                status, seconds = vm_run(build, state, folder, [
                    *VM_SETTINGS, "--set", f"cluster.proxy.scheduler={scheduler}",
                    "--set", f"cluster.lab.seed={index + 1}"])
                left = leftovers()
            entry = {"key": key, "status": status, "seconds": round(seconds, 1), "left": left}
            try:
                entry.update(account(folder), **of_pods(folder, scheduler))
                low, high = entry["predicted"]
                entry["good"] = (status in (0, 1) and entry["lasting"] == 80 and entry["sums"]
                                 and low <= entry["broken"] <= high)
                if scheduler == "lc":
                    entry["good"] &= entry["brokenOf"] == [10] * 8 and entry["lastingOf"] == [10] * 8
            except (OSError, KeyError, StopIteration, ValueError) as problem:
                entry.update(good=False, problem=repr(problem))
            entry["good"] = entry["good"] and not left
            write(entry)


def soak(build, state, done, write):
    for index in range(100):
        key = f"soak {index}"
        if key in done:
            continue
        chance = random.Random(index)
        kill = None
        if index % 10 == 4:
            kill = ("seamline", chance.uniform(1, 9))
        elif index % 10 == 9:
            kill = ("lab", chance.uniform(2, 9))
        folder = state / "run"
        with turn():
            status, seconds = run_once(build, folder, SHORT + ["--set", f"cluster.lab.seed={index}"],
                                       kill)
            if kill:
                lab_down(build)
                time.sleep(0.5)
            left = leftovers()
        entry = {"key": key, "status": status, "seconds": round(seconds, 1), "kill": kill,
                 "left": left}
        good = status is not None and not entry["left"]
        if not kill:
            try:
                entry.update(account(folder))
                good = good and status in (0, 1) and entry["lasting"] == 80 and entry["sums"]
                good = good and seconds < 20
            except (OSError, KeyError, StopIteration, ValueError) as problem:
                entry["problem"] = repr(problem)
                good = False
        elif kill[0] == "lab":
            good = good and status in (0, 1, 3)
        entry["good"] = good
        write(entry)


def report(path, entries, rev):
    lines = ["# Results of the suite `long`", "",
             f"Revision {rev}; made by `app/tests/long/long.py`. Each row is one kind of run.", "",
             "| what | runs | good | broken connections (min, median, max) | predicted | seconds |",
             "|---|---|---|---|---|---|"]
    kinds = {}
    for entry in entries:
        kinds.setdefault(entry["key"].rsplit(" ", 1)[0], []).append(entry)
    for kind, rows in kinds.items():
        broken = sorted(r["broken"] for r in rows if "broken" in r)
        middle = f"{broken[0]}, {broken[len(broken) // 2]}, {broken[-1]}" if broken else "-"
        predicted = next((r["predicted"] for r in rows if "predicted" in r), None)
        seconds = [r["seconds"] for r in rows]
        lines.append(f"| {kind} | {len(rows)} | {sum(r['good'] for r in rows)} | {middle} | "
                     f"{'..'.join(map(str, predicted)) if predicted else '-'} | "
                     f"{min(seconds)} to {max(seconds)} |")
    bad = [e for e in entries if not e["good"]]
    if bad:
        lines += ["", "Not good:", ""] + [f"    {json.dumps(e)}" for e in bad]
    pathlib.Path(path).write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--state", required=True, type=pathlib.Path)
    parser.add_argument("--only", choices=["distribution", "soak", "vm"])
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--report")
    options = parser.parse_args()
    global BUILD, TIMES
    BUILD = options.build.resolve()
    TIMES = options.times
    options.state.mkdir(parents=True, exist_ok=True)
    results = options.state / "results.jsonl"
    rev = revision()
    entries = []
    if results.exists():
        entries = [json.loads(line) for line in results.read_text().splitlines()]
        entries = [e for e in entries if e["revision"] == rev]
    done = {e["key"] for e in entries}

    def write(entry):
        entry["revision"] = rev
        entries.append(entry)
        with results.open("a") as file:
            file.write(json.dumps(entry) + "\n")
        print(json.dumps(entry), flush=True)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))
    for name, suite in (("distribution", distribution), ("soak", soak), ("vm", vm)):
        if options.only == name or (options.only is None and name != "vm"):
            suite(BUILD, options.state.resolve(), done, write)
    if options.report:
        report(options.report, entries, rev)
    failed = sum(not e["good"] for e in entries)
    print(f"{len(entries) - failed} passed, {failed} failed")
    return failed > 0


if os.geteuid() != 0:
    sys.exit("long.py: run it as root: the lab makes network namespaces")
sys.exit(main())
