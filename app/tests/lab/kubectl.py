#!/usr/bin/env python3
"""Drive the lab's API server by Debian's kubectl.

    kubectl.py API_ONLY BUILD_DIR [VERSION]

API_ONLY is the program that serves the API with nothing behind it. kubectl is the program that the
environment variable KUBECTL names, or Debian's of VERSION, unpacked below BUILD_DIR: 1.20 (Debian
12's, if there is no VERSION) or 1.32 (Debian 13's). Without network or package the test is skipped.
Prints TAP.
"""
import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

OLDER, NEWER = "1.20", "1.32"
# Debian 13's package needs nothing of Debian 13 to run; apt of Debian 12 does not know it.
TRIXIE_URL = "http://deb.debian.org/debian/pool/main/k/kubernetes/kubectl_1.32.3+ds-2_amd64.deb"
TRIXIE_SHA256 = "9825aaf4c14913027aae04af8688e580459f781c829bd5de00cc4dc2cc5a867f"

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 8
  selector:
    matchLabels: {app: web}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web:v1
        ports:
        - {name: ctraffic, containerPort: 5003}
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  ipFamilyPolicy: RequireDualStack
  selector: {app: web}
  type: LoadBalancer
  allocateLoadBalancerNodePorts: false
  ports:
  - {port: 5003, name: ctraffic}
"""


def fetch_older(place):
    subprocess.run(["apt-get", "download", "kubernetes-client"], cwd=place, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False)


def fetch_newer(place):
    try:
        with urllib.request.urlopen(TRIXIE_URL, timeout=20) as answer:
            package = answer.read()
    except (OSError, http.client.HTTPException):
        return
    if hashlib.sha256(package).hexdigest() == TRIXIE_SHA256:
        (place / "kubectl.deb").write_bytes(package)


def find_kubectl(build_dir, version=OLDER):
    """The path of a kubectl that is known to be Debian's, or None."""
    if os.environ.get("KUBECTL"):
        return os.environ["KUBECTL"]
    folder, fetch = {OLDER: ("kubernetes-client", fetch_older), NEWER: ("kubectl-1.32", fetch_newer)}[version]
    place = pathlib.Path(build_dir) / folder
    program = place / "usr/bin/kubectl"
    if not program.exists():
        place.mkdir(parents=True, exist_ok=True)
        fetch(place)
        for package in place.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package.name, "."], cwd=place, check=False)
    return str(program) if program.exists() else None


