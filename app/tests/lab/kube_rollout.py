#!/usr/bin/env python3
"""`seamline kube` on a pocket cluster whose controllers and pods answer: rollouts that are waited for,
nodes that are drained under a PodDisruptionBudget. kubectl is the witness.

    kube_rollout.py SEAMLINE SEAMLINE-LAB BUILD_DIR

Prints TAP.
"""
import json
import re
import subprocess
import sys

import nodes
import pocket
import tap


class Hand:
    """`seamline kube` on the pocket cluster."""

    def __init__(self, seamline, lab):
        self.seamline = seamline
        self.access = ["-k", str(lab.folder / "kubeconfig"), "--context", "seamline-lab", "-n", "default",
                       "--yes"]

    def run(self, *words):
        """Exit status, the lines without their times, and the errors."""
        done = subprocess.run([self.seamline, "kube", *words, *self.access], text=True, capture_output=True,
                              timeout=90, check=False)
        lines = [line.split("Z  ", 1)[1] for line in done.stdout.splitlines()]
        return done.returncode, lines, done.stderr


def template(lab, path):
    return lab.run("get", "deploy", "web", "-o", "jsonpath={.spec.template." + path + "}")


def rollouts(hand, lab):
    status, lines, error = hand.run("set-env", "web", "A=1", "--wait", "--timeout", "60s")
    yield "set-env waits for its rollout", (
        status == 0 and "A: none -> 1: changed" in lines[0]
        and lines[-1] == "all 6 pods are new and available"), (status, lines, error)
    new = lab.run("get", "pods", "-o", "jsonpath={.items[?(@.spec.containers[0].env)].metadata.name}").split()
    yield "its pods are the new ones", len(new) >= 6, new
    status, lines, error = hand.run("restart", "web", "--wait", "--timeout", "60s")
    yield "restart rolls out", status == 0 and lines[-1].startswith("all 6"), (status, lines, error)
    stamp = template(lab, r"metadata.annotations.kubectl\.kubernetes\.io/restartedAt")
    yield "by kubectl's annotation", re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]+\.\d{6}Z", stamp), stamp
    status, lines, error = hand.run("rollout", "web")
    yield "rollout finds it complete", (status, lines) == (0, ["all 6 pods are new and available"]), (
        status, lines, error)
    status, lines, error = hand.run("rollout", "nothing")
    yield "and says what is not there", (
        status == 2 and "there is no Deployment nothing" in error), (status, lines, error)


OTHERS = """
apiVersion: apps/v1
kind: %s
metadata: {name: other}
spec:
  selector: {matchLabels: {app: other}}
  template:
    metadata: {labels: {app: other}}
    spec: {containers: [{name: other, image: "other:v1"}]}
"""


