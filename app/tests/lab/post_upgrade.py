#!/usr/bin/env python3
"""config/post-upgrade.json with short times: each variant takes away its own class of failure, the last has none.

usage: post_upgrade.py SEAMLINE

A POST that was lost is told by what nginx says in lab.log: the connection to a pod failed, to one of the new pods
(too early) or of the old ones (stale), or the pod ended with the request in flight. What the report says is held
against it: a variant's cause, or, where several had their share, all of them. Prints TAP.
"""
import collections
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tap  # noqa: E402
from turn import turn  # noqa: E402

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
EXPERIMENT = pathlib.Path(__file__).resolve().parents[3] / "config" / "post-upgrade.json"
LOG = pathlib.Path("/run/seamline-lab/lab.log")
BACKEND = "post-app-http"
VARIANTS = ["as-is", "readiness", "graceful", "prestop", "grace"]
# Answers of 0, 2 and 10 s: the last ones outlast the grace period of all variants but one.
SHORT = {"cluster.lab.podReady": "100ms", "rollout.replicas": "2", "steps.settle.for": "5s", "steps.baseline.for": "4s",
         "steps.aftermath.for": "11s", "streams.http-10s.rate": "8/s", "streams.http-5s.http.path": "/?delay=2s",
         "streams.https-5s.http.path": "/?delay=2s"}


def new_pods(folder):
    """The addresses of the pods that are there in the end."""
    truth = map(json.loads, (folder / "truth.jsonl").read_text().splitlines())
    told = [line["backends"].get(BACKEND) for line in truth if line["event"] == "ingress-told"]
    return {endpoint.split(":")[0] for endpoint in [t for t in told if t][-1]}


def classes(folder, log):
    """How many requests were lost, by class and by how long their answers take."""
    new, lost = new_pods(folder), collections.Counter()
    for line in log.splitlines():
        said = re.search(r'\[error\].*(connect\(\) failed|while connecting to upstream|prematurely closed|reset by peer)'
                         r'.*"POST /\?delay=(\w+).*upstream: "http://([\d.]+):', line)
        if said is None:
            continue
        what, delay, address = said.groups()
        if "connecting to upstream" in line:
            lost["early" if address in new else "stale"] += 1
        else:
            lost["killed"] += 1
            lost["killed " + delay] += 1
    return lost


def causes(folder):
    """Of each window, the one that lost most first: how many, and what is said of the cause."""
    said = subprocess.run([SEAMLINE, "report", folder, "-f", "json"], capture_output=True, text=True, check=True)
    return sorted(((w["lost"], w["cause"]["confidence"], w["cause"]["text"])
                   for w in json.loads(said.stdout)["windows"]), reverse=True)


def says(windows, *causes_said):
    """The window that lost most names all of these, and is sure only of a single one."""
    _, confidence, text = windows[0] if windows else (0, "none", "")
    return all(cause in text for cause in causes_said) and (confidence != "high" or len(causes_said) == 1)


def run(folder, variant):
    words = [SEAMLINE, "run", EXPERIMENT, "-o", folder / variant, "--variant", variant]
    words += [word for path, value in SHORT.items() for word in ("--set", f"{path}={value}")]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    lost = classes(folder / variant, LOG.read_text())
    print(f"# {variant}: exit status {done.returncode}, {dict(lost)}", flush=True)
    return done, lost


def everything(folder):
    with turn():
        runs = {variant: run(folder, variant) for variant in VARIANTS}
    lost = {variant: lost for variant, (_, lost) in runs.items()}
    for variant, (done, _) in runs.items():
        yield f"{variant}: what the experiment expects", done.returncode == 0, done.stdout[-1500:] + done.stderr[-800:]
    found = {variant: causes(folder / variant) for variant in VARIANTS}
    yield "as is, stale and new pods cannot be told apart, and that is said", (
        says(found["as-is"], "stale-upstream", "ready-too-early")), found
    yield "with a probe, both are named: stale pods, and work that ended with its pod", (
        says(found["readiness"], "stale-upstream", "killed-not-graceful")), found
    yield "a graceful shutdown leaves the stale ones", says(found["graceful"], "stale-upstream"), found
    yield "what outlasts the grace period is told as such through the ingress, too", (
        says(found["prestop"], "killed-grace-too-short")), found
    yield "no cause is told for what lost nothing", not found["grace"], found
    yield "as is, new pods are asked too early", lost["as-is"]["early"] > 0, lost
    yield "a readiness probe ends that, and no more", (
        lost["readiness"]["early"] == 0 and lost["readiness"]["killed"] > 0), lost
    yield "a graceful shutdown saves what is in flight; the ingress goes on sending", (
        lost["graceful"]["early"] == lost["graceful"]["killed 0s"] == lost["graceful"]["killed 2s"] == 0
        and lost["graceful"]["stale"] > 0), lost
    yield "a preStop hook lets the ingress notice; the grace period kills what is slow", (
        lost["prestop"]["early"] == lost["prestop"]["stale"] == 0 and lost["prestop"]["killed"] > 0), lost
    yield "a longer grace period leaves no failure", not lost["grace"], lost


tap.run("post-upgrade", everything)
