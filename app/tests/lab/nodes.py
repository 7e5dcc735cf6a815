#!/usr/bin/env python3
"""Nodes that are cordoned, drained under a PodDisruptionBudget and put back, by kubectl.

usage: nodes.py SEAMLINE-LAB BUILD_DIR

kubectl is the newer one of kubectl.py; without any the test is skipped. Prints TAP.
"""
import collections
import contextlib
import json
import pathlib
import re
import subprocess
import sys

import kubectl
import pocket_cluster
import tap

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 6
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
      - {name: web, image: "web:v1"}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec:
  minAvailable: 5
  selector: {matchLabels: {app: web}}
"""
SPREAD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: spread}
spec:
  replicas: 4
  selector: {matchLabels: {app: spread}}
  template:
    metadata: {labels: {app: spread}}
    spec:
      terminationGracePeriodSeconds: 1
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: spread}}}
      containers:
      - {name: c, image: "web:v1"}
"""


def places(lab, app="web"):
    """How many pods that are not going each node has; "": pods without a node."""
    pods = json.loads(lab.run("get", "pods", "-l", f"app={app}", "-o", "json"))["items"]
    return dict(collections.Counter(p["spec"].get("nodeName", "") for p in pods
                                    if "deletionTimestamp" not in p["metadata"]))


def rolled_out(lab, name="web"):
    return "successfully rolled out" in lab.run("rollout", "status", f"deployment/{name}", "--timeout=40s")


def budget(lab, *members):
    status = json.loads(lab.run("get", "pdb", "web", "-o", "json"))["status"]
    return [status[member] for member in members]


def drain(lab, node, *options, status=0):
    return lab.run("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", *options, status=status)


def cordons(lab):
    lab.run("apply", "-f", "-", stdin=WEB)
    rolled_out(lab)
    yield "six pods on three nodes", places(lab) == {"n1": 2, "n2": 2, "n3": 2}, places(lab)
    out = lab.run("cordon", "n2")
    yield "kubectl cordons", "node/n2 cordoned" in out, out
    taint = pocket_cluster.until("the taint", lambda: lab.run(
        "get", "node", "n2", "-o", "jsonpath={.spec.taints[*].key}"))
    yield "a cordoned node has the taint", taint == "node.kubernetes.io/unschedulable", taint
    table = lab.run("get", "nodes")
    yield "kubectl shows it", re.search(r"(?m)^n2 +Ready,SchedulingDisabled", table) is not None, table
    lab.run("scale", "deployment/web", "--replicas=8")
    rolled_out(lab)
    yield "no pod comes to it", places(lab) == {"n1": 3, "n2": 2, "n3": 3}, places(lab)
    told = lab.run("describe", "node", "n2")
    for what in (r"Unschedulable: +true", r"Taints: +node.kubernetes.io/unschedulable:NoSchedule",
                 r"Ready +True .* KubeletReady", r"default +web-", r"NodeNotSchedulable"):
        yield f"described: {what}", re.search(what, told) is not None, told
    out = lab.run("uncordon", "n2")
    yield "kubectl uncordons", "node/n2 uncordoned" in out, out
    lab.run("scale", "deployment/web", "--replicas=9")
    rolled_out(lab)
    yield "pods come again", places(lab) == {"n1": 3, "n2": 3, "n3": 3}, places(lab)
    pocket_cluster.until("no taint", lambda: not lab.run("get", "node", "n2", "-o", "jsonpath={.spec.taints}"))
    lab.run("scale", "deployment/web", "--replicas=6")
    pocket_cluster.until("six", lambda: len(lab.status()["pods"]) == 6)


def same(lab):
    """A patch that changes nothing makes no new version, also the first one of a node."""
    version = ("get", "node", "n1", "-o", "jsonpath={.metadata.resourceVersion}")
    before = lab.run(*version)
    out = lab.run("patch", "node", "n1", "-p", '{"metadata": {"labels": {"not/there": null}}}')
    yield "a patch that changes nothing", "no change" in out and lab.run(*version) == before, (out, before)


