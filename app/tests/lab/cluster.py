#!/usr/bin/env python3
"""The whole pocket cluster, by kubectl from the front and by the kernel's TCP through its VIPs.

usage: cluster.py SEAMLINE-LAB BUILD_DIR

What is expected of pods and connections is taken from truth.jsonl wherever the time that something took decides
it, so that a slow machine gives other figures but no other verdict. kubectl is the one of kubectl.py; without
it the test is skipped. Prints TAP.
"""
import collections
import json
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import kubectl  # noqa: E402
import pocket_cluster  # noqa: E402
from pocket_cluster import PORT, until  # noqa: E402

MANIFEST = pathlib.Path(__file__).resolve().parents[3] / "config" / "mserver.yaml"
SECOND_NS = 10**9
CLOCKS_NS = 10**6  # CLOCK_REALTIME is written, CLOCK_MONOTONIC decides; they may part by a little.

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  terminationGracePeriodSeconds: {grace}
  nodeName: n1
  containers:
  - name: c
    image: pod:v1
    env:
    - {{name: SEAMLINE_POD_ON_TERM, value: "{on_term}"}}
    - {{name: SEAMLINE_POD_LISTEN_AFTER, value: "{listen_after}"}}
    readinessProbe: {probe}
---
"""
PROBE = "{tcpSocket: {port: 5003}, periodSeconds: 1}"
RANDOM = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
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
spec:
  type: LoadBalancer
  ipFamilyPolicy: RequireDualStack
  selector: {app: web}
  ports: [{port: 5003, name: ctraffic}, {port: 80, targetPort: 8080, name: http}]
"""


TESTS = []


def test(function):
    TESTS.append(function)
    return function


@test
def apply_and_watch(lab):
    """kubectl sees what it would see of a real rollout."""
    lab.client("route", 1, 2)
    watch = lab.watch("pods", "-A")
    out = lab.run("-n", "seamline", "apply", "-f", str(MANIFEST))
    assert out.count("created") == 4, out
    out = lab.run("-n", "seamline", "rollout", "status", "deployment/mserver", "--timeout=40s")
    assert 'deployment "mserver" successfully rolled out' in out, out
    pods = lab.run("-n", "seamline", "get", "pods", "-o", "wide")
    kubectl.has_row(pods, "NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE", "NOMINATED NODE",
                    "READINESS GATES")
    rows = re.findall(r"(?m)^(mserver-\w+-\w+) +1/1 +Running +0 +\w+ +10\.244\.([12])\.\d+ +n([12]) +<none>",
                      pods)
    assert len(rows) == 8 and all(a == b for _, a, b in rows), pods
    assert collections.Counter(n for _, _, n in rows) == {"1": 4, "2": 4}, pods
    kubectl.has_row(lab.run("-n", "seamline", "get", "deploy"), "mserver", "8/8", "8", "8", r"\w+")
    kubectl.has_row(lab.run("-n", "seamline", "get", "svc", "mserver"), "mserver", "LoadBalancer",
                    r"10\.96\.0\.\d+", ",".join(lab.vips("mserver")), "5003/TCP", r"\w+")
    watch.terminate()
    text, _ = watch.communicate(timeout=10)
    for name, _, _ in rows:
        seen = re.findall(rf"(?m)^seamline +{name} +(\d/1) +(\w+)", text)
        order = [seen.index(step) for step in (("0/1", "Pending"), ("1/1", "Running"))]
        assert order == sorted(order), seen


@test
def round_robin_is_exact(lab):
    names = lab.settled()
    for address in lab.vips("mserver"):
        answers = lab.client("spread", address, PORT, 80)["answers"]
        assert collections.Counter(answers) == {name: 10 for name in names}, collections.Counter(answers)
        assert answers[:8] * 10 == answers, answers
    assert lab.rules("n1", "seamline/mserver/ctraffic/TCP/IPv4") is not None


