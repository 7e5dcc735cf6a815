#!/usr/bin/env python3
"""`seamline kube` against the lab's API server alone; what it did is looked at by Debian's kubectl.

    kube_command.py SEAMLINE API_ONLY BUILD_DIR

Nothing stands behind the API, so that no rollout ends: --even-rolling is given throughout. Prints TAP.
"""
import base64
import contextlib
import datetime
import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading

import kubectl
import tap

STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})Z  (.*)")


class Hand:
    """`seamline kube` on the world's server."""

    def __init__(self, seamline, world):
        self.command = [seamline, "kube"]
        self.access = ["-k", world.kubeconfig, "--context", "seamline-lab", "-n", "default"]

    def raw(self, *words):
        return subprocess.run([*self.command, *words], text=True, capture_output=True, timeout=60,
                              check=False)

    def run(self, *words):
        return self.raw(*words, *self.access)

    def says(self, *words):
        """The lines of a change that was made, each with its time, which is checked."""
        before = datetime.datetime.now(datetime.timezone.utc)
        done = self.run(*words, "--yes", *([] if words[0] in NEVER_ROLL else ["--even-rolling"]))
        after = datetime.datetime.now(datetime.timezone.utc)
        assert done.returncode == 0, done.stderr
        texts = []
        for line in done.stdout.splitlines():
            found = STAMP.fullmatch(line)
            assert found, line
            at = datetime.datetime.fromisoformat(found[1] + "+00:00")
            assert before <= at <= after, f"{before} {line} {after}"
            texts.append(re.sub(r"; answered after [0-9.]+ [mun]?s$", "; answered", found[2]))
        return texts


NEVER_ROLL = ("apply", "delete", "cordon", "uncordon", "delete-pod", "evict", "rollout")


def template(world):
    return json.loads(world.run("get", "deploy", "web", "-o", "json"))["spec"]["template"]


