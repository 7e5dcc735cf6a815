"""A pocket cluster for tests: brought up, asked by kubectl and by the kernel's TCP, its log read, taken down.

A test is a function of one argument, a Cluster, that asserts. run() brings up one lab after another, makes
each one's tests in order, and prints TAP.
"""
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import kubectl  # noqa: E402

CLIENT = pathlib.Path(__file__).with_name("lab_client.py")
PORT = "5003"
WAIT_S = 40


def until(what, predicate, limit_s=WAIT_S):
    end = time.monotonic() + limit_s
    while not (value := predicate()):
        assert time.monotonic() < end, f"waited {limit_s} s for: {what}"
        time.sleep(0.03)
    return value


class Client:
    """lab_client.py at work until it is told to end."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line == "up\n", line

    def end(self):
        text, _ = self.process.communicate(timeout=WAIT_S)
        return json.loads(text)


class Cluster:
    """A lab, kubectl for it, and its own log."""

    def __init__(self, lab, program, iface, *options):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="seamline-cluster-"))
        self.lab = lab
        self.kubectl = program
        # The daemon has no terminal: what sanitizers find goes to files.
        log = f"log_path={self.folder}/sanitizer"
        done = subprocess.run([self.lab, "up", "--dir", self.folder, "--iface", iface, "--profile", "ideal",
                               *options], text=True, capture_output=True, timeout=60,
                              env={**os.environ, "ASAN_OPTIONS": log, "UBSAN_OPTIONS": log})
        assert done.returncode == 0, done.stderr
        self.process = pathlib.Path(f"/proc/{self.status()['pid']}")
        self.environment = {**os.environ, "HOME": str(self.folder)}

    def down(self):
        done = subprocess.run([self.lab, "down", "--dir", self.folder], text=True, capture_output=True,
                              timeout=60)
        until("the end of the daemon", lambda: not self.process.exists())
        log = (self.folder / "lab.log").read_text()
        log += "".join(found.read_text() for found in self.folder.glob("sanitizer*"))
        shutil.rmtree(self.folder)
        assert done.returncode == 0, done.stderr
        for word in ("Sanitizer", "runtime error", "nft failed"):
            assert word not in log, log[log.index(word):][:4000]

    def status(self):
        return json.loads(subprocess.run([self.lab, "status", "--dir", self.folder], check=True, text=True,
                                         capture_output=True, timeout=30).stdout)

    def vips(self, service):
        """Its addresses, IPv4 first."""
        service = next(s for s in self.status()["services"] if s["name"] == service)
        return [item["ip"] for item in service["vips"]]

    def command(self, *words):
        return [self.kubectl, "--kubeconfig", self.folder / "kubeconfig", *words]

    def run(self, *words, stdin=None, status=0):
        done = subprocess.run(self.command(*words), input=stdin, env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=WAIT_S)
        assert done.returncode == status, f"{words}: status {done.returncode}: {done.stdout}"
        return done.stdout

    def start(self, *words):
        return subprocess.Popen(self.command(*words), env=self.environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def watch(self, *words):
        """`kubectl get ... -w`, with time to begin."""
        process = self.start("get", *words, "-w")
        time.sleep(4)
        return process

    def execute(self, name, *words):
        return [self.lab, "exec", "--dir", self.folder, name, "--", *words]

    def output(self, name, *words):
        return subprocess.run(self.execute(name, *words), check=True, text=True, capture_output=True,
                              timeout=WAIT_S).stdout

    def client(self, *words):
        """lab_client.py in the lab's namespace, to its end."""
        return json.loads(self.output("lab", sys.executable, CLIENT, *map(str, words)))

    def client_running(self, *words):
        return Client(self.execute("lab", sys.executable, CLIENT, *map(str, words)))

    def spread(self, address, count):
        return collections.Counter(self.client("spread", address, PORT, count)["answers"])

    def truth(self, event=None, pod=None):
        lines = map(json.loads, (self.folder / "truth.jsonl").read_text().splitlines())
        return [line for line in lines if event in (None, line["event"])
                and pod in (None, line.get("pod"))]

    def rules(self, node, service):
        """Endpoints of SERVICE as NODE's rules have them now."""
        found = [line["endpoints"] for line in self.truth("rule-changed")
                 if line["node"] == node and line["service"] == service]
        return found[-1] if found else None

    def wait_rules(self, service, pods):
        """Until each node's rules have exactly the addresses of PODS (names), in both families."""
        def agree():
            status = self.status()
            for family in ("4", "6"):
                wanted = sorted(p["ipv" + family] for p in status["pods"] if p["name"] in pods)
                for node in status["nodes"]:
                    seen = self.rules(node["name"], f"{service}/ctraffic/TCP/IPv{family}")
                    if seen is None or sorted(seen) != wanted:
                        return False
            return True
        until(f"rules of {service} for {sorted(pods)}", agree)

    def names(self, selector, namespace):
        return set(self.run("-n", namespace, "get", "pods", "-l", selector, "-o",
                            "jsonpath={.items[*].metadata.name}").split())

    def settled(self):
        """The names of mserver's pods, once the old ones are gone and the rules know."""
        until("no pod is being deleted", lambda: not any(p["deleting"] for p in self.status()["pods"]))
        names = self.names("app=mserver", "seamline")
        for service in ("mserver", "mserver-probe"):
            self.wait_rules("seamline/" + service, names)
        return names


def attempt(number, name, function, *arguments):
    started = time.monotonic()
    try:
        value = function(*arguments)
        print(f"# {time.monotonic() - started:.1f} s\nok {number} - {name}", flush=True)
        return value
    except (AssertionError, OSError, ValueError, KeyError, StopIteration,
            subprocess.SubprocessError) as problem:
        text = (str(problem) or "".join(traceback.format_exception(problem)[-2:])) \
            + (getattr(problem, "stderr", None) or "")
        print("\n".join("# " + line for line in text.splitlines()))
        print(f"not ok {number} - {name}", flush=True)
        return None


def run(lab, build_dir, labs):
    """LABS: {interface: (options of `up`, tests)}. Skipped without root or kubectl (see kubectl.py)."""
    program = kubectl.find_kubectl(build_dir)
    if os.geteuid() != 0 or program is None:
        print("1..0 # SKIP needs root, and kubectl: set KUBECTL, or let apt-get download kubernetes-client")
        return
    number = 0
    for iface, (options, tests) in labs.items():
        number += 1
        cluster = attempt(number, f"up {iface}", Cluster, pathlib.Path(lab).resolve(), program, iface, *options)
        for function in tests if cluster is not None else []:
            number += 1
            attempt(number, function.__name__, function, cluster)
        if cluster is not None:
            number += 1
            attempt(number, f"down {iface}", cluster.down)
    print(f"1..{number}")