@test
def upgrade_with_prestop_loses_nothing_new(lab):
    """Held connections break once a pod, as the log of the lab says; new ones never fail."""
    old = lab.settled()
    held = lab.client_running("held", lab.vips("mserver")[0], PORT, 80)
    new = lab.client_running("connects", lab.vips("mserver-probe")[0], PORT, 0.02)
    watch = lab.watch("deploy", "mserver", "-n", "seamline")
    assert "image updated" in lab.run("-n", "seamline", "set", "image", "deployment/mserver",
                                      "mserver=mserver:v2")
    out = lab.run("-n", "seamline", "rollout", "status", "deployment/mserver", "--timeout=40s")
    assert "successfully rolled out" in out, out
    now = lab.settled()
    watch.terminate()
    rows = re.findall(r"(?m)^mserver +(\d+)/8 +(\d+) +(\d+) ", watch.communicate(timeout=10)[0])
    time.sleep(0.5)  # The held ones find their new pods.
    account, answers = held.end(), collections.Counter(new.end()["answers"])
    assert not old & now, (old, now)
    assert all(int(ready) >= 8 and int(available) >= 8 for ready, _, available in rows), rows
    updated = [int(row[1]) for row in rows]
    since = updated.index(1)
    assert updated[since:] == sorted(updated[since:]) and updated[-1] == 8, rows
    assert collections.Counter(account["first"]) == {name: 10 for name in old}, account["first"]
    assert set(answers) <= old | now and set(answers) & now, answers
    closes = [(line["remote"], line["pod"]) for name in old for line in
              lab.truth("connection-closed", name) if line["reason"] == "exit"]
    breaks = [(local, pod) for local, pod, _ in account["breaks"]]
    assert len(breaks) >= 80 and sorted(breaks) == sorted(closes), (breaks, closes)
    assert set(account["lasting"]) <= now and len(account["lasting"]) == 80, account["lasting"]
    assert account["failedConnects"] == [], account["failedConnects"]
    for name in old:
        ordered_end(lab, name, grace_s=30, hook_s=2)


def ordered_end(lab, name, grace_s, hook_s=None, killed=False):
    """The stamps of NAME's end, in their order: deletion, preStop, SIGTERM, SIGKILL, end."""
    stamps = {}
    for line in lab.truth(pod=name):
        stamps[line["event"] + line.get("signal", "")] = line["ns"]
    order = ["pod-deletion-seen", "prestop-begun", "prestop-ended", "signal-sentTERM", "signal-sentKILL",
             "process-reaped", "pod-removed"]
    if hook_s is None:
        order = [event for event in order if not event.startswith("prestop")]
    if not killed:
        order.remove("signal-sentKILL")
    present = [event for event in order if event in stamps]
    assert present == order, f"{name}: {stamps}"
    times = [stamps[event] for event in order]
    assert times == sorted(times), f"{name}: {stamps}"
    assert killed or "signal-sentKILL" not in stamps, f"{name}: {stamps}"
    deleted, term = stamps["pod-deletion-seen"], stamps["signal-sentTERM"]
    if hook_s is not None:
        assert stamps["prestop-ended"] - stamps["prestop-begun"] >= hook_s * SECOND_NS - CLOCKS_NS, stamps
    slack = SECOND_NS
    assert term <= deleted + grace_s * SECOND_NS + slack, stamps
    if killed:
        least = max(deleted + grace_s * SECOND_NS, term + 2 * SECOND_NS)
        assert least - CLOCKS_NS <= stamps["signal-sentKILL"] <= least + slack, stamps
        assert stamps["signal-sentKILL"] <= deleted + (grace_s + 2) * SECOND_NS + slack, stamps
    return stamps


