#!/usr/bin/env python3
"""The API fails in the middle of a rollout, and the run still gives its account, gaps marked.

usage: faults.py SEAMLINE SEAMLINE-LAB BUILD_DIR

Prints TAP.
"""
import json
import pathlib
import re
import subprocess
import sys

import tap
from pocket import Pocket, until

SEAMLINE, LAB = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
MANIFEST = """
apiVersion: v1
kind: Namespace
metadata: {name: t}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: t}
spec:
  replicas: 4
  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - {name: web, image: "web:v1", ports: [{containerPort: 5003}], lifecycle: {preStop: {sleep: {seconds: 1}}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: t}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 5003}]}
"""
CONNECTIONS = 16


def experiment(lab, deadline, deletion):
    return {
        "version": 1, "name": "faults",
        "cluster": {"kubeconfig": str(lab.folder / "kubeconfig"), "context": "seamline-lab", "namespace": "t",
                    "mayChange": ["namespace/t", "deployment/web", "service/web"]},
        "target": {"service": "web", "via": "loadBalancer", "route": "node:1"},
        "streams": [{"name": "s", "protocol": "ctraffic", "connections": CONNECTIONS, "rate": "160/s"}],
        "steps": [
            {"do": "apply", "files": ["web.yaml"], "until": "rollout-complete", "deadline": "20s"},
            {"do": "start", "streams": ["s"], "until": "steady", "deadline": "10s"},
            {"do": "set-image", "deployment": "web", "container": "web", "image": "web:v2",
             "until": "rollout-complete", "deadline": deadline},
            {"do": "wait", "for": "2s"},
            {"do": "stop", "streams": ["s"]}],
        "after": [{"do": "delete-applied", "deadline": deletion}]}


def run(lab, out, *fault, deadline="40s", deletion="2m"):
    """One experiment; FAULT comes when the first old pod is told to go."""
    (lab.folder / "e.json").write_text(json.dumps(experiment(lab, deadline, deletion)))
    (lab.folder / "web.yaml").write_text(MANIFEST)
    before = len(lab.truth("pod-deletion-seen"))
    process = subprocess.Popen([SEAMLINE, "run", lab.folder / "e.json", "-m", lab.folder / "machine.json",
                                "-q", "--yes", "-o", out], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    try:
        until("an old pod goes", lambda: len(lab.truth("pod-deletion-seen")) > before or process.poll() is not None)
        lab.call(LAB, "fault", "--dir", lab.folder, *fault)
        text = "".join(process.communicate(timeout=120))
    finally:
        process.kill()
    return process.returncode, text, json.loads((out / "run.json").read_text())


def after(lab, out, name, *operands, ends=True):
    status, text, account = run(lab, out, name, *operands)
    held = account["streams"][0]["connections"]
    yield f"{name}: the run ended in order", status == 0, text
    yield f"{name}: all connections last", held["lasting"] == CONNECTIONS, held
    yield f"{name}: each pod's broke", held["broken"] >= CONNECTIONS, held
    pods = [pod for pod in account["pods"] if pod["broken"]]
    yield f"{name}: the pods are known", len(pods) >= 4, account["pods"]
    begun, ended = (lab.truth(f"fault-{end}", fault=name) for end in ("begun", "ended"))
    yield f"{name}: it is in truth.jsonl", len(begun) == 1 and len(ended) == ends, (begun, ended)
    return account


def outage(lab):
    out = lab.folder / "outage"
    account = yield from after(lab, out, "api-outage", "1500ms")
    begun, ended = (lab.truth(f"fault-{end}", fault="api-outage")[0]["ns"] for end in ("begun", "ended"))
    yield "it lasted as long as was said", ended - begun >= 1500 * 10**6, (begun, ended)
    unseen = account["tester"]["unseen"]
    yield "the gap is marked", unseen >= ended - begun, (unseen, begun, ended)
    report = subprocess.run([SEAMLINE, "report", out, "-f", "text"], capture_output=True, text=True, check=True)
    page = subprocess.run([SEAMLINE, "report", out, "-f", "html"], capture_output=True, text=True, check=True).stdout
    yield "by the verdict, too", " What happened in the cluster during " in page, page[:2000]
    yield "and told", re.search(r"(?s)\nUnseen\n.*  pods: what happened", report.stdout) is not None, report.stdout


def outlasts(lab):
    """Longer than the step may take, and than it is tried to put things back."""
    out, seen = lab.folder / "outlasts", len(lab.truth("fault-ended", fault="api-outage"))
    status, text, account = run(lab, out, "api-outage", "16s", deadline="4s", deletion="5s")
    yield "an outage beyond a step's deadline ends the run", status == 3 and re.search(
        r"step set-image: rollout-complete was not reached(?s:.*)\n  this was [0-9.]+ s ago: the watches broke off, and "
        r"https://127\.0\.0\.1:\d+ was not reached since", text) is not None, (status, text)
    yield "the account says so, with what was sent until then", "set-image" in account["failure"] \
        and account["streams"][0]["due"] > 0 and account["streams"][0]["sumsHold"], account["failure"]
    yield "what was made is still there, and told with what deletes it", \
        f"what was made is not all deleted, see `seamline undo {out}`" in text \
        and re.search('still waiting for "delete (web|t)": cannot connect to https', text) is not None, text
    until("the API is back", lambda: len(lab.truth("fault-ended", fault="api-outage")) > seen, 60)
    done = subprocess.run([SEAMLINE, "undo", out], capture_output=True, text=True, timeout=60, check=False)
    yield "undo deletes it then", done.returncode == 0, done
    until("the pods are gone", lambda: not lab.pods())


def relist(lab):
    account = yield from after(lab, lab.folder / "gone", "gone-410", ends=False)
    yield "the relist is marked", account["tester"]["unseen"] > 0, account["tester"]


def slow(lab):
    account = yield from after(lab, lab.folder / "slow", "slow-watch", "500ms", "3s")
    broken = [pod for pod in account["pods"] if pod["broken"]]
    yield "late, but nothing is missing", account["tester"]["unseen"] == 0 and all(
        pod["terminating"] for pod in broken), account["pods"]


def refusals(lab):
    for words in (["nonsense"], ["api-outage"], ["api-outage", "soon"], ["api-outage", "1s", "2s"], ["slow-watch", "1s"],
                  ["api-outage", "0s"]):
        done = subprocess.run([LAB, "fault", "--dir", lab.folder, *words], capture_output=True, text=True)
        yield f"{words} is refused", done.returncode == 2 and "slow-watch DELAY DURATION" in done.stderr, done.stderr


def everything(folder):
    with Pocket(LAB, sys.argv[3], folder, "slfault0", "--profile", "ideal", "--nodes", "1", "--set",
                "podReady=500ms") as lab:
        for part in (refusals, outage, relist, slow, outlasts):
            yield from part(lab)
    yield "nothing complained", not lab.complaints(), lab.complaints()


if __name__ == "__main__":
    tap.run("faults", everything)