class World:
    """A server, and kubectl with a HOME of its own: it caches discovery there."""

    def __init__(self, api_only, kubectl, *deny):
        self.home = tempfile.mkdtemp(prefix="seamline-kubectl-")
        self.kubeconfig = os.path.join(self.home, "kubeconfig")
        self.kubectl = kubectl
        self.server = subprocess.Popen([api_only, self.kubeconfig, *deny], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        line = self.server.stdout.readline()
        assert line.startswith("ready "), line

    def command(self, *words):
        return [self.kubectl, "--kubeconfig", self.kubeconfig, *words]

    def environment(self):
        return {**os.environ, "HOME": self.home}

    def minor(self):
        """N of kubectl 1.N."""
        shown = json.loads(self.run("version", "--client", "-o", "json"))
        return int(shown["clientVersion"]["minor"])

    def run(self, *words, stdin=None, status=0, **variables):
        """What kubectl prints, both outputs together."""
        environment = {**self.environment(), **variables}
        done = subprocess.run(self.command(*words), input=stdin, env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30,
                              check=False)
        assert done.returncode == status, f"{words}: status {done.returncode}: {done.stdout}"
        return done.stdout

    def start(self, *words):
        return subprocess.Popen(self.command(*words), env=self.environment(), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def tell(self, word):
        self.server.stdin.write(word + "\n")
        self.server.stdin.flush()

    def close(self):
        self.server.stdin.close()
        status = self.server.wait(timeout=10)
        shutil.rmtree(self.home)
        assert status == 0, f"the server ended with {status}"


def has_row(text, *cells):
    """A line of TEXT consists of CELLS (regular expressions)."""
    pattern = r"\s+".join(cells) + r"\s*$"
    assert re.search(r"(?m)^" + pattern, text), f"no row {pattern} in:\n{text}"


def test_get(world):
    wide = world.run("get", "pods", "-o", "wide")
    has_row(wide, "NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE", "NOMINATED NODE",
            "READINESS GATES")
    has_row(wide, "p1", "1/1", "Running", "0", r"\d+s", r"10\.244\.1\.2", "n1", "<none>", "<none>")
    has_row(world.run("get", "po"), "p2", "0/1", "Pending", "0", r"\d+s")
    nodes = world.run("get", "nodes", "-o", "wide")
    has_row(nodes, "n1", "Ready", "<none>", r"\d+s", r"v1\.30\.0", r"10\.200\.0\.11", "<none>",
            "Debian 12", "6.1", "seamline://1")
    has_row(nodes, "n2", "NotReady", "<none>", r"\d+s", "<none>", "<none>", "<unknown>",
            "<unknown>", "<unknown>")
    has_row(world.run("get", "ns"), "default", "Active", r"\d+s")
    assert world.run("get", "pods", "-l", "app=web", "-o", "name") == "pod/p1\n"
    assert world.run("get", "pods", "--field-selector", "spec.nodeName=n2", "-o",
                     "jsonpath={.items[*].metadata.name}") == "p2"
    assert 'pods "nope" not found' in world.run("get", "pod", "nope", status=1)
    assert "v1.36.0-seamline-lab" in world.run("version")


def test_apply(world):
    out = world.run("apply", "-f", "-", stdin=MANIFEST)
    assert out == "deployment.apps/web created\nservice/web created\n", out
    out = world.run("apply", "-f", "-", stdin=MANIFEST)
    assert out == "deployment.apps/web unchanged\nservice/web unchanged\n", out
    changed = MANIFEST.replace("replicas: 8", "replicas: 6").replace(
        "type: RollingUpdate\n    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}", "type: Recreate")
    out = world.run("apply", "-f", "-", stdin=changed)
    assert out == "deployment.apps/web configured\nservice/web unchanged\n", out
    assert world.run("get", "deploy", "web", "-o",
                     "jsonpath={.spec.replicas} {.spec.strategy}") == '6 {"type":"Recreate"}'
    world.run("apply", "-f", "-", stdin=MANIFEST)
    has_row(world.run("get", "deploy", "-o", "wide"), "web", "0/8", "0", "0", r"\d+s", "web",
            "web:v1", "app=web")
    has_row(world.run("get", "svc", "web"), "web", "LoadBalancer", r"10\.96\.0\.\d+", "<pending>",
            "5003/TCP", r"\d+s")
    out = world.run("apply", "-f", "-", stdin=MANIFEST.replace("maxSurge: 1", "maxSurge: 0"),
                    status=1)
    assert "may not be 0 when `maxSurge` is 0" in out, out


def test_change(world):
    assert "image updated" in world.run("set", "image", "deployment/web", "web=web:v2")
    assert world.run("set", "image", "deployment/web", "web=web:v2") == ""
    assert "scaled" in world.run("scale", "deployment/web", "--replicas=3")
    assert "env updated" in world.run("set", "env", "deployment/web", "A=1", "B=2")
    assert "env updated" in world.run("set", "env", "deployment/web", "A-")
    assert "restarted" in world.run("rollout", "restart", "deployment/web")
    seen = world.run("get", "deploy", "web", "-o", "jsonpath={.spec.replicas} {.metadata.generation}"
                     " {.spec.template.spec.containers[0].image}"
                     " {.spec.template.spec.containers[0].env}"
                     " {.spec.template.spec.containers[0].ports[0].containerPort}")
    assert re.fullmatch(r'3 \d+ web:v2 \[\{"name":"B","value":"2"\}\] 5003', seen), seen
    assert "cordoned" in world.run("cordon", "n1")
    has_row(world.run("get", "nodes"), "n1", "Ready,SchedulingDisabled", "<none>", r"\d+s",
            r"v1\.30\.0")
    assert "uncordoned" in world.run("uncordon", "n1")
    assert "labeled" in world.run("label", "pod", "p1", "x=y")
    out = world.run("scale", "deployment/web", "--replicas=-1", status=1)
    assert "--replicas" in out, out


def test_apply_server_side(world):
    """kubectl's own merge is left out: the server knows who said what."""
    manifest = MANIFEST.replace("web", "ssa")
    out = world.run("apply", "--server-side", "-f", "-", stdin=manifest)
    assert out == "deployment.apps/ssa serverside-applied\nservice/ssa serverside-applied\n", out
    world.run("scale", "deployment/ssa", "--replicas=2")
    out = world.run("apply", "--server-side", "-f", "-", stdin=manifest, status=1)
    assert "conflict" in out and ".spec.replicas" in out, out
    world.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)
    seen = world.run("get", "deploy", "ssa", "-o", "jsonpath={.spec.replicas}")
    assert seen == "8", seen
    world.run("apply", "--server-side", "-f", "-", stdin=manifest.replace("  replicas: 8\n", ""))
    seen = world.run("get", "deploy", "ssa", "-o", "jsonpath={.spec.replicas}")
    assert seen == "1", seen
    out = world.run("patch", "deployment", "ssa", "--type=json", "-p",
                    '[{"op":"replace","path":"/spec/replicas","value":4}]')
    assert "patched" in out, out
    seen = world.run("get", "deploy", "ssa", "-o", "jsonpath={.spec.replicas}")
    assert seen == "4", seen
    out = world.run("patch", "deployment", "ssa", "--type=json", "-p",
                    '[{"op":"test","path":"/spec/replicas","value":5}]', status=1)
    assert "testing a value failed" in out or "error in our request" in out, out
    world.run("delete", "-f", "-", stdin=manifest)


def test_create(world):
    """What kubectl makes itself; from 1.32 on it sends that in protobuf."""
    def made(what, path):
        return world.run("get", *what.split(), "-o", "jsonpath={" + path + "}")
    world.run("create", "deployment", "made", "--image=a:v1", "--replicas=3", "--port=80", "--", "run", "-x")
    seen = made("deployment made", ".spec.replicas} {.spec.template.spec.containers[0]['image','command']")
    assert seen == '3 a:v1 ["run","-x"]', seen
    world.run("create", "configmap", "made", "--from-literal=a=b")
    assert made("configmap made", ".data") == '{"a":"b"}'
    world.run("create", "service", "loadbalancer", "made", "--tcp=80:http", "--tcp=81:8081")
    seen = made("service made", ".spec.type} {.spec.ports[*].targetPort} {.spec.selector")
    assert seen == 'LoadBalancer http 8081 {"app":"made"}', seen
    world.run("create", "service", "clusterip", "headless", "--clusterip=None", "--tcp=5")
    assert made("service headless", ".spec.clusterIP") == "None"
    world.run("create", "service", "nodeport", "ported", "--tcp=80", "--node-port=30080")
    assert made("service ported", ".spec.ports[0].nodePort") == "30080"
    world.run("create", "service", "externalname", "named", "--external-name=a.example")
    assert made("service named", ".spec.externalName") == "a.example"
    world.run("create", "ingress", "made", "--class=x", "--rule=a.example/b*=made:http,tls=t",
              "--default-backend=made:81")
    seen = made("ingress made", ".spec.rules[0].host} {.spec.rules[0].http.paths[0].pathType}"
                " {.spec.tls[0].secretName} {.spec.defaultBackend.service.port.number")
    assert seen == "a.example Prefix t 81", seen
    if world.minor() >= 21:  # 1.20 knows policy/v1beta1 alone.
        world.run("create", "poddisruptionbudget", "made", "--selector=app=made", "--min-available=0")
        seen = made("pdb made", ".spec.minAvailable} {.spec.selector.matchLabels")
        assert seen == '0 {"app":"made"}', seen
        world.run("delete", "pdb", "made")
    world.run("delete", "deployment,service,ingress,configmap", "made", "headless", "ported", "named",
              "--ignore-not-found")


def test_describe(world):
    text = world.run("describe", "deployment", "web")
    assert re.search(r"Replicas: +3 desired", text), text
    assert "0 max unavailable, 1 max surge" in text, text
    assert re.search(r"Node: +n1", world.run("describe", "pod", "p1"))
    assert re.search(r"IPs: +10\.96\.0\.\d+,fd00:10:96::", world.run("describe", "svc", "web"))
    assert re.search(r"Ready +True", world.run("describe", "node", "n1"))


def test_watch(world):
    """A change is a line; a watch that the server cuts ends kubectl's, in order."""
    watch = world.start("get", "pods", "-w")
    row = re.compile(r"p1 +1/1 +Running")
    for word in ("touch", "drop"):  # The state, then the change.
        assert any(row.match(line) for line in watch.stdout), f"no row before {word}"
        world.tell(word)
    text, _ = watch.communicate(timeout=20)
    assert not row.search(text), text
    for streams in ("true", "false"):  # With the state in the watch, and listed before.
        out = world.run("wait", "--for=condition=Ready", "pod/p1", "--timeout=10s",
                        KUBE_FEATURE_WatchListClient=streams)
        assert "condition met" in out, out


def test_delete(world):
    started = time.monotonic()
    assert 'pod "p2" deleted' in world.run("delete", "pod", "p2")
    assert time.monotonic() - started >= 0.5, "kubectl did not wait for the pod to go"
    assert 'pods "p2" not found' in world.run("get", "pod", "p2", status=1)
    assert "deleted" in world.run("delete", "deployment", "web")
    assert "deleted" in world.run("delete", "-f", "-", "--ignore-not-found", stdin=MANIFEST)
    assert "created" in world.run("create", "namespace", "x")
    assert "created" in world.run("-n", "x", "apply", "-f", "-", stdin=MANIFEST)
    assert "deleted" in world.run("delete", "namespace", "x")
    assert "NotFound" in world.run("get", "namespace", "x", status=1)
    assert "AlreadyExists" in world.run("create", "namespace", "default", status=1)
    assert "may not be deleted" in world.run("delete", "namespace", "default", status=1)


def test_denied(world):
    out = world.run("set", "image", "pod/p1", "c=web:v9", status=1)
    assert 'cannot patch resource "pods" in API group "" in the namespace "default"' in out, out
    assert world.run("auth", "can-i", "patch", "pods", status=1).startswith("no")
    assert world.run("auth", "can-i", "get", "pods").startswith("yes")
    assert world.run("auth", "can-i", "get", "/healthz").startswith("yes")


def main():
    api_only, build_dir, version = [*sys.argv[1:], OLDER][:3]
    kubectl = find_kubectl(build_dir, version)
    if kubectl is None:
        source = TRIXIE_URL if version == NEWER else "apt-get download kubernetes-client"
        print(f"1..0 # SKIP no kubectl {version}: set KUBECTL, or let it come from {source}")
        return
    shared = World(api_only, kubectl)
    denying = World(api_only, kubectl, "patch:pods")
    tests = [(test_get, shared), (test_apply, shared), (test_change, shared),
             (test_apply_server_side, shared), (test_create, shared),
             (test_describe, shared), (test_watch, shared), (test_delete, shared),
             (test_denied, denying)]
    print(f"1..{len(tests) + 1}", flush=True)
    for number, (test, world) in enumerate(tests, 1):
        try:
            test(world)
            print(f"ok {number} - {test.__name__}", flush=True)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            print("\n".join("# " + line for line in str(error).splitlines()))
            print(f"not ok {number} - {test.__name__}", flush=True)
    clean = True
    for world in (shared, denying):
        try:
            world.close()
        except (AssertionError, subprocess.TimeoutExpired) as error:
            print(f"# {error}")
            world.server.kill()
            clean = False
    print(f"{'ok' if clean else 'not ok'} {len(tests) + 1} - servers end in order")


if __name__ == "__main__":
    main()