@test
def upgrade_without_prestop_loses(lab):
    """Between SIGTERM and the new rules (proxyApply) connections meet a dead process, then nobody."""
    out = lab.run("-n", "seamline", "patch", "deployment", "mserver", "-p", json.dumps(
        {"spec": {"template": {"spec": {"containers": [{"name": "mserver", "lifecycle": None}]}}}}))
    assert "patched" in out, out
    lab.run("-n", "seamline", "rollout", "status", "deployment/mserver", "--timeout=40s")
    old = lab.settled()
    new = lab.client_running("connects", lab.vips("mserver-probe")[0], PORT, 0.01)
    lab.run("-n", "seamline", "set", "image", "deployment/mserver", "mserver=mserver:v3")
    lab.run("-n", "seamline", "rollout", "status", "deployment/mserver", "--timeout=40s")
    lab.settled()
    answers = collections.Counter(new.end()["answers"])
    failed = {kind: count for kind, count in answers.items() if kind.startswith("!")}
    assert failed.get("!refused", 0) > 0, answers
    assert set(failed) <= {"!refused", "!timeout", "!reset", "!closed"}, answers
    for name in old:
        ordered_end(lab, name, grace_s=30)


@test
def scale(lab):
    lab.run("-n", "seamline", "scale", "deployment/mserver", "--replicas=3")
    until("three pods", lambda: len(lab.status()["pods"]) == 3)
    names = lab.settled()
    assert lab.spread(lab.vips("mserver")[0], 30) == {name: 10 for name in names}
    lab.run("-n", "seamline", "scale", "deployment/mserver", "--replicas=5")
    lab.run("-n", "seamline", "rollout", "status", "deployment/mserver", "--timeout=40s")
    more = lab.settled()
    assert names < more and len(more) == 5, (names, more)
    assert lab.spread(lab.vips("mserver")[1], 50) == {name: 10 for name in more}


def pod_of(lab, name):
    return next(pod for pod in lab.status()["pods"] if pod["name"] == name)


@test
def pods_end_in_four_ways(lab):
    """Exit at once, drain, ignore and be killed; and the end of a pod that had nothing to say."""
    kinds = {"exits": ("exit", 5), "drains": ("drain", 20), "ignores": ("ignore", 1)}
    lab.run("apply", "-f", "-", stdin="".join(
        POD.format(name=name, grace=grace, on_term=on_term, listen_after="0s", probe=PROBE)
        for name, (on_term, grace) in kinds.items()))
    for name in kinds:
        lab.run("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=30s")
    addresses = {name: pod_of(lab, name)["ipv4"] for name in kinds}
    held = {name: lab.client_running("held", addresses[name], PORT, 2) for name in kinds}
    lab.run("delete", "pod", *kinds, "--wait=false")
    until("the killed one is gone", lambda: lab.truth("pod-removed", "ignores"))
    draining = lab.client("spread", addresses["drains"], PORT, 2)["answers"]
    assert draining == ["!refused", "!refused"], draining
    assert pod_of(lab, "drains")["deleting"], "it is gone, though connections are open"
    accounts = {name: client.end() for name, client in held.items()}
    until("the drained one is gone", lambda: lab.truth("pod-removed", "drains"))

    ordered_end(lab, "exits", 5)
    ordered_end(lab, "drains", 20)
    ordered_end(lab, "ignores", 1, killed=True)
    reasons = {name: [line["reason"] for line in lab.truth("connection-closed", name)
                      if line["remote"].startswith("10.201.")] for name in kinds}  # Others are probes.
    assert reasons == {"exits": ["exit"] * 2, "drains": ["peer"] * 2, "ignores": ["killed"] * 2}, reasons
    assert accounts["drains"]["breaks"] == [], accounts["drains"]
    ended = {line["pod"]: line["status"] for line in lab.truth("process-reaped")}
    assert [ended[name] for name in kinds] == [0, 0, 137], ended
    for name in ("exits", "ignores"):
        assert len(accounts[name]["breaks"]) == 2, accounts[name]


