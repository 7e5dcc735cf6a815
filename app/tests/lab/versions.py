#!/usr/bin/env python3
"""The lab as older versions of Kubernetes: what kubectl and seamline find there.

usage: versions.py SEAMLINE SEAMLINE-LAB BUILD_DIR

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
WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - {name: web, image: "web:v1", lifecycle: {preStop: {sleep: {seconds: 2}}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 5003}]}
---
apiVersion: policy/VERSION
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
"""


def raw(lab, path):
    return json.loads(lab.run("get", "--raw", path))


def endpoints(lab, version):
    slices = raw(lab, f"/apis/discovery.k8s.io/{version}/namespaces/default/endpointslices")["items"]
    return [endpoint for item in slices for endpoint in item["endpoints"]]


def run(lab, folder):
    """A rollout under connections, observed as this version of the API allows."""
    experiment = {
        "version": 1, "name": "versions",
        "cluster": {"kubeconfig": str(lab.folder / "kubeconfig"), "context": "seamline-lab",
                    "namespace": "default", "mayChange": ["deployment/web"]},
        "target": {"service": "web", "via": "loadBalancer", "route": "node:1"},
        "streams": [{"name": "s", "protocol": "ctraffic", "connections": 8, "rate": "80/s"}],
        "steps": [{"do": "start", "streams": ["s"], "until": "steady", "deadline": "10s"},
                  {"do": "set-image", "deployment": "web", "container": "web", "image": "web:v2",
                   "until": "rollout-complete", "deadline": "30s"},
                  {"do": "wait", "for": "3s"},
                  {"do": "stop", "streams": ["s"]}]}
    (folder / "e.json").write_text(json.dumps(experiment))
    done = subprocess.run([SEAMLINE, "run", folder / "e.json", "-m", lab.folder / "machine.json", "-q", "--yes",
                           "-o", folder / "out"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr, json.loads((folder / "out" / "run.json").read_text())


def version(lab, minor, policy, slices, has_terminating):
    yield f"1.{minor} says so", f"v1.{minor}.0-seamline-lab" in lab.run("version"), lab.run("version")
    yield "so does the lab", lab.status()["kubernetes"] == f"1.{minor}", lab.status()
    yield "its nodes too", f"v1.{minor}.0" in lab.run("get", "nodes"), lab.run("get", "nodes")
    lab.apply(WEB.replace("VERSION", policy))
    lab.run("rollout", "status", "deployment/web", "--timeout=40s")
    found = [r["name"] for r in raw(lab, f"/apis/policy/{policy}")["resources"]]
    yield f"budgets of {policy}", "poddisruptionbudgets" in found, found
    until("endpoints", lambda: len(endpoints(lab, slices)) == 2)
    name = lab.run("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
    lab.run("delete", "pod", name, "--wait=false")
    seen = until("the slice tells", lambda: [e for e in endpoints(lab, slices) if e["targetRef"]["name"] != name or
                                             e["conditions"].get("terminating")])
    left = [e for e in endpoints(lab, slices) if e["targetRef"]["name"] == name]
    yield "a terminating endpoint is there as of then", bool(left) == has_terminating, (seen, left)
    until("it is gone", lambda: not lab.pods(deleting=True))
    lab.run("rollout", "status", "deployment/web", "--timeout=40s")
    access = ["-n", "default", "-k", lab.folder / "kubeconfig", "--context", "seamline-lab"]
    done = subprocess.run([SEAMLINE, "doctor", "--cluster", *access], capture_output=True, text=True, timeout=60)
    yield "seamline finds what it serves", done.returncode == 0 and f"discovery.k8s.io/{slices} endpointslices" in done.stdout, done
    name = lab.run("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
    done = subprocess.run([SEAMLINE, "kube", "evict", name, "--wait", "--yes", *access], capture_output=True, text=True, timeout=60)
    yield "and evicts as it wants it", done.returncode == 0 and f"pod/{name} is gone" in done.stdout, done
    lab.run("rollout", "status", "deployment/web", "--timeout=40s")


def oldest(folder):
    with Pocket(LAB, sys.argv[3], folder, "slvers0", "--profile", "ideal", "--nodes", "2", "--kubernetes", "1.20") as lab:
        yield from version(lab, 20, "v1beta1", "v1beta1", False)
        endpoint = endpoints(lab, "v1beta1")[0]
        yield "topology names the node", endpoint["topology"]["kubernetes.io/hostname"] in ("n1", "n2") and (
            "nodeName" not in endpoint and set(endpoint["conditions"]) == {"ready"}), endpoint
        told = lab.run("describe", "pdb", "web")
        yield "kubectl describes the budget", re.search(r"Min available: +1", told) is not None, told
        told = lab.run("describe", "endpointslice")
        yield "and slices", "10.244." in told, told
        out = lab.run("drain", "n2", "--timeout=60s")
        until("nobody is on it", lambda: not lab.pods(node="n2"))
        yield "it drains", "evicting pod default/web" in out, out
        lab.run("uncordon", "n2")
        out = lab.run("create", "configmap", "settings", "--from-literal=mode=fast")
        yield "a ConfigMap", lab.run("get", "cm", "settings", "-o", "jsonpath={.data.mode}") == "fast", out
        lab.run("delete", "pdb", "web")
        patch = folder / "patch.yaml"
        access = ["-n", "default", "-k", lab.folder / "kubeconfig", "--context", "seamline-lab"]
        told, done = (subprocess.run([SEAMLINE, *words, *access], capture_output=True, text=True, timeout=60) for words in (
            ["advise", "web", "--patch", patch], ["kube", "apply", patch, "--force-conflicts", "--dry-run"]))
        yield "advise gives a budget that it takes", done.returncode == 0 and "policy/v1beta1" in patch.read_text(), (told, done)
        status, text, account = run(lab, folder)
        held = account["streams"][0]["connections"]
        yield "seamline runs on it", status == 0 and held["lasting"] == 8 and held["broken"] >= 8, (text, held)
    yield "nothing complained", not lab.complaints(), lab.complaints()


def between(folder):
    for minor, has_terminating in ((21, False), (22, True)):
        (folder / str(minor)).mkdir()
        with Pocket(LAB, sys.argv[3], folder / str(minor), "slvers1", "--profile", "ideal", "--nodes", "1",
                    "--kubernetes", f"1.{minor}") as lab:
            yield from version(lab, minor, "v1", "v1", has_terminating)


def refused(_folder):
    for text in ("1.19", "1.37", "2.1", "1.x"):
        done = subprocess.run([LAB, "up", "--kubernetes", text], capture_output=True, text=True)
        yield f"{text} is refused", done.returncode == 2 and "--kubernetes" in done.stderr, done.stderr


def everything(folder):
    for part in (refused, oldest, between):
        (folder / part.__name__).mkdir()
        yield from part(folder / part.__name__)


if __name__ == "__main__":
    tap.run("versions", everything)
