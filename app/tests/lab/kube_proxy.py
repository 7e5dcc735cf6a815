#!/usr/bin/env python3
"""kube-proxy's ConfigMap: a change takes when its pods are started again, node by node; a run that makes it puts it
back, and so does `seamline undo`.

usage: kube_proxy.py SEAMLINE SEAMLINE-LAB BUILD_DIR

Prints TAP.
"""
import json
import pathlib
import signal
import subprocess
import sys
import time

import tap
from pocket import Pocket, until

SEAMLINE, LAB = (pathlib.Path(program).resolve() for program in sys.argv[1:3])
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
EXPERIMENT = {
    "version": 1, "name": "proxies",
    "cluster": {"context": "seamline-lab", "namespace": "default", "proxy": {"scheduler": "random"}},
    "target": {"service": "web", "servicePort": 5003, "via": "loadBalancer", "route": "ecmp"},
    "streams": [{"name": "new", "protocol": "connect", "rate": "20/s", "connectTimeout": "1s"}],
    "steps": [{"do": "start", "until": "steady"}, {"do": "wait", "id": "on", "for": "500ms"}, {"do": "stop"}],
    "expect": [{"stream": "new", "figure": "requests", "outcomes": ["ok", "late"], "atLeast": 5}],
}
MAY = ["configmap/kube-proxy", "daemonset/kube-proxy"]
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


def configuration(lab):
    return json.loads(lab.run(*SYSTEM, "get", "cm", "kube-proxy", "-o", "json"))["data"]["config.conf"]


def start(folder, lab, name, may, *options):
    experiment = {**EXPERIMENT, "cluster": {**EXPERIMENT["cluster"], "mayChange": may,
                                            "kubeconfig": str(lab.folder / "kubeconfig")}}
    (folder / f"{name}.json").write_text(json.dumps(experiment))
    return subprocess.Popen([SEAMLINE, "run", folder / f"{name}.json", "-o", folder / name, "-q", "--yes", "-m",
                             lab.folder / "machine.json", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def run(*words):
    process = start(*words)
    out, errors = process.communicate(timeout=100)
    return process.returncode, out, errors


def runs(folder, lab):
    """Begins and ends with rr."""
    before, seen = configuration(lab), len(lab.truth("proxy-mode"))
    status, _, errors = run(folder, lab, "refused", [])
    wanted = 'set how kube-proxy balances, in configmap/kube-proxy: ipvs, rr -> iptables: name "configmap/kube-proxy"'
    yield "a run may not change it unasked", status == 2 and wanted in errors and configuration(lab) == before, errors
    status, out, errors = run(folder, lab, "changed", MAY)
    modes = [line["mode"] for line in lab.truth("proxy-mode")[seen:]]
    yield "a run changes it, awaits its pods, and puts it back", \
        status == 0 and modes == ["random", "random", "rr, emulated", "rr, emulated"], (status, modes, errors)
    yield "the ConfigMap is as it was", configuration(lab) == before and has(lab, "rr"), configuration(lab)
    yield "the report says so", "for the run: set how kube-proxy balances" in out, out
    status, _, errors = run(folder, lab, "same", MAY, "--set", "cluster.proxy.scheduler=rr")
    yield "what is like that already is left alone", \
        status == 0 and "balances as is wanted: ipvs, rr" in errors and len(lab.truth("proxy-mode")) == seen + 4, errors
    process = start(folder, lab, "killed", MAY, "--set", "steps.on.for=60s")
    until("the other mode", lambda: all(MARKS["random"] in rules(lab, node) for node in ("n1", "n2")))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    said = lab.call(SEAMLINE, "undo", folder / "killed")
    lab.run(*SYSTEM, "rollout", "status", "daemonset/kube-proxy", "--timeout=60s")
    yield "`seamline undo` puts it back after a kill", configuration(lab) == before and has(lab, "rr"), said
    lab.run(*SYSTEM, "delete", "configmap", "kube-proxy")
    status, _, errors = run(folder, lab, "none", [])
    none = "this cluster shows no kube-proxy: there is no ConfigMap kube-proxy in kube-system"
    yield "a cluster without it is said to be one", status == 0 and "is not compared" in errors and none in errors, errors
    status, _, errors = run(folder, lab, "wanted", MAY)
    yield "where it was to be changed, that is an error", status == 3 and none in errors, (status, errors)


def everything(folder):
    with Pocket(LAB, sys.argv[3], folder, "slkprx0", "--profile", "ideal", "--nodes", "2", "--kube-proxy") as lab:
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
        yield from runs(folder, lab)
        out = lab.run("drain", "n2", "--ignore-daemonsets", "--timeout=40s")
        yield "a drain leaves it", "evicting pod default/web" in out or "pod/web" in out, out
        yield "nft took all", all(node["proxyFailures"] == 0 for node in lab.status()["nodes"]), lab.status()
    yield "nothing complained", not lab.complaints(), lab.complaints()


if __name__ == "__main__":
    tap.run("kube-proxy", everything)