def undoes(hand, lab):
    def image(kind, name):
        return lab.run("get", kind, name, "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    first = image("deploy", "web")
    hand.run("set-image", "web", "web:next", "--wait", "--timeout", "60s")
    status, lines, error = hand.run("rollout", "undo", "web", "--dry-run")
    yield "a dry run undoes nothing", status == 0 and "dry run" in lines[0] and image("deploy", "web") == "web:next", (
        lines, error)
    status, lines, error = hand.run("rollout", "undo", "web", "--wait", "--timeout", "60s")
    yield "rollout undo goes back, and waits", (
        status == 0 and "undo the rollout of deployment/web: back to revision" in lines[0]
        and lines[-1].startswith("all 6") and image("deploy", "web") == first), (lines, error)
    lab.run("rollout", "undo", "deployment/web")
    lab.run("rollout", "status", "deployment/web", "--timeout=60s")
    yield "kubectl goes back from there to where we were", image("deploy", "web") == "web:next", image("deploy", "web")
    status, lines, error = hand.run("rollout", "undo", "web", "--to-revision", "1", "--wait", "--timeout", "60s")
    yield "to the first of all", status == 0 and not template(lab, "spec.containers[0].env"), (lines, error)
    status, lines, error = hand.run("rollout", "undo", "web", "--to-revision", "99")
    yield "one that is not there is refused", status == 2 and "no revision 99; there are: " in error, (status, error)
    for kind in ("StatefulSet", "DaemonSet"):
        lab.apply(OTHERS % kind)
        lab.run("rollout", "status", f"{kind}/other", "--timeout=60s")
        hand.run("set-image", f"{kind}/other", "other:v2", "--wait", "--timeout", "60s")
        status, lines, error = hand.run("rollout", "undo", f"{kind}/other", "--wait", "--timeout", "60s")
        yield f"a {kind} likewise", status == 0 and image(kind, "other") == "other:v1", (lines, error)
        lab.run("delete", kind, "other")


def drains(hand, lab):
    before = nodes.places(lab)
    listed = json.loads(lab.run("get", "pods", "-l", "app=web", "-o", "json"))["items"]
    names = {pod["metadata"]["name"] for pod in listed if pod["spec"].get("nodeName") == "n1"
             and "deletionTimestamp" not in pod["metadata"]}
    status, lines, error = hand.run("drain", "n1", "--timeout", "80s")
    evicted = [line for line in lines if line.endswith(" evicted")]
    yield "drain evicts the pods of the node", (
        status == 0 and {line[len("pod default/"):-len(" evicted")] for line in evicted} >= names), (
            names, lines, error)
    yield "it says what it does first", lines[0] == "node/n1 cordoned", lines
    yield "the budget held the second back", sum("needs 5 healthy pods" in line for line in lines) >= 1, lines
    gone = [line for line in lines if line.endswith(" gone")]
    yield "each is told to be gone", len(gone) == len(evicted) >= before["n1"], lines
    now = nodes.places(lab)
    yield "none is left there", "n1" not in now, now
    status, lines, error = hand.run("drain", "n1")
    yield "a second drain has nothing to evict", (
        status == 0 and lines[0] == "node/n1 was cordoned already" and "evict 0 pods" in lines[-1]), (
            lines, error)
    status, lines, error = hand.run("uncordon", "n1")
    seen = lab.run("get", "node", "n1", "-o", "jsonpath={.spec.unschedulable}")
    yield "uncordon", status == 0 and seen == "", (lines, error, seen)


SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 5003}]}
"""


def killed(hand, lab, folder):
    """SIGKILL in the middle of a drain, which the budget lets go one pod in five seconds: what is left is to be undone."""
    experiment = {
        "version": 1, "name": "killed",
        "cluster": {"kubeconfig": str(lab.folder / "kubeconfig"), "context": "seamline-lab", "namespace": "default",
                    "mayChange": ["node/n2"]},
        "target": {"service": "web", "via": "loadBalancer", "route": "node:1"},
        "streams": [{"name": "s", "protocol": "connect", "rate": "20/s"}],
        "steps": [{"do": "start"}, {"do": "drain", "node": "n2", "temporary": True}, {"do": "stop"}]}
    lab.apply(SERVICE)
    (folder / "killed.json").write_text(json.dumps(experiment))
    journal = folder / "killed" / "undo.jsonl"
    process = subprocess.Popen([hand.seamline, "run", folder / "killed.json", "-m", lab.folder / "machine.json", "--yes",
                                "-q", "-o", folder / "killed"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        pocket.until("an eviction", lambda: journal.exists() and " evicted" in journal.read_text())
    finally:
        process.kill()
        said = process.communicate(timeout=30)[0]
    left = nodes.places(lab)
    yield "it was killed in the middle of a drain", left.get("n2", 0) > 0, (left, said)
    parts = [json.loads(line) for line in journal.read_text().splitlines() if '"part"' in line]
    done = subprocess.run([hand.seamline, "undo", folder / "killed"], capture_output=True, text=True, timeout=60, check=False)
    yield "undo names the pods that are evicted", done.returncode == 0 and all(
        f"  stays as it is: {part['text']}\n" in done.stdout for part in parts), (done, parts)
    seen = lab.run("get", "node", "n2", "-o", "jsonpath={.spec.unschedulable}")
    yield "and lifts the cordon", seen == "" and "put back: drain node/n2" in done.stdout, (done, seen)
    names = [part["text"].split("/")[1].split(" ")[0] for part in parts]
    pocket.until("they are gone", lambda: not set(names) & set(lab.run("get", "pods", "-o", "name").split()))
    lab.run("rollout", "status", "deployment/web", "--timeout=60s")


def holds(hand, lab):
    """A budget that never allows it."""
    lab.run("patch", "pdb", "web", "--type=merge", "-p", '{"spec":{"minAvailable":6}}')
    pocket.until("no disruptions", lambda: nodes.budget(lab, "disruptionsAllowed", "observedGeneration") == [0, 2])
    node, before = max(nodes.places(lab), key=nodes.places(lab).get), nodes.places(lab)
    status, lines, error = hand.run("drain", node, "--timeout", "2s")
    yield "the deadline names what holds it", (
        status == 3 and "still there: default/web-" in error and "needs 6 healthy pods" in error), (lines, error)
    yield "nobody went", nodes.places(lab) == before, nodes.places(lab)
    lab.run("uncordon", node)
    name = lab.run("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
    status, lines, error = hand.run("evict", name, "--timeout", "2s")
    yield "an eviction likewise", status == 3 and "needs 6 healthy pods" in error, (lines, error)
    status, lines, error = hand.run("evict", name, "--dry-run")
    yield "a dry run asks too", status == 3 and "disruption budget" in error, (status, lines, error)
    lab.run("delete", "pdb", "web")
    status, lines, error = hand.run("evict", name, "--wait")
    yield "without a budget it goes", status == 0 and lines[-1] == f"pod/{name} is gone", (lines, error)


def moves(hand, lab):
    lab.run("scale", "deployment/web", "--replicas=1")
    status, lines, error = hand.run("move", "web", "n9", "--wait", "--even-rolling", "--timeout", "2s")
    yield "what holds a move is named", status == 3 and "; there is no node n9" in error, (lines, error)
    status, lines, error = hand.run("move", "web", "n3", "--wait", "--even-rolling", "--timeout", "60s")
    yield "move waits until the pod is there", status == 0 and lines[-1].startswith("all 1 pods"), (lines, error)
    places = nodes.places(lab)
    yield "and it is on that node", places == {"n3": 1}, places
    pods = json.loads(lab.run("get", "pods", "-o", "json"))["items"]
    yield "named by its template", all(pod["spec"]["nodeName"] == "n3" for pod in pods
                                       if "deletionTimestamp" not in pod["metadata"]), pods


def everything(folder):
    seamline, lab_program, build_dir = sys.argv[1:4]
    with pocket.Pocket(lab_program, build_dir, folder, "slkube0", "--profile", "ideal", "--nodes", "3") as lab:
        hand = Hand(seamline, lab)
        lab.apply(nodes.WEB)
        nodes.rolled_out(lab)
        for part in (rollouts, undoes, drains):
            yield from part(hand, lab)
        yield from killed(hand, lab, folder)
        for part in (holds, moves):
            yield from part(hand, lab)
    yield "nobody complained", not lab.complaints(), lab.complaints()


tap.run("kube-rollout", everything)
