#!/usr/bin/env python3
"""StatefulSets, DaemonSets and the history of rollouts, by kubectl.

usage: workloads.py SEAMLINE-LAB BUILD_DIR

Prints TAP.
"""
import json
import pathlib
import re
import sys

import tap
from pocket import Pocket, until

LAB = pathlib.Path(sys.argv[1]).resolve()
SET = """
apiVersion: apps/v1
kind: KIND
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: web, image: "web:v1"}
"""


def image(name):
    return json.dumps({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": name}]}}}})


def images(lab):
    """The image of each pod that is not going, by name."""
    pods = json.loads(lab.run("get", "pods", "-l", "app=web", "-o", "json"))["items"]
    return {p["metadata"]["name"]: p["spec"]["containers"][0]["image"] for p in pods
            if "deletionTimestamp" not in p["metadata"]}


def nodes(lab):
    pods = json.loads(lab.run("get", "pods", "-l", "app=web", "-o", "json"))["items"]
    return sorted(p["spec"].get("nodeName", "") for p in pods if "deletionTimestamp" not in p["metadata"])


def order(lab, event):
    return [line["pod"] for line in lab.truth(event) if line["pod"].startswith("web-")]


def stateful(lab):
    lab.apply(SET.replace("KIND", "StatefulSet").replace("spec:", "spec:\n  replicas: 3\n  serviceName: web", 1))
    out = lab.run("rollout", "status", "statefulset/web", "--timeout=40s")
    yield "it rolls out", "3 pods at revision" in out or "complete" in out, out
    yield "in order", order(lab, "pod-ready") == ["web-0", "web-1", "web-2"], order(lab, "pod-ready")
    yield "kubectl shows it", re.search(r"(?m)^web +3/3 ", lab.run("get", "sts")) is not None, lab.run("get", "sts")
    lab.run("set", "image", "statefulset/web", "web=web:v2")
    out = lab.run("rollout", "status", "statefulset/web", "--timeout=40s")
    yield "an update is waited for", re.search("roll ?out complete|update complete", out) is not None, out
    yield "all are new", set(images(lab).values()) == {"web:v2"} and len(images(lab)) == 3, images(lab)
    gone = order(lab, "pod-deletion-seen")
    yield "from the last to the first", gone == ["web-2", "web-1", "web-0"], gone
    ready, deleted = lab.truth("pod-ready"), lab.truth("pod-deletion-seen")
    yield "each when the one before was ready again", all(
        sum(r["ns"] < d["ns"] for r in ready) >= 3 + i for i, d in enumerate(deleted)), (ready, deleted)
    history = lab.run("rollout", "history", "statefulset/web")
    yield "history has two", re.findall(r"(?m)^(\d+)", history) == ["1", "2"], history
    lab.run("rollout", "undo", "statefulset/web")
    lab.run("rollout", "status", "statefulset/web", "--timeout=40s")
    yield "undone", set(images(lab).values()) == {"web:v1"}, images(lab)
    lab.run("scale", "statefulset/web", "--replicas=1")
    until("one pod", lambda: list(images(lab)) == ["web-0"])
    yield "the highest go first", order(lab, "pod-deletion-seen")[-2:] == ["web-2", "web-1"], order(
        lab, "pod-deletion-seen")
    lab.run("scale", "statefulset/web", "--replicas=2")
    lab.run("rollout", "status", "statefulset/web", "--timeout=40s")
    lab.run("patch", "sts", "web", "-p", '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":1}}}}')
    lab.run("patch", "sts", "web", "-p", image("web:v3"))
    wanted = {"web-0": "web:v1", "web-1": "web:v3"}
    until("the partition", lambda: images(lab) == wanted)
    lab.run("delete", "pod", "web-0")
    until("it is back, by the old template", lambda: images(lab) == wanted)
    told = lab.run("describe", "sts", "web")
    yield "described", "create Pod web-0 in StatefulSet web successful" in told, told
    lab.run("delete", "sts", "web")
    until("no pods", lambda: not lab.pods())
    yield "its pods go with it", lab.run("get", "controllerrevisions", "-o", "name") == "", "revisions are left"


def daemons(lab):
    lab.apply(SET.replace("KIND", "DaemonSet"))
    out = lab.run("rollout", "status", "daemonset/web", "--timeout=40s")
    yield "it rolls out", "successfully rolled out" in out, out
    yield "one a node", nodes(lab) == ["n1", "n2", "n3"], nodes(lab)
    table = lab.run("get", "ds")
    yield "kubectl shows it", re.search(r"(?m)^web +3 +3 +3 +3 +3 +<none> ", table) is not None, table
    old = set(images(lab))
    lab.run("set", "image", "daemonset/web", "web=web:v2")
    out = lab.run("rollout", "status", "daemonset/web", "--timeout=60s")
    yield "an update is waited for", "successfully rolled out" in out and not old & set(images(lab)), out
    yield "all are new", set(images(lab).values()) == {"web:v2"} and len(images(lab)) == 3, images(lab)
    stamps = [(line["ns"], line["event"]) for event in ("pod-ready", "pod-deletion-seen")
              for line in lab.truth(event) if line["pod"] in old | set(images(lab))]
    missing, most = 3, 0
    for _, event in sorted(stamps):
        missing += 1 if event == "pod-deletion-seen" else -1
        most = max(most, missing) if event == "pod-deletion-seen" else most
    yield "one at a time", most == 1, sorted(stamps)
    lab.run("rollout", "undo", "daemonset/web")
    lab.run("rollout", "status", "daemonset/web", "--timeout=60s")
    yield "undone", set(images(lab).values()) == {"web:v1"}, images(lab)
    before = images(lab)
    out = lab.run("drain", "n2", "--ignore-daemonsets", "--delete-emptydir-data")
    yield "a drain leaves them", "node/n2" in out and images(lab) == before, out
    name = lab.run("get", "pods", "--field-selector", "spec.nodeName=n2", "-o", "jsonpath={.items[0].metadata.name}")
    lab.run("delete", "pod", name)
    until("another one on the cordoned node", lambda: nodes(lab) == ["n1", "n2", "n3"] and name not in images(lab))
    lab.run("uncordon", "n2")
    lab.run("label", "node", "n1", "disk=ssd")
    lab.run("patch", "ds", "web", "-p", '{"spec":{"template":{"spec":{"nodeSelector":{"disk":"ssd"}}}}}')
    until("only where the selector says", lambda: nodes(lab) == ["n1"])
    told = lab.run("describe", "ds", "web")
    yield "described", "Created pod: web-" in told and "Node-Selector:  disk=ssd" in told, told
    lab.run("delete", "ds", "web")
    until("no pods", lambda: not lab.pods())


def history(lab):
    lab.apply(SET.replace("KIND", "Deployment").replace("spec:", "spec:\n  replicas: 2", 1))
    lab.run("rollout", "status", "deployment/web", "--timeout=40s")
    for tag in ("v2", "v3"):
        lab.run("set", "image", "deployment/web", f"web=web:{tag}")
        lab.run("rollout", "status", "deployment/web", "--timeout=40s")
    out = lab.run("rollout", "history", "deployment/web")
    yield "three revisions", re.findall(r"(?m)^(\d+)", out) == ["1", "2", "3"], out
    out = lab.run("rollout", "history", "deployment/web", "--revision=2")
    yield "one of them", "web:v2" in out, out
    lab.run("rollout", "undo", "deployment/web")
    lab.run("rollout", "status", "deployment/web", "--timeout=40s")
    until("the one before", lambda: set(images(lab).values()) == {"web:v2"})
    lab.run("rollout", "undo", "deployment/web", "--to-revision=1")
    lab.run("rollout", "status", "deployment/web", "--timeout=40s")
    until("the first", lambda: set(images(lab).values()) == {"web:v1"})
    out = lab.run("rollout", "history", "deployment/web")
    yield "numbers go on", re.findall(r"(?m)^(\d+)", out) == ["3", "4", "5"], out
    lab.run("expose", "deployment", "web", "--port=80", "--target-port=8080")
    for what, patterns in {
            "deployment/web": (r"Replicas: +2 desired \| 2 updated", "NewReplicaSetAvailable", "ScalingReplicaSet"),
            "service/web": (r"Endpoints: +10\.244\.\d+\.\d+:8080,10\.244", r"TargetPort: +8080/TCP"),
            "node/n1": (r"Ready +True", r"InternalIP: +10\.200\.0\.11", "KubeletHasSufficientMemory"),
            lab.run("get", "pods", "-o", "name").split()[0]: (r"Status: +Running", "Started container", "Successfully assigned")}.items():
        told = lab.run("describe", what)
        for pattern in patterns:
            yield f"{what.split('-')[0]}: {pattern}", re.search(pattern, told) is not None, told


def everything(folder):
    with Pocket(LAB, sys.argv[2], folder, "slwork0", "--profile", "ideal", "--nodes", "3") as lab:
        for part in (stateful, daemons, history):
            yield from part(lab)
    yield "nothing complained", not lab.complaints(), lab.complaints()


if __name__ == "__main__":
    tap.run("workloads", everything)
