#!/usr/bin/env python3
"""Ready experiments of config/ on the pocket cluster, with short times.

usage: situations.py SEAMLINE SEAMLINE-LAB BUILD_DIR

seamlessness: the loss at the race without a preStop hook, and none with it. observe: a change that somebody
else makes is seen and accounted for, and nothing is changed. Prints TAP.
"""
import json
import pathlib
import re
import subprocess
import sys
import time

import pocket
import tap

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
CONFIG = pathlib.Path(__file__).resolve().parents[3] / "config"


def start(name, folder, lab, *options):
    """As on a cluster that is no lab: this one is of the test's own."""
    return subprocess.Popen([SEAMLINE, "run", CONFIG / f"{name}.json", "-o", folder / name, "--yes",
                             "-m", lab.folder / "machine.json", "--set", f"cluster.kubeconfig={lab.folder}/kubeconfig",
                             *options],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def account(folder):
    return json.loads((folder / "run.json").read_text())


def stream(result, name):
    return next(s for s in result["streams"] if s["name"] == name)


def lost(result, name):
    found = stream(result, name)
    return found["due"] - sum(found["outcomes"].get(good, 0) for good in ("ok", "repaired", "late", "unfinished"))


def seamlessness(folder, lab):
    """Both networks, and both kinds of address."""
    process = start("seamlessness", folder, lab, "--only", "pod-nodePort-*", "--only", "host-clusterIP-*", "--set",
                    "steps.baseline.for=1s", "--set", "steps.settle.for=1s")
    out, errors = process.communicate(timeout=400)
    yield "all runs are made, and meet what is expected", process.returncode == 0, out[-2000:] + errors[-2000:]
    for kind in ("pod-nodePort", "host-clusterIP"):
        yield from seamless_pair(kind, folder / "seamlessness")


def seamless_pair(kind, series):
    without, with_hook = account(series / f"{kind}-without"), account(series / f"{kind}-with")
    yield f"{kind}: without the hook requests are lost", lost(without, "check") >= 1, stream(without, "check")
    # Where the machine kept the tester from its work, neither length nor cause is judged.
    windows = [(w["cause"]["cause"], w["duration"]["from"] < 1e9) for w in without["windows"] if not w["tester"]]
    yield f"{kind}: in one short window, at the race", windows == [("endpoint-removal-race", True)] or (
        windows == [] and without["windows"]), without["windows"]
    yield f"{kind}: with it none is", lost(with_hook, "check") == 0, stream(with_hook, "check")
    yield f"{kind}: in both the pod has moved", all(
        {pod["node"] for pod in result["pods"]} >= {"n1", "n2"} for result in (without, with_hook)), (
            without["pods"], with_hook["pods"])
    rows = (series / f"{kind}-without" / "check.csv").read_text().splitlines()
    times = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}),(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6})\n")
    update = times.fullmatch((series / f"{kind}-without" / "update.csv").read_text())
    yield f"{kind}: the update lies within the checks", update is not None \
        and rows[0][:26] < update[1] < update[2] < rows[-1][:26], (rows[0], update, rows[-1])
    yield f"{kind}: each request has its row", len(rows) >= stream(without, "check")["due"] - 1, len(rows)


def observe(folder, lab):
    lab.run("-n", "seamline", "apply", "-f", CONFIG / "mserver.yaml")
    deployment = ("-n", "seamline", "rollout", "status", "deployment/mserver", "--timeout=40s")
    lab.run(*deployment)
    process = start("observe", folder, lab)
    timeline = folder / "observe" / "cluster.jsonl"
    try:
        pocket.until("the step that observes", lambda: timeline.exists() and "\"change\"" in timeline.read_text())
        time.sleep(1)  # Of baseline; nothing is judged by it.
        lab.run("-n", "seamline", "set", "image", "deployment/mserver", "mserver=mserver:v2")
        out, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    yield "the run ends when what it observed is over", process.returncode == 0, out[-2000:] + errors[-2000:]
    result = account(folder / "observe")
    held = stream(result, "held")["connections"]
    yield "every held connection broke once or more, and all are up again", (
        held["lasting"] == 80 and held["broken"] >= 80), held
    yield "on the pods that went", sum(pod["broken"] for pod in result["pods"]) == held["broken"], result["pods"]
    journal = [json.loads(line) for line in (folder / "observe" / "undo.jsonl").read_text().splitlines()]
    yield "nothing was changed by it", [list(entry) for entry in journal] == [["cluster"]], journal
    events = [json.loads(line) for line in timeline.read_text().splitlines()]
    yield "the change is on the timeline, as another's", any(
        "rollout" in json.dumps(event) for event in events) and not any(
            event.get("kind") == "change" for event in events), events[-5:]


def everything(folder):
    # SIGTERM comes at once: the race is lost each time.
    options = ["--profile", "kubeadm", "--nodes", "2", "--set", "terminationStart=0s"]
    for image in ("nginx:1.17.1=nginx", "mserver:v1=seamline-pod", "mserver:v2=seamline-pod"):
        options += ["--image", image]
    with pocket.Pocket(sys.argv[2], sys.argv[3], folder, "slsitu0", *options) as lab:
        yield from seamlessness(folder, lab)
        yield from observe(folder, lab)
    yield "nobody complained", not lab.complaints(), lab.complaints()


tap.run("situations", everything)