def changes(hand, world):
    """Each action: what it says, and what kubectl then sees."""
    got = hand.says("set-image", "web", "web:v2")
    seen = template(world)["spec"]["containers"][0]
    yield "set-image changes the image", seen["image"] == "web:v2" and got == [
        "set image of deployment/web, container web: web:v1 -> web:v2: changed; answered"], (got, seen)
    got = hand.says("set-image", "web", "web:v2")
    yield "the present image is no change", got == ["deployment/web unchanged"], got
    hand.says("set-env", "deploy/web", "A=1", "B=x=y")
    got = hand.says("set-env", "web", "A-")
    seen = template(world)["spec"]["containers"][0]["env"]
    yield "set-env adds and takes away", seen == [{"name": "B", "value": "x=y"}], (got, seen)
    hand.says("move", "web", "n2")
    seen = template(world)["spec"].get("nodeName")
    hand.says("move", "web", "")
    yield "move names the node, and none again", (seen, template(world)["spec"].get("nodeName")) == (
        "n2", None), seen
    world.run("label", "pod", "p2", "app=web", "--overwrite")
    late = hand.run("move", "web", "n2", "--wait", "--timeout", "1s", "--yes", "--even-rolling")
    yield "at its deadline a move says what holds it", (
        late.returncode == 3 and "not over within its deadline" in late.stderr
        and "1 pod not ready (p2): not ready, phase Pending; node n2 is not ready (" in late.stderr), late
    hand.says("move", "web", "")
    hand.says("restart", "web")
    first = template(world)["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
    hand.says("restart", "web")
    second = template(world)["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
    yield "each restart changes the template", first < second, (first, second)
    got = hand.says("scale", "web", "3")
    seen = world.run("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}")
    yield "scale", seen == "3" and got == ["scale deployment/web: 8 -> 3: changed; answered"], (got, seen)
    hand.says("patch", "deployment/web", "spec: {minReadySeconds: 7}", "--type", "merge")
    seen = world.run("get", "deploy", "web", "-o", "jsonpath={.spec.minReadySeconds}")
    yield "patch takes YAML", seen == "7", seen
    hand.says("cordon", "n1")
    cordoned = world.run("get", "node", "n1", "-o", "jsonpath={.spec.unschedulable}")
    hand.says("uncordon", "n1")
    free = world.run("get", "node", "n1", "-o", "jsonpath={.spec.unschedulable}")
    yield "cordon and uncordon", (cordoned, free) == ("true", ""), (cordoned, free)
    got = hand.says("delete-pod", "p1", "--wait")
    yield "delete-pod waits until it is gone", got == [
        "delete pod/p1: deleted; answered", "pod/p1 is gone"], got


KINDS = """apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec: {replicas: 2, serviceName: db, selector: {matchLabels: {app: db}}, template: TEMPLATE}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: log}
spec: {selector: {matchLabels: {app: db}}, template: TEMPLATE}
""".replace("TEMPLATE", "{metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: 'c:v1'}]}}")
WORKLOADS = ("deployment/web", "statefulset/db", "daemonset/log")
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n"


def kinds(hand, world, folder):
    """Each action on each kind that it is for: as a dry run, which changes nothing, and made."""
    world.run("apply", "-f", "-", stdin=KINDS)
    file = folder / "one.yaml"
    file.write_text(SERVICE + "spec: {ports: [{port: 80}]}\n")
    orders = [(verb, name, *rest) for name in WORKLOADS for verb, *rest in (
        ("set-image", "c:v9"), ("set-env", "KEY=value"), ("move", "n2"), ("restart",), ("scale", "4"),
        ("patch", '{"spec": {"minReadySeconds": 3}}')) if (verb, name) != ("scale", "daemonset/log")]
    orders += [("apply", str(file)), ("cordon", "n1"), ("drain", "n1", "--force"), ("evict", "p2"), ("delete-pod", "p2")]
    look = ("get", "deploy,sts,ds,svc,pods,nodes", "-o", "yaml")
    before = world.run(*look)
    for order in orders:
        rolls = ["--even-rolling"] * (order[0] not in NEVER_ROLL + ("patch", "drain"))
        done = hand.run(*order, "--dry-run", *rolls)
        lines = done.stdout.splitlines()
        yield f"a dry run: {' '.join(order[:2])}", done.returncode == 0 and lines and all(
            STAMP.fullmatch(line) for line in lines) and "dry run" in done.stdout, done
    yield "none of these changed anything", world.run(*look) == before, ""
    for order in (order for order in orders if order[1] in WORKLOADS[1:]):
        got = hand.says(*order)
        yield f"made: {' '.join(order[:2])}", len(got) == 1 and got[0].endswith(": changed; answered") \
            and order[1] in got[0], got


def applies(hand, world, folder):
    """Documents of one file, server-side; what others manage is theirs; and away again."""
    file = folder / "many.yaml"
    file.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: first}\nspec: {ports: [{port: 80}]}\n"
                    "---\n---\napiVersion: v1\nkind: Service\nmetadata: {name: &n second, labels: {app: *n}}\n"
                    "spec: {ports: [{port: 80}]}\n")
    made = ["service/first: created; answered", "service/second: created; answered"]
    got = [line.replace("create ", "", 1) for line in hand.says("apply", str(file))]
    yield "apply makes each document", got == made, got
    manager = world.run("get", "svc", "second", "-o",
                        "jsonpath={.metadata.managedFields[*].manager} {.metadata.managedFields[*].operation}")
    yield "as the manager seamline", manager == "seamline Apply", manager
    got = hand.says("apply", str(file))
    yield "again, nothing changes", [line.rsplit(": ", 1)[1] for line in got] == ["unchanged; answered"] * 2, got
    other = folder / "web.yaml"
    other.write_text(kubectl.MANIFEST.replace("replicas: 8", "replicas: 5"))
    count = ("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}")
    before = world.run(*count)
    refused = hand.run("apply", str(other), "--yes")
    yield "what another manages is left", (
        refused.returncode == 2 and ".spec.replicas" in refused.stderr and "--force-conflicts" in refused.stderr
        and world.run(*count) == before), refused
    hand.says("apply", str(other), "--force-conflicts")
    yield "unless it is forced", world.run(*count) == "5", ""
    got = hand.says("delete", str(file), "--wait")
    yield "delete begins with the last", [line for line in got if "deleted" in line] == [
        "delete service/second: deleted; answered", "delete service/first: deleted; answered"], got
    got = hand.says("delete", str(file))
    yield "what is gone is absent", got == ["service/second absent", "service/first absent"], got
    custom = folder / "custom.yaml"
    custom.write_text("apiVersion: x.io/v1\nkind: Gadget\nmetadata: {name: g}\n")
    done = hand.run("apply", str(custom), "--yes")
    yield "a kind that the server has not", done.returncode == 2 and "no API x.io/v1" in done.stderr, done


