#!/usr/bin/env python3
"""UDP flows whose pod goes: the node forgets their way and they meet another pod, or it keeps it and they meet nobody.

usage: datagram_flows.py SEAMLINE

Each flow keeps its 5-tuple. kube-proxy makes the node forget those of an endpoint that it takes away; without that
(cleanUDP=false) conntrack sends what goes on to where the pod was. Prints TAP.
"""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tap  # noqa: E402
from turn import turn  # noqa: E402

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
FLOWS = 40
DEPLOYMENT = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
    "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}},
             "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [
                 {"name": "web", "image": "web:v1", "ports": [{"containerPort": 5003, "protocol": "UDP"}]}]}}}}
SERVICE = {
    "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
    "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ipFamilyPolicy": "RequireDualStack",
             "ports": [{"name": "udp", "port": 5003, "protocol": "UDP"}]}}
OBJECTS = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "seamline"}}, DEPLOYMENT, SERVICE]


def stream(family):
    return {"name": family, "protocol": "udp", "connections": FLOWS, "rate": f"{4 * FLOWS}/s", "timeout": "500ms",
            "target": {"service": "web", "servicePort": 5003, "family": family}}


def experiment(clean):
    return {
        "version": 1, "name": "flows", "seed": 1,
        "cluster": {"kubeconfig": "lab", "context": "seamline-lab", "namespace": "seamline",
                    "mayChange": ["namespace/seamline", "deployment/web", "service/web", "pod/web-*"],
                    "lab": {"profile": "kubeadm", "seed": 1, "nodes": 2, "podReady": "300ms",
                            "settings": {"cleanUDP": clean}, "images": {"web:v1": "seamline-pod"}},
                    "proxy": {"scheduler": "random"}},
        "target": {"service": "web", "servicePort": 5003},
        "streams": [stream("ipv4"), stream("ipv6")],
        "steps": [{"do": "apply", "files": ["web.yaml"], "until": "rollout-complete"}, {"do": "wait", "for": "1s"},
                  {"do": "start", "until": "steady", "deadline": "8s"}, {"do": "delete-pod", "pod": "web-*"},
                  {"do": "wait", "for": "8s"}, {"do": "stop"}],
    }


def run(folder, clean):
    folder = folder / ("clean" if clean else "kept")
    folder.mkdir()
    (folder / "web.yaml").write_text("\n---\n".join(map(json.dumps, OBJECTS)))
    (folder / "run.json").write_text(json.dumps(experiment(clean)))
    done = subprocess.run([SEAMLINE, "run", folder / "run.json", "-q", "-o", folder / "out"], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-1500:])
    return json.loads(subprocess.run([SEAMLINE, "report", folder / "out", "-f", "json"], text=True, check=True,
                                     capture_output=True).stdout)


def told(account):
    return {"outages": [(s["name"], s["outages"]["count"], s["outages"]["open"]) for s in account["streams"]],
            "windows": [(w["lost"], w["open"], w["cause"]["text"]) for w in account["windows"]]}


def everything(folder):
    with turn():
        clean, kept = run(folder, True), run(folder, False)
    yield "flows of the pod that goes meet another, of either family", (
        all(s["outages"]["open"] == 0 for s in clean["streams"])), told(clean)
    yield "what is lost until then is no fault of the way", (
        all(w["cause"]["cause"] != "connection-tracking" for w in clean["windows"])), told(clean)
    yield "where the node keeps their way, they meet nobody any more, and the others go on", (
        all(0 < s["outages"]["open"] < FLOWS for s in kept["streams"])), told(kept)
    yield "and that is told", "connection-tracking" in [
        w["cause"]["cause"] for w in kept["windows"] if w["open"]], told(kept)


tap.run("datagram-flows", everything)