def drains(lab):
    before = places(lab)
    seen = pocket_cluster.until("the budget", lambda: budget(lab, "disruptionsAllowed") == [1] and budget(
        lab, "currentHealthy", "desiredHealthy", "expectedPods"))
    yield "the budget counts", seen == [6, 5, 6], seen
    table = lab.run("get", "pdb")
    yield "kubectl shows the budget", re.search(r"(?m)^web +5 +N/A +1 +\w+$", table) is not None, table
    watch = lab.start("get", "deploy", "web", "-w", "-o", "jsonpath={.status.readyReplicas} ")
    out = drain(lab, "n1", "--timeout=60s")
    watch.terminate()
    ready = watch.communicate(timeout=10)[0].split()
    yield "kubectl drains", out.count("pod/web-") >= before["n1"] and re.search("node/n1 (drained|evicted)", out), out
    refused = out.count("Cannot evict pod as it would violate the pod's disruption budget.")
    yield "the budget held the second one back", refused >= before["n1"] - 1, out
    yield "never fewer than it says", ready and min(map(int, ready)) >= 5, ready
    rolled_out(lab)
    now = places(lab)
    yield "all are elsewhere", set(now) == {"n2", "n3"} and sum(now.values()) == 6, now
    evicted = [line for line in lab.truth("pod-deletion-seen") if line["node"] == "n1"]
    yield "its pods were ended with their grace", {line["graceSeconds"] for line in evicted} == {2}, evicted
    out = lab.run("uncordon", "n1")
    yield "and back", "uncordoned" in out and re.search(r"(?m)^n1 +Ready +", lab.run("get", "nodes")), out


def holds(lab):
    """A budget that never allows it: told, with the status that kubectl has for it."""
    lab.run("patch", "pdb", "web", "--type=merge", "-p", '{"spec":{"minAvailable":6}}')
    pocket_cluster.until("no disruptions", lambda: budget(lab, "disruptionsAllowed", "observedGeneration") == [0, 2])
    node, before = max(places(lab), key=places(lab).get), places(lab)
    out = drain(lab, node, "--timeout=2s", status=1)
    yield "kubectl gives up", "global timeout reached" in out, out
    yield "nobody went", places(lab) == before, places(lab)
    lab.run("uncordon", node)
    name = lab.run("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
    for version in ("v1", "v1beta1"):
        body = json.dumps({"kind": "Eviction", "apiVersion": f"policy/{version}",
                           "metadata": {"name": name, "namespace": "default"}})
        path = f"/api/v1/namespaces/default/pods/{name}/eviction"
        out = lab.run("create", "--raw", path, "-f", "-", stdin=body, status=1)
        yield f"an eviction of {version} is refused", "disruption budget" in out, out
    lab.run("delete", "pdb", "web")
    out = lab.run("create", "--raw", path, "-f", "-", stdin=body)
    yield "without a budget it goes", json.loads(out)["status"] == "Success", out
    pocket_cluster.until("it is gone", lambda: lab.truth("pod-removed", name))


def spreads(lab):
    for node, zone in (("n1", "a"), ("n2", "a"), ("n3", "b")):
        lab.run("label", "node", node, f"zone={zone}")
    lab.run("apply", "-f", "-", stdin=SPREAD)
    rolled_out(lab, "spread")
    now = places(lab, "spread")
    yield "as many in each zone", now == {"n1": 1, "n2": 1, "n3": 2}, now
    lab.run("cordon", "n3")
    lab.run("scale", "deployment/spread", "--replicas=7")
    pocket_cluster.until("one in the smaller zone is missing", lambda: places(lab, "spread").get("", 0) == 2)
    waiting = lab.run("get", "pods", "-l", "app=spread", "--field-selector", "status.phase=Pending", "-o",
                      "jsonpath={.items[0].metadata.name}")
    told = lab.run("describe", "pod", waiting)
    yield "why a pod waits is told", "didn't match pod topology spread constraints" in told, told
    lab.run("uncordon", "n3")
    rolled_out(lab, "spread")
    now = places(lab, "spread")
    yield "it goes on when the node is back", now["n3"] in (3, 4) and sum(now.values()) == 7, now


def everything(_folder):
    # Evictions of the newer one are protobuf; where it is not to be had, the older one drains as well.
    version = next((v for v in (kubectl.NEWER, kubectl.OLDER) if kubectl.find_kubectl(sys.argv[2], v)), None)
    if version is None:
        print("# no kubectl: set KUBECTL, or let apt-get download kubernetes-client")
        yield "skipped # SKIP no kubectl", True, ""
        return
    lab = pocket_cluster.Cluster(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], "slnodes0", "--nodes", "3",
                                 version=version)
    try:
        for part in (same, cordons, drains, holds, spreads):
            yield from part(lab)
    except BaseException:
        with contextlib.suppress(AssertionError, subprocess.SubprocessError):
            lab.down()
        raise
    lab.down()
    yield "the lab ends in order", True, ""


if __name__ == "__main__":
    tap.run("nodes", everything)
