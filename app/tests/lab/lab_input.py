#!/usr/bin/env python3
"""What bad input gets when there is a cluster: one clear message, the right exit status, nothing left.

usage: lab_input.py SEAMLINE SEAMLINE-LAB

The pocket cluster is used here as any cluster is: by its kubeconfig file, a machine file and --yes. Each
test is one experiment with something wrong. Prints TAP.
"""
import base64
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

SEAMLINE, LAB = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
IFACE = "slinput0"

MANIFEST = """
apiVersion: v1
kind: Namespace
metadata: {name: t}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: t}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: web, image: "web:v1", ports: [{containerPort: 5003}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: t}
spec: {type: LoadBalancer, selector: {app: SELECTED}, ports: [{port: 5003}]}
"""
NEVER_READY = """      - name: web
        image: "web:v1"
        readinessProbe: {tcpSocket: {port: 9}, periodSeconds: 1}
"""


APPLY = {"do": "apply", "files": ["web.yaml"], "until": "rollout-complete", "deadline": "20s"}
START = {"do": "start", "streams": ["s"], "until": "steady", "deadline": "10s"}
STOP = {"do": "stop", "streams": ["s"]}


def experiment(lab, steps, **more):
    cluster = {"kubeconfig": str(lab / "kubeconfig"), "context": "seamline-lab", "namespace": "t",
               "mayChange": ["namespace/t", "deployment/web", "service/web"]}
    cluster.update(more.pop("cluster", {}))
    return {"version": 1, "name": "t", "cluster": cluster,
            "target": {"service": "web", "via": "loadBalancer", "route": "node:1"},
            "streams": [{"name": "s", "protocol": "ctraffic", "connections": 4, "rate": "40/s"}],
            "steps": steps, **more,
            "after": [{"do": "delete-applied"}] if APPLY["do"] in [s["do"] for s in steps] else []}


def set_image(image, **more):
    return {"do": "set-image", "deployment": "web", "container": "web", "image": image,
            "until": "rollout-complete", "deadline": "4s", **more}


class Bench:
    """One lab, and runs on it."""

    def __init__(self, folder):
        self.folder = folder
        self.lab = folder / "lab"
        subprocess.run([LAB, "up", "--profile", "ideal", "--nodes", "1", "--iface", IFACE, "--dir", self.lab,
                        "--set", "podReady=50ms", "--inside", "a test", "--deny", "patch:deployments/scale"],
                       check=True, capture_output=True, timeout=60)

    def command(self, content, manifest=MANIFEST.replace("SELECTED", "web"), *options):
        (self.folder / "e.json").write_text(json.dumps(content))
        (self.folder / "web.yaml").write_text(manifest)
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        return [SEAMLINE, "run", self.folder / "e.json", "-m", self.lab / "machine.json", "-q",
                "-o", self.folder / "out", *(options or ("--yes",))]

    def run(self, *arguments):
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=120,
                              stdin=subprocess.DEVNULL)
        return done.returncode, done.stderr

    def kubeconfig(self, change):
        text = change((self.lab / "kubeconfig").read_text())
        path = self.folder / "kubeconfig"
        path.write_text(text)
        return {"kubeconfig": str(path)}

    def account(self):
        return json.loads((self.folder / "out" / "run.json").read_text())

    def down(self):
        subprocess.run([LAB, "down", "--dir", self.lab], check=False, capture_output=True, timeout=60)


TESTS = []


def test(function):
    TESTS.append(function)
    return function


def expect(result, status, *words):
    code, text = result
    assert code == status, f"exit status {code}, want {status}: {text}"
    for word in words:
        assert word in text, f"{word!r} is not in: {text}"


@test
def all_is_well(bench):
    expect(bench.run(experiment(bench.lab, [APPLY, START, set_image("web:v2"),
                                            {"do": "wait", "for": "1s"}, STOP])), 0)
    held = bench.account()["streams"][0]["connections"]
    assert held["lasting"] == 4 and held["broken"] >= 4, held
    assert bench.account()["environment"] == "lab in a test, profile ideal+, rr, emulated", bench.account()


@test
def consent_is_wanted_off_the_lab(bench):
    expect(bench.run(experiment(bench.lab, [APPLY, START, STOP]),
                     MANIFEST.replace("SELECTED", "web"), "-q"), 2, "--yes", "seamline-lab",
           "deployment/web")


@test
def object_that_may_not_be_changed(bench):
    more = {"mayChange": ["namespace/t", "deployment/web"]}
    expect(bench.run(experiment(bench.lab, [APPLY, START, STOP], cluster=more)), 2, "service/web",
           "mayChange")


@test
def deployment_that_does_not_exist(bench):
    steps = [{"do": "start", "streams": ["s"], "until": "steady", "deadline": "1s"}, STOP]
    steps.insert(0, set_image("web:v2"))
    code, text = bench.run(experiment(bench.lab, steps))
    assert code in (2, 3) and "web" in text and "t" in text, f"{code}: {text}"