@test
def pods_that_listen_late(lab):
    """Without a probe a pod is Ready though nobody listens; with one it is not."""
    lab.run("apply", "-f", "-", stdin="".join(
        POD.format(name=name, grace=1, on_term="exit", listen_after="2s", probe=probe)
        for name, probe in (("late", "null"), ("probed", PROBE))))
    ready = until("late is ready", lambda: lab.truth("pod-ready", "late"))[0]["ns"]
    answers = lab.client("spread", pod_of(lab, "late")["ipv4"], PORT, 1)["answers"]
    listens = until("late listens", lambda: lab.truth("listening", "late"))[0]["ns"]
    assert answers == ["!refused"] and ready < listens, (answers, ready, listens)
    ready = until("probed is ready", lambda: lab.truth("pod-ready", "probed"))[0]["ns"]
    assert ready > lab.truth("listening", "probed")[0]["ns"]
    assert lab.spread(pod_of(lab, "probed")["ipv6"], 2) == {"probed": 2}


@test
def silence_for_a_pod_that_is_gone(lab):
    """goneIP=blackhole: nobody says anything."""
    address = pod_of(lab, "late")["ipv4"], pod_of(lab, "late")["ipv6"]
    assert 'pod "late" deleted' in lab.run("delete", "pod", "late")
    until("it is gone", lambda: lab.truth("pod-removed", "late"))
    for gone in address:
        assert lab.client("spread", gone, PORT, 1)["answers"] == ["!timeout"]


@test
def delete_all(lab):
    vip = lab.vips("mserver")[0]
    out = lab.run("-n", "seamline", "delete", "-f", str(MANIFEST), "--ignore-not-found")
    assert 'namespace "seamline" deleted' in out, out
    until("no pods", lambda: [p["name"] for p in lab.status()["pods"]] == ["probed"])
    assert lab.status()["services"] == []
    until("no rules", lambda: "dnat" not in lab.output("n1", "nft", "list", "ruleset"))
    assert "dnat" not in lab.output("n2", "nft", "list", "ruleset")
    assert "!" in lab.client("spread", vip, PORT, 1)["answers"][0]
    assert all(node["proxyFailures"] == 0 for node in lab.status()["nodes"]), lab.status()


@test
def random_spreads(lab):
    """As kube-proxy's own modes: no order, near to equal shares. HTTP by curl, both families."""
    lab.client("route", 1)
    lab.run("apply", "-f", "-", stdin=RANDOM)
    lab.run("rollout", "status", "deployment/web", "--timeout=40s")
    names = lab.names("app=web", "default")
    lab.wait_rules("default/web", names)
    vips = lab.vips("web")
    for address in vips:
        answers = lab.client("spread", address, PORT, 400)["answers"]
        shares = collections.Counter(answers)
        # 400 of probability 1/4: mean 100, deviation 8.7.
        assert set(shares) == names and all(50 <= n <= 150 for n in shares.values()), shares
        assert answers[:4] * 100 != answers
    for url in (f"http://{vips[0]}/", f"http://[{vips[1]}]/"):
        assert lab.output("lab", "curl", "-sS", "--max-time", "5", url).strip() in names


@test
def an_error_for_a_pod_that_is_gone(lab):
    """goneIP=unreachable: the node says so."""
    name = sorted(lab.names("app=web", "default"))[0]
    address = pod_of(lab, name)["ipv4"], pod_of(lab, name)["ipv6"]
    lab.run("delete", "pod", name)
    until("it is gone", lambda: lab.truth("pod-removed", name))
    for gone in address:
        assert lab.client("spread", gone, PORT, 1)["answers"] == ["!unreachable"]


LABS = {
    "slclus0": (["--nodes", "2", "--set", "podReady=100ms", "--set", "proxyApply=300ms"], TESTS[:-2]),
    "slclus1": (["--nodes", "1", "--proxy", "random", "--set", "goneIP=unreachable"], TESTS[-2:]),
}


if __name__ == "__main__":
    pocket_cluster.run(sys.argv[1], sys.argv[2], LABS)
