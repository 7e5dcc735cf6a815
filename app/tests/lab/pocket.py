"""A pocket cluster of a test's own, with kubectl in front of it.

    with Pocket(LAB, BUILD_DIR, folder, "slxyz0", "--profile", "ideal") as lab: ...

kubectl is the one of kubectl.py: it downloads nothing that is there already.
"""
import json
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import kubectl  # noqa: E402

WAIT_S = 40


def until(what, predicate, limit_s=WAIT_S):
    """What PREDICATE returns once that is true."""
    end = time.monotonic() + limit_s
    while not (value := predicate()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {limit_s} s for: {what}")
        time.sleep(0.03)
    return value


class Pocket:
    def __init__(self, program, build_dir, folder, iface, *options, version=kubectl.OLDER):
        self.program, self.folder, self.iface, self.options = program, folder, iface, options
        self.kubectl = kubectl.find_kubectl(build_dir, version)
        if self.kubectl is None:
            raise OSError("no kubectl: set KUBECTL, or let apt-get download kubernetes-client")
        # The daemon has no terminal: what sanitizers find goes to files.
        log = f"log_path={folder}/sanitizer"
        self.environment = {**os.environ, "HOME": str(folder), "ASAN_OPTIONS": log, "UBSAN_OPTIONS": log}

    def call(self, *words, **more):
        return subprocess.run([*map(str, words)], check=True, text=True, capture_output=True,
                              timeout=60, env=self.environment, **more).stdout

    def up(self):
        self.call(self.program, "up", "--dir", self.folder, "--iface", self.iface, *self.options)

    def down(self):
        process = pathlib.Path(f"/proc/{self.status()['pid']}")
        self.call(self.program, "down", "--dir", self.folder)
        until("the end of the daemon", lambda: not process.exists())

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *_):
        self.down()

    def complaints(self):
        """What sanitizers and nft said; for after the end."""
        log = (self.folder / "lab.log").read_text()
        log += "".join(found.read_text() for found in self.folder.glob("sanitizer*"))
        return [log[log.index(word):][:4000] for word in ("Sanitizer", "runtime error", "nft failed")
                if word in log]

    def status(self):
        return json.loads(self.call(self.program, "status", "--dir", self.folder))

    def run(self, *words, **more):
        return self.call(self.kubectl, "--kubeconfig", self.folder / "kubeconfig", *words, **more)

    def apply(self, manifest):
        return self.run("apply", "-f", "-", input=manifest)

    def execute(self, name, *words):
        """The command line that runs WORDS in the network of NAME."""
        return [str(self.program), "exec", "--dir", str(self.folder), name, "--", *map(str, words)]

    def pods(self, **wanted):
        return [pod for pod in self.status()["pods"]
                if all(pod[key] == value for key, value in wanted.items())]

    def ready(self, *names):
        """Once all of them are, their addresses by name."""
        def all_ready():
            pods = {pod["name"]: pod["ipv4"] for pod in self.pods(ready=True)}
            return pods if set(names) <= set(pods) else None
        return until(f"{names} are ready", all_ready)

    def truth(self, event=None, pod=None, **wanted):
        wanted |= {"pod": pod} if pod else {}
        lines = map(json.loads, (self.folder / "truth.jsonl").read_text().splitlines())
        return [line for line in lines if event in (None, line["event"])
                and all(line.get(key) == value for key, value in wanted.items())]

    def vip(self, service):
        def found():
            services = [s for s in self.status()["services"] if s["name"] == service and s.get("vips")]
            return services[0]["vips"][0]["ip"] if services else None
        return until(f"the VIP of {service}", found)
