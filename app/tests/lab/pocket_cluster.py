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
from pocket import WAIT_S, Pocket, until  # noqa: E402

CLIENT = pathlib.Path(__file__).with_name("lab_client.py")
PORT = "5003"


class Client:
    """lab_client.py at work until it is told to end."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line == "up\n", line

    def end(self):
        try:
            text, _ = self.process.communicate(timeout=WAIT_S)
        finally:
            self.process.kill()
        return json.loads(text)


class Cluster(Pocket):
    """A Pocket in a folder of its own, ideal unless told otherwise, for tests that assert."""

    def __init__(self, program, build_dir, iface, *options, version=kubectl.OLDER):
        super().__init__(program, build_dir, pathlib.Path(tempfile.mkdtemp(prefix="seamline-cluster-")),
                         iface, "--profile", "ideal", *options, version=version)
        self.up()

    def down(self):
        super().down()
        complaints = self.complaints()
        shutil.rmtree(self.folder)
        assert not complaints, complaints

    def vips(self, service):
        """Its addresses, IPv4 first."""
        service = next(s for s in self.status()["services"] if s["name"] == service)
        return [item["ip"] for item in service["vips"]]

    def command(self, *words):
        return [self.kubectl, "--kubeconfig", self.folder / "kubeconfig", *words]

    def run(self, *words, stdin=None, status=0):
        """Both outputs of kubectl, which must end with STATUS."""
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
    if os.geteuid() != 0 or kubectl.find_kubectl(build_dir) is None:
        print("1..0 # SKIP needs root, and kubectl: set KUBECTL, or let apt-get download kubernetes-client")
        return
    number = 0
    for iface, (options, tests) in labs.items():
        number += 1
        cluster = attempt(number, f"up {iface}", Cluster, pathlib.Path(lab).resolve(), build_dir, iface, *options)
        for function in tests if cluster is not None else []:
            number += 1
            attempt(number, function.__name__, function, cluster)
        if cluster is not None:
            number += 1
            attempt(number, f"down {iface}", cluster.down)
    print(f"1..{number}")
