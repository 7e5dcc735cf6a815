#!/usr/bin/env python3
"""The way to a Service over the cluster's nodes: `route` spreads connections over them all, or keeps them to one.

usage: routes.py SEAMLINE SEAMLINE-LAB BUILD_DIR

Which node a connection came in by is read from the nodes' own connection tracking. Prints TAP.
"""
import collections
import json
import pathlib
import re
import subprocess
import sys

import tap
from pocket import Pocket, until

SEAMLINE, LAB = (pathlib.Path(program).resolve() for program in sys.argv[1:3])
NODES = ["n1", "n2", "n3"]
FLOWS = 60  # That a node gets none of them by chance: 3 x (2/3)^60.
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
spec: {type: LoadBalancer, selector: {app: web}, ipFamilyPolicy: RequireDualStack, ports: [{port: 5003}]}
"""


def experiment(lab):
    return {
        "version": 1, "name": "routes",
        "cluster": {"kubeconfig": str(lab.folder / "kubeconfig"), "context": "seamline-lab", "namespace": "default"},
        "target": {"service": "web", "servicePort": 5003, "via": "loadBalancer", "route": "ecmp"},
        "streams": [{"name": "held", "protocol": "ctraffic", "connections": FLOWS, "rate": f"{4 * FLOWS}/s"}],
        "steps": [{"do": "start", "until": "steady"}, {"do": "stop"}],
        "expect": [{"stream": "held", "figure": "lostRequests", "equals": 0}],
    }


def came_in_by(lab, vip):
    """The nodes by which each client end reached VIP."""
    found = collections.defaultdict(list)
    for node in NODES:
        lines = lab.call(*lab.execute(node, "conntrack", "-L", "-p", "tcp", "-f", "ipv6" if ":" in vip else "ipv4"))
        for own, to, port in re.findall(r"(?m)^tcp.*?src=(\S+) dst=(\S+) sport=(\d+) dport=5003 ", lines):
            if to == vip:
                found[own, port].append(node)
    return found


def ways(folder, lab, name, vip, *options):
    """The exit status of a run, and the nodes by which each of its connections came."""
    for node in NODES:
        lab.call(*lab.execute(node, "conntrack", "-F"))
    (folder / "routes.json").write_text(json.dumps(experiment(lab)))
    done = subprocess.run([SEAMLINE, "run", folder / "routes.json", "-o", folder / name, "-q", "--yes", "-m",
                           lab.folder / "machine.json", *options], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60)
    return done.returncode, came_in_by(lab, vip), done.stdout + done.stderr


def vips(lab):
    def found():
        service = next(s for s in lab.status()["services"] if s["name"] == "web")
        return [item["ip"] for item in service["vips"]]
    until("both VIPs", lambda: len(found()) == 2)
    return dict(zip(("ipv4", "ipv6"), found()))


def everything(folder):
    with Pocket(LAB, sys.argv[3], folder, "slroute0", "--profile", "ideal", "--nodes", str(len(NODES))) as lab:
        lab.apply(WEB)
        lab.run("rollout", "status", "deployment/web", "--timeout=40s")
        for family, vip in vips(lab).items():
            status, by, said = ways(folder, lab, family, vip, "--set", f"target.family={family}")
            yield f"ecmp, {family}: the run loses nothing", status == 0, said
            yield "all connections come in", len(by) == FLOWS, (len(by), said)
            yield "each by one node, all its life", all(len(nodes) == 1 for nodes in by.values()), dict(by)
            yield "and by all nodes together", {node for nodes in by.values() for node in nodes} == set(NODES), dict(by)
            yield "as the account says", "by ECMP over 3 next hops" in said, said
        vip = vips(lab)["ipv4"]
        for route, node in (("node:n2", "n2"), ("node:3", "n3")):
            status, by, said = ways(folder, lab, node, vip, "--set", f"target.route={route}")
            yield f"{route}: all come by it", status == 0 and len(by) == FLOWS and \
                set(map(tuple, by.values())) == {(node,)}, (dict(by), said)
        status, _, said = ways(folder, lab, "none", vip, "--set", "target.route=node:n9")
        yield "a node that is not there is said to be none", status != 0 and "n9" in said, said


if __name__ == "__main__":
    tap.run("routes", everything)