@test
def service_that_does_not_exist(bench):
    expect(bench.run(experiment(bench.lab, [START, STOP])), 2, "service/web", "does not exist")


@test
def service_without_endpoints(bench):
    steps = [APPLY, {**START, "deadline": "1s"}, STOP]
    code, text = bench.run(experiment(bench.lab, steps), MANIFEST.replace("SELECTED", "nobody"))
    assert code in (2, 3) and "nobody" in text, f"{code}: {text}"


@test
def image_that_is_the_present_one(bench):
    expect(bench.run(experiment(bench.lab, [APPLY, START, set_image("web:v1"), STOP])), 2, "web:v1",
           "already")
    assert bench.account()["streams"][0]["due"] > 0


@test
def pods_that_never_become_ready(bench):
    manifest = re.sub(r"      - \{name: web.*\n", NEVER_READY, MANIFEST.replace("SELECTED", "web"))
    expect(bench.run(experiment(bench.lab, [{**APPLY, "deadline": "3s"}, START, STOP]), manifest), 3,
           "deployment", "web", "readiness")


@test
def rollout_that_is_under_way(bench):
    first = set_image("web:v2", id="first", until="done")
    slow = MANIFEST.replace("SELECTED", "web").replace(
        'ports: [{containerPort: 5003}]}',
        'readinessProbe: {tcpSocket: {port: 5003}, initialDelaySeconds: 2}}')
    expect(bench.run(experiment(bench.lab, [APPLY, first, set_image("web:v3", id="second"), START, STOP]),
                     slow), 3, "rollout", "web")


@test
def right_that_is_missing(bench):
    scale = {"do": "scale", "deployment": "web", "replicas": 3, "until": "rollout-complete"}
    expect(bench.run(experiment(bench.lab, [APPLY, scale, START, STOP])), 3, "patch",
           "deployments/scale", "rules:")


@test
def user_that_the_server_does_not_know(bench):
    def token(text):
        text = re.sub(r"\s+client-certificate-data:.*", "", text)
        return re.sub(r"client-key-data:.*", "token: nobody", text)
    expect(bench.run(experiment(bench.lab, [APPLY, START, STOP], cluster=bench.kubeconfig(token))), 3,
           "401", "user")


@test
def certificate_of_another_ca(bench):
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                           "/dev/null", "-subj", "/CN=other", "-days", "1"],
                          capture_output=True, check=True).stdout
    other = base64.b64encode(made).decode()
    change = bench.kubeconfig(lambda text: re.sub(r"(certificate-authority-data:).*", rf"\1 {other}", text))
    expect(bench.run(experiment(bench.lab, [APPLY, START, STOP], cluster=change)), 3, "certificate")


@test
def interrupted_in_the_middle(bench):
    content = experiment(bench.lab, [APPLY, START, {"do": "wait", "for": "60s"}, STOP])
    command = [a for a in bench.command(content) if a != "-q"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if " wait " in line:
            break
    process.send_signal(signal.SIGINT)
    _, text = process.communicate(timeout=60)
    expect((process.returncode, text), 4, "interrupted")
    stream = bench.account()["streams"][0]
    assert stream["due"] == sum(stream["outcomes"].values()) > 0, stream
    again = bench.run(experiment(bench.lab, [{**START, "deadline": "1s"}, STOP]))
    expect(again, 2, "does not exist")  # What was applied is deleted.


@test
def killed_and_undone(bench):
    content = experiment(bench.lab, [APPLY, START, {"do": "wait", "for": "60s"}, STOP])
    command = [a for a in bench.command(content) if a != "-q"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if " wait " in line:
            break
    process.kill()
    process.communicate(timeout=60)
    report = subprocess.run([SEAMLINE, "report", bench.folder / "out"], capture_output=True, text=True)
    assert "due" in report.stdout, report.stderr + report.stdout
    undone = subprocess.run([SEAMLINE, "undo", bench.folder / "out"], capture_output=True, text=True,
                            timeout=60)
    expect((undone.returncode, undone.stdout + undone.stderr), 0, "put back", "deployment/web")
    expect(bench.run(experiment(bench.lab, [{**START, "deadline": "1s"}, STOP])), 2, "does not exist")


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return
    print(f"1..{len(TESTS)}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="seamline-input-"))
    bench = Bench(folder)
    try:
        for number, function in enumerate(TESTS, 1):
            try:
                function(bench)
                print(f"ok {number} - {function.__name__}", flush=True)
            except (AssertionError, OSError, ValueError, KeyError, subprocess.SubprocessError) as problem:
                print(f"not ok {number} - {function.__name__}")
                print("# " + (str(problem) or repr(problem)).replace("\n", "\n# "), flush=True)
    finally:
        bench.down()
        shutil.rmtree(folder, ignore_errors=True)


main()
