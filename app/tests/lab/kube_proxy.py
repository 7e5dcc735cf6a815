#!/usr/bin/env python3
"""kube-proxy's ConfigMap: a change takes when its pods are started again, node by node.

usage: kube_proxy.py SEAMLINE-LAB BUILD_DIR

Prints TAP.
"""
import json
import pathlib
import sys
import time

import tap
from pocket import Pocket, until

LAB = pathlib.Path(sys.argv[1]).resolve()
SYSTEM = ("-n", "kube-system")
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
      containers:
      - {name: web, image: "web:v1"}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 5003}]}
"""
MARKS = {"rr": "numgen inc", "random": "numgen random", "sh": "jhash"}


def rules(lab, node):
    return lab.call(*lab.execute(node, "nft", "list", "table", "inet", "proxy"))


def configure(lab, old, new):
    config = json.loads(lab.run(*SYSTEM, "get", "cm", "kube-proxy", "-o", "json"))["data"]["config.conf"]
    assert old in config, config
    patch = {"data": {"config.conf": config.replace(old, new)}}
    lab.run(*SYSTEM, "patch", "cm", "kube-proxy", "--type=merge", "-p", json.dumps(patch))


def restart(lab):
    time.sleep(1.1)  # kubectl's annotation has whole seconds: two in one would be no change.
    lab.run(*SYSTEM, "rollout", "restart", "daemonset/kube-proxy")
    return lab.run(*SYSTEM, "rollout", "status", "daemonset/kube-proxy", "--timeout=60s")


def has(lab, mode):
    until(f"{mode} on both nodes", lambda: all(MARKS[mode] in rules(lab, node) for node in ("n1", "n2")))
    return all(other == mode or mark not in rules(lab, node)
               for node in ("n1", "n2") for other, mark in MARKS.items())


def everything(folder):
    with Pocket(LAB, sys.argv[2], folder, "slkprx0", "--profile", "ideal", "--nodes", "2", "--kube-proxy") as lab:
        lab.run(*SYSTEM, "rollout", "status", "daemonset/kube-proxy", "--timeout=40s")
        pods = json.loads(lab.run(*SYSTEM, "get", "pods", "-l", "k8s-app=kube-proxy", "-o", "json"))["items"]
        where = sorted((p["spec"]["nodeName"], p["status"]["podIP"]) for p in pods)
        yield "a pod on each node, in its network", where == [("n1", "10.200.0.11"), ("n2", "10.200.0.12")], where
        lab.apply(WEB)
        lab.run("rollout", "status", "deployment/web", "--timeout=40s")
        yield "it begins as the lab was told", has(lab, "rr"), rules(lab, "n1")
        configure(lab, 'scheduler: "rr"', 'scheduler: "sh"')
        yield "the ConfigMap alone changes nothing", has(lab, "rr"), rules(lab, "n1")
        yield "its pods are awaited", "successfully rolled out" in restart(lab), "no"
        yield "the scheduler is another", has(lab, "sh"), rules(lab, "n1")
        configure(lab, 'mode: "ipvs"', 'mode: "iptables"')
        restart(lab)
        yield "the mode is another", has(lab, "random"), rules(lab, "n1")
        modes = [(line["node"], line["mode"]) for line in lab.truth("proxy-mode")]
        yield "both are in truth.jsonl", sorted(modes) == [
            ("n1", "random"), ("n1", "sh, emulated"), ("n2", "random"), ("n2", "sh, emulated")], modes
        configure(lab, 'mode: "iptables"', 'mode: "ipvs"')
        configure(lab, 'scheduler: "sh"', 'scheduler: "lc"')
        restart(lab)
        log = (folder / "lab.log").read_text()
        yield "what the lab has not is refused", 'no scheduler "lc"' in log and has(lab, "random"), log
        configure(lab, 'scheduler: "lc"', 'scheduler: "rr"')
        restart(lab)
        yield "put back", has(lab, "rr") and lab.status()["proxy"] == "rr, emulated", rules(lab, "n1")
        out = lab.run("drain", "n2", "--ignore-daemonsets", "--timeout=40s")
        yield "a drain leaves it", "evicting pod default/web" in out or "pod/web" in out, out
        yield "nft took all", all(node["proxyFailures"] == 0 for node in lab.status()["nodes"]), lab.status()
    yield "nothing complained", not lab.complaints(), lab.complaints()


if __name__ == "__main__":
    tap.run("kube-proxy", everything)
