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


def experiment(lab):
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
             "until": "rollout-complete", "deadline": "40s"},
            {"do": "wait", "for": "2s"},
            {"do": "stop", "streams": ["s"]}],
        "after": [{"do": "delete-applied"}]}


def run(lab, out, *fault):
    """One experiment; FAULT comes when the first old pod is told to go."""
    (lab.folder / "e.json").write_text(json.dumps(experiment(lab)))
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
        for part in (refusals, outage, relist, slow):
            yield from part(lab)
    yield "nothing complained", not lab.complaints(), lab.complaints()


if __name__ == "__main__":
    tap.run("faults", everything)