BAD_MANIFESTS = {
    "a tab": (SERVICE + "spec:\n\tports: []\n", "line 5"),
    "a key that comes twice": (SERVICE + "spec: {}\nspec: {}\n", "line 5"),
    "an anchor that is not there": (SERVICE + "spec: *nothing\n", "line 4"),
    "aliases of aliases": ("a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(8)), "line"),
    "no kind": ("apiVersion: v1\nmetadata: {name: x}\n", "kind"),
    "a list for an object": ("- a\n- b\n", "apiVersion"),
    "another namespace": (SERVICE.replace("{name: x}", "{name: x, namespace: other}"), "is of namespace other, and -n says"),
    "nothing": ("# only words\n", "no object"),
    "a wrong type": (SERVICE + "spec: {ports: [{port: eighty}]}\n", "port"),
    "a wrong type of metadata": ("apiVersion: v1\nkind: Service\nmetadata: [x]\n", "metadata.name"),
}


def bad_manifests(hand, world, folder):
    before = world.run("get", "deploy,svc", "-o", "yaml")
    for what, (text, told) in BAD_MANIFESTS.items():
        file = folder / "bad.yaml"
        file.write_text(text)
        done = hand.run("apply", str(file), "--yes")
        yield f"refused: {what}", (
            done.returncode == 2 and told in done.stderr and str(file) in done.stderr), done
    done = hand.run("apply", str(folder / "none.yaml"), "--yes")
    yield "refused: a file that is not there", done.returncode == 2 and "none.yaml" in done.stderr, done
    yield "none of these was applied", world.run("get", "deploy,svc", "-o", "yaml") == before, ""


PLUGIN = """#!/bin/sh
echo x >> "$0.calls"
if [ $(wc -l < "$0.calls") -lt $1 ]; then given='"token": "expired"'; else given=$(cat "$0.good"); fi
echo '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {'"$given"'}}'
"""


def credentials(hand, world, folder):
    """A plugin whose token has expired is asked once more, at most; then it is told."""
    plugin, config = folder / "plugin", json.loads(world.run("config", "view", "--raw", "-o", "json"))
    own = {key: base64.b64decode(config["users"][0]["user"][key]).decode()
           for key in ("client-certificate-data", "client-key-data")}
    plugin.write_text(PLUGIN)
    plugin.chmod(0o700)
    pathlib.Path(f"{plugin}.good").write_text(json.dumps(
        {"clientCertificateData": own["client-certificate-data"], "clientKeyData": own["client-key-data"]})[1:-1])

    def ask(good_from):
        config["users"][0]["user"] = {"exec": {"apiVersion": "client.authentication.k8s.io/v1",
                                               "command": str(plugin), "args": [str(good_from)],
                                               "interactiveMode": "Never"}}
        (folder / "exec.json").write_text(json.dumps(config))
        pathlib.Path(f"{plugin}.calls").unlink(missing_ok=True)
        done = hand.raw("cordon", "n1", "--dry-run", "-k", str(folder / "exec.json"), *hand.access[2:])
        return done, pathlib.Path(f"{plugin}.calls").read_text().count("x")

    done, calls = ask(2)
    yield "a plugin's expired token is renewed", (
        done.returncode == 0 and calls == 2 and "would be changed" in done.stdout), (done, calls)
    done, calls = ask(99)
    yield "it is not asked endlessly, and the refusal told", (
        done.returncode == 3 and calls == 2 and "does not know who we are (401)" in done.stderr
        and f"also after it was renewed by exec {plugin}" in done.stderr), (done, calls)


class Tunnel(threading.Thread):
    """A proxy that knows CONNECT, as that of a firewall: one connection after another."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.asked = []

    def run(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            words = near.recv(4096).split()
            self.asked.append(b" ".join(words[:2]).decode())
            host, port = words[1].decode().rsplit(":", 1)
            far = socket.create_connection((host, int(port)))
            near.sendall(b"HTTP/1.1 200 Connection established\r\nDate: Thu, 01 Jan 2037 00:00:00 GMT\r\n\r\n")
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(one, other), daemon=True).start()

    @staticmethod
    def carry(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def proxies(hand, world, folder):
    """The API behind a proxy, as proxy-url names it, and one that is not there."""
    config, tunnel = json.loads(world.run("config", "view", "--raw", "-o", "json")), Tunnel()
    tunnel.start()
    cluster = config["clusters"][0]["cluster"]

    def ask(port):
        cluster["proxy-url"] = f"http://127.0.0.1:{port}"
        (folder / "proxied.json").write_text(json.dumps(config))
        return hand.raw("cordon", "n1", "--dry-run", "-k", str(folder / "proxied.json"), *hand.access[2:])

    done = ask(tunnel.listener.getsockname()[1])
    said = subprocess.run([hand.command[0], "doctor", "--cluster", "-k", folder / "proxied.json", *hand.access[2:], "-f", "json"],
                          text=True, capture_output=True, timeout=60, check=False)
    clock = [each for each in json.loads(said.stdout)["findings"] if each["name"] == "clock"]
    yield "the proxy's clock is not taken for the server's", [each["state"] for each in clock] == ["ok"], clock
    tunnel.listener.close()
    yield "proxy-url is gone through", done.returncode == 0 and set(tunnel.asked) == {
        "CONNECT " + cluster["server"].split("//")[1]}, (done, tunnel.asked)
    done = ask(1)
    yield "a proxy that is not there is told", done.returncode == 3 and "port 1" in done.stderr, done


def conflicts(hand, world):
    """Patches that do not fit what is there: each is told, and nothing is changed."""
    before = world.run("get", "deploy", "web", "-o", "yaml")
    for name, status, told, patch in (
            ("a JSON patch whose test fails", 2, "invalid", ["--type", "json", json.dumps([
                {"op": "test", "path": "/spec/replicas", "value": 99}, {"op": "replace", "path": "/spec/replicas", "value": 1}])]),
            ("one of a path that is not there", 2, "invalid", ["--type", "json", json.dumps([
                {"op": "replace", "path": "/spec/nowhere/x", "value": 1}])]),
            ("one of a version that has passed", 3, "conflict", ["--type", "merge", json.dumps(
                {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 1}})]),
            ("one that two keys of a map contradict", 2, "invalid", [json.dumps(
                {"spec": {"selector": {"matchLabels": {"app": "other"}}}})])):
        words = patch if patch[0] != "--type" else [patch[2], *patch[:2]]
        done = hand.run("patch", "deployment/web", *words, "--yes")
        yield f"refused: {name}", done.returncode == status and told in done.stderr \
            and world.run("get", "deploy", "web", "-o", "yaml") == before, done


def watches(hand, world):
    """What others do is seen; a watch that is cut goes on; what it missed is said to be missed."""
    watch = subprocess.Popen([*hand.command, "watch", *hand.access, "--timeout", "60s"], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = []

    def until(text):
        while not lines or text not in lines[-1]:
            line = watch.stdout.readline()
            assert line, f"no {text} in {lines}"
            lines.append(line)
        return lines[-1]

    try:
        until("nodes: 2 there")
        world.run("cordon", "n2")
        yield "a cordon of another's", "node-changed n2" in until("node-changed"), lines
        world.tell("drop")
        until("watch-broken nodes: ")
        world.run("uncordon", "n2")
        yield "it goes on after it was cut", "cordoned" not in until("node-changed n2"), lines
        world.tell("expire")
        world.tell("drop")
        gap = until("watch-gap nodes")
        yield "a gap is told", "what happened meanwhile was not seen" in gap, gap
        world.tell("recover")
        watch.send_signal(signal.SIGINT)
        yield "a signal ends it in order", watch.wait(timeout=20) == 0, watch.stdout.read()
    finally:
        watch.kill()
        watch.wait()
        watch.stdout.close()


def harmless(hand, world):
    """What must change nothing."""
    before = world.run("get", "deploy,pods,nodes", "-o", "yaml")
    dry = [hand.run("set-image", "web", "web:v9", "--dry-run", "--even-rolling"),
           hand.run("scale", "web", "5", "--dry-run"),
           hand.run("cordon", "n2", "--dry-run"), hand.run("delete-pod", "p1", "-w", "--dry-run")]
    yield "a dry run says so", all(
        done.returncode == 0 and "dry run, checked by the server, nothing changed; would be " in done.stdout
        for done in dry), dry
    asked = hand.run("scale", "web", "5")
    yield "without --yes it says what it would do, and where", (
        asked.returncode == 2 and asked.stdout == "" and "would scale deployment/web: 8 -> 5" in asked.stderr
        and "context seamline-lab, namespace default" in asked.stderr and "give --yes" in asked.stderr), asked
    busy = hand.run("restart", "web", "--yes")
    yield "a rollout that is under way is left alone", (
        busy.returncode == 3 and "in the middle of a rollout that is not ours" in busy.stderr), busy
    late = hand.run("rollout", "web", "--timeout", "1s")
    yield "a rollout that does not end", (
        late.returncode == 3 and "not over within its deadline" in late.stderr), late
    rows = [
        (["frob"], "\"frob\" is no action"),
        (["scale", "web"], "want scale OBJECT REPLICAS"),
        (["scale", "web", "-3x"], "there is no option"),
        (["scale", "web", "x", *hand.access], "no number of replicas"),
        (["scale", "ds/web", "3", *hand.access], "a daemonset has a pod on each of its nodes"),
        (["restart", "svc/web", *hand.access], "not of a Service"),
        (["restart", "nope/web", *hand.access], "no kind that is known"),
        (["restart", "web", *hand.access[:4]], "-n is missing"),
        (["restart", "web", *hand.access[:2], "-n", "default"], "--context is missing"),
        (["restart", "web"], "--kubeconfig is missing"),
        (["restart", "web", *hand.access[:2], "--context", "x", "-n", "default"],
         'no context "x"; there are: seamline-lab'),
        (["patch", "web", "a: b\n\tc: d", *hand.access], "line 2"),
        (["patch", "web", "a: 1\na: 2", *hand.access], "line 2"),
        (["delete-pod", "p1", "--grace", "1d", *hand.access], "--grace"),
        (["cordon", "n1", "--timeout", "soon", *hand.access], "--timeout"),
    ]
    for words, text in rows:
        done = hand.raw(*words)
        yield f"refused: {text}", done.returncode == 2 and text in done.stderr, done
    after = world.run("get", "deploy,pods,nodes", "-o", "yaml")
    yield "none of these changed anything", before == after, after


def doctors(seamline, api_only, program):
    """Rights that are missing are found, and the rules that would grant them printed."""
    world = kubectl.World(api_only, program, "patch:deployments", "list:nodes", "patch:daemonsets")

    def doctor(*words, part=("--cluster",)):
        done = subprocess.run([seamline, "doctor", *part, "-k", world.kubeconfig, "--context", "seamline-lab",
                               "-n", "default", *words, "-f", "json"], text=True, capture_output=True, timeout=60,
                              check=False)
        found = json.loads(done.stdout)["findings"]
        return done.returncode, [each["text"] for each in found if each["state"] == "fail"], found

    try:
        status, missing, out = doctor()
        yield "doctor finds what is missing", (status, missing) == (3, [
            "may not list nodes everywhere: next hops (route ecmp, node:N), targets by nodePort",
            "may not patch deployments: apply, set-image, set-env, move, restart, patch",
            "may not patch daemonsets: the same of DaemonSets"]), out
        texts = {}
        for each in out:
            texts.setdefault(each["name"], []).append(each["text"])
        clock = re.fullmatch(r"between (-?)[0-9.]+ \w+ and [0-9.]+ \w+ ahead of ours, by (\d+) answers", texts["clock"][0])
        yield "and has version and clock", texts["version"][0].startswith("Kubernetes v1.") and clock \
            and int(clock[2]) > 10, out
        mends = "\n".join(each.get("mend", "") for each in out)
        yield "and has the rules", 'resources: ["deployments"]\n  verbs: ["patch"]' in mends, out
        status, missing, out = doctor("--read-only", "--kube-proxy")
        yield "and for kube-proxy the rights in kube-system", missing[1:] == [
            "may not patch daemonsets kube-proxy in kube-system: cluster.proxy: kube-proxy's pods are made again"], out
        yield "by a rule for that namespace", any("namespace: kube-system" in each.get("mend", "") for each in out), out
        world.run("apply", "-f", "-", stdin=kubectl.MANIFEST)
        done = subprocess.run([seamline, "advise", "web", "-k", world.kubeconfig, "--context", "seamline-lab", "-n",
                               "default"], text=True, capture_output=True, timeout=60, check=False)
        yield "advise leaves out what it may not read, and says so", done.returncode == 1 \
            and "nodes are left out" in done.stderr and "no preStop hook" in done.stdout, done
        status, missing, out = doctor("--read-only")
        yield "of what a run needs that observes", (status, len(missing)) == (3, 1) and "nodes" in missing[0], out
        yield "it says which versions there are", "discovery.k8s.io/v1 endpointslices" in [
            each["text"] for each in out if each["name"] == "resource"], out
        yield "without --cluster the machine is there, too", {each["part"] for each in doctor(part=())[2]} == {
            "machine", "cluster"}, out
        yield from doctors_of_experiments(seamline, world)
    finally:
        world.close()


def doctors_of_experiments(seamline, world):
    """Of an experiment the rights are asked for that its mayChange needs."""
    experiment = pathlib.Path(world.home) / "experiment.json"
    proxy = {"proxy": {"scheduler": "rr"}}
    for name, cluster, wanted in (
            ("one that only observes", {}, set()),
            ("one that changes a Deployment", {"mayChange": ["deployment/web"]}, {"create pods/eviction: evict"}),
            ("one that drains a node", {"mayChange": ["node/n1"]}, {"patch nodes everywhere: cordon, uncordon, drain"}),
            ("one that compares kube-proxy's configuration", proxy, set()),
            ("one that changes it", {**proxy, "mayChange": ["configmap/kube-proxy", "daemonset/kube-proxy"]},
             {"get patch configmaps kube-proxy in kube-system: cluster.proxy"})):
        experiment.write_text(json.dumps({
            "version": 1, "name": "x",
            "cluster": {"kubeconfig": world.kubeconfig, "context": "seamline-lab", "namespace": "default", **cluster},
            "target": {"service": "web"}, "streams": [{"name": "new", "protocol": "connect", "rate": "10/s"}],
            "steps": [{"do": "start"}, {"do": "wait", "for": "1s"}, {"do": "stop"}]}))
        done = subprocess.run([seamline, "doctor", "--cluster", experiment, "-f", "json"], text=True,
                              capture_output=True, timeout=60, check=False)
        asked = {each["text"] for each in json.loads(done.stdout or '{"findings": []}')["findings"]
                 if each["name"] == "right"}
        yield f"doctor of {name} asks for what it needs", "get list watch pods: to follow pods" in asked and asked & {
            "create pods/eviction: evict", "patch nodes everywhere: cordon, uncordon, drain",
            "get patch configmaps kube-proxy in kube-system: cluster.proxy"} == wanted, (asked, done)


def advises(hand, world, folder):
    """What is advised about the Deployment of the server, live and by a file, and the patch that mends it."""
    manifest, patch = folder / "web.yaml", folder / "patch.yaml"

    def seamline(*words):
        return subprocess.run([hand.command[0], *words], text=True, capture_output=True, timeout=60, check=False)

    def advise(*more):
        manifest.write_text(world.run("get", "deploy,pdb,nodes", "-o", "yaml"))
        live = seamline("advise", "web", *hand.access, *more)
        filed = seamline("advise", manifest, "-d", "web", *more)
        assert (live.returncode, live.stdout) == (filed.returncode, filed.stdout), (live, filed)
        return live

    def server_side():
        world.run("apply", "--server-side", "--force-conflicts", "-f", str(patch))

    for name, apply, budget in (
            ("kubectl patch", lambda: world.run("patch", "deploy", "web", "--patch-file", str(patch)), ""),
            ("kubectl apply", server_side, "web 1"),
            ("seamline kube apply", lambda: hand.says("apply", str(patch), "--force-conflicts"), "web 1")):
        world.run("delete", "deploy", "web")
        world.run("delete", "pdb", "--all")
        world.run("apply", "-f", "-", stdin=BARE)
        bad = advise("--patch", patch)
        patched = apply()
        good = advise()
        made = world.run("get", "pdb", "-o", "jsonpath={.items[*].metadata.name} {.items[*].spec.maxUnavailable}")
        yield f"what advise says is mended by {name} and its patch", bad.returncode == 1 \
            and "LOSS of new connections: there is no preStop hook" in bad.stdout and good.returncode == 0 \
            and "LOSS of held connections" in good.stdout and "web:v1" in manifest.read_text(), (bad, patched, good)
        yield f"{name} takes the budget, too" if budget else f"{name} takes the Deployment's part", (
            made.strip(), "it has no PodDisruptionBudget" in good.stdout) == (budget, budget == ""), (made, good)
    world.run("patch", "pdb", "web", "--type", "merge", "-p", '{"spec":{"maxUnavailable":0}}')
    bad = advise("--patch", patch)
    server_side()
    good = advise()
    yield "a budget that allows nothing is mended", "web never allows an eviction" in bad.stdout \
        and "never allows" not in good.stdout, (bad, good)
    world.run("cordon", "n2")
    yield "live, nodes are looked at", "one node alone takes new pods" in advise().stdout, ""
    world.run("uncordon", "n2")
    live = seamline("predict", "default/web", *hand.access[:4])
    filed = seamline("predict", manifest)
    yield "predict of what is live is as of its manifest", live.returncode == 0 and live.stdout == filed.stdout \
        and "make 1, end 0: 1 new and 2 old pods" in live.stdout, (live, filed)
    for words, status, text in (
            (["advise", "nothing", *hand.access], 3, "there is no nothing of deployments in namespace default"),
            (["predict", "nothing", *hand.access], 3, "there is no nothing"),
            (["predict", "other/web", *hand.access], 2, "is of namespace other, and -n says default"),
            (["advise", "a/b/c", *hand.access[:4]], 2, "NAMESPACE/NAME"),
            (["advise", "Web_1", *hand.access], 2, "no object's name"),
            (["predict", "web", *hand.access[:4]], 2, "-n is missing"),
            (["predict", "web", "-n", "default"], 2, "--kubeconfig is missing"),
            (["predict", "web", "--set", "a=b", *hand.access], 2, "--set and --variant are of experiments"),
            (["advise", "web", "-d", "web", *hand.access], 2, "--deployment is of a file")):
        done = seamline(*words)
        yield f"{words[0]} refused: {text}", done.returncode == status and text in done.stderr, done


BARE = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 5
      containers: [{name: web, image: "web:v1", ports: [{containerPort: 80}]}]
"""


def everything(folder):
    seamline, api_only, build_dir = sys.argv[1:4]
    program = kubectl.find_kubectl(build_dir)
    if program is None:
        yield "kubectl # SKIP set KUBECTL, or let apt-get download kubernetes-client", True, ""
        return
    world = kubectl.World(api_only, program)
    try:
        world.run("apply", "-f", "-", stdin=kubectl.MANIFEST)
        hand = Hand(seamline, world)
        yield from harmless(hand, world)
        yield from bad_manifests(hand, world, folder)
        yield from credentials(hand, world, folder)
        yield from proxies(hand, world, folder)
        yield from conflicts(hand, world)
        yield from watches(hand, world)
        yield from kinds(hand, world, folder)
        yield from changes(hand, world)
        yield from applies(hand, world, folder)
        yield from advises(hand, world, folder)
    finally:
        world.close()
    yield from doctors(seamline, api_only, program)


tap.run("kube-command", everything)
