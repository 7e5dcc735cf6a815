#!/usr/bin/env python3
"""What pods do with HTTP requests, by curl and the kernel's TCP; and what runs in a pod.

usage: pods.py SEAMLINE-POD SEAMLINE-LAB BUILD_DIR

seamline-pod alone first, on the loopback of a namespace of its own, then pods of a lab. Prints TAP.
"""
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import kubectl  # noqa: E402
import tap  # noqa: E402
from pocket import Pocket, until  # noqa: E402
from turn import turn  # noqa: E402

POD, LAB, BUILD = (pathlib.Path(p).resolve() for p in sys.argv[1:4])
LIMIT_S = 20
ADDRESS = ("127.0.0.1", 8080)
PODS = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: c, image: web, lifecycle: {stopSignal: SIGQUIT}, readinessProbe: {httpGet: {port: 80}, periodSeconds: 1}}
---
apiVersion: v1
kind: Pod
metadata: {name: own}
spec:
  containers:
  - name: c
    image: own
    command:
    - python3
    - -c
    - |
      import os, signal, sys, time
      signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
      print(os.environ['WORD'], sys.argv[1:], flush=True)
      time.sleep(99)
    args: [one, two words]
    env: [{name: WORD, value: told}, {name: LD_PRELOAD, value: /nowhere.so}]
    lifecycle: {preStop: {exec: {command: [sh, -c, "LEFT & echo hook $$ $WORD"]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: secure}
spec:
  containers:
  - {name: c, image: secure, env: [{name: SEAMLINE_POD_HTTPS, value: "8443"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: LONG}
spec:
  containers:
  - {name: c, image: long}
"""
LONG = "a" * 62 + "-" + "b" * 20
LEFT = "sleep 86397"  # Not of anybody else's.
PODS = PODS.replace("LONG", LONG).replace("LEFT", LEFT)


class Server:
    """seamline-pod, up and listening."""

    def __init__(self, *before, **environment):
        self.process = subprocess.Popen([*before, POD, "--hostname", "pod-1", "--ctraffic", "0", "--mconnect", "0"],
                                        env={**os.environ, **environment})
        until("it listens", self._listens)

    def _listens(self):
        try:
            socket.create_connection(ADDRESS, 1).close()
            return True
        except OSError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def term(self):
        self.process.send_signal(signal.SIGTERM)

    def ended(self):
        return self.process.wait(LIMIT_S)


def connect(request=b""):
    connection = socket.create_connection(ADDRESS, LIMIT_S)
    connection.settimeout(LIMIT_S)
    connection.sendall(request)
    return connection


def rest(connection):
    """All that comes until the other side has closed; None when it reset."""
    got = b""
    try:
        while part := connection.recv(65536):
            got += part
    except ConnectionResetError:
        return None
    return got


def refused():
    try:
        socket.create_connection(ADDRESS, LIMIT_S).close()
        return False
    except ConnectionRefusedError:
        return True


def answer(connection):
    """One answer of a connection that stays open."""
    got = b""
    while b"\r\n\r\n" not in got or not got.endswith(b"pod-1\n"):
        part = connection.recv(65536)
        if not part:
            break
        got += part
    return got


def curl(*words):
    return subprocess.run(["curl", "-sS", "--max-time", str(LIMIT_S), *map(str, words)], check=True,
                          capture_output=True, text=True).stdout


def drains():
    """A slow request, a body that is still on its way, one that was never begun, one that is between
    two requests."""
    with Server(SEAMLINE_POD_ON_TERM="drain") as server:
        between = connect(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        between.settimeout(LIMIT_S)
        first = answer(between)
        slow = connect(b"GET /?delay=2s HTTP/1.1\r\nHost: x\r\n\r\n")
        post = connect(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234")
        silent = connect()
        time.sleep(0.2)
        server.term()
        closed = rest(between)
        yield "between two requests: kept alive, closed at SIGTERM without a reset", (
            first.startswith(b"HTTP/1.1 200") and b"Connection: close" not in first and closed == b""), \
            (first, closed)
        yield "new connections are refused", refused(), ""
        yield "it waits for what has begun", server.process.poll() is None, ""
        post.sendall(b"56789")
        silent.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        for name, connection in (("a body on its way", post), ("a request not yet begun", silent),
                                 ("a slow answer", slow)):
            got = rest(connection) or b""
            yield f"{name}: answered, and told that it is the last", (
                got.startswith(b"HTTP/1.1 200") and b"\r\nConnection: close\r\n" in got
                and got.endswith(b"pod-1\n")), got
        yield "it ends by itself when all are served", server.ended() == 0, ""


def others():
    with Server(SEAMLINE_POD_ON_TERM="exit") as server:
        slow = connect(b"GET /?delay=9s HTTP/1.1\r\n\r\n")
        time.sleep(0.2)
        server.term()
        yield "exit: a request in flight is lost", not rest(slow), ""
        yield "exit: it ends at once", server.ended() == 0, ""
    with Server(SEAMLINE_POD_ON_TERM="ignore") as server:
        server.term()
        time.sleep(0.2)
        yield "ignore: it goes on", curl("http://127.0.0.1:8080/") == "pod-1\n", ""


def answers(folder):
    began = time.monotonic()
    with Server(SEAMLINE_POD_STARTING_FOR="3s", SEAMLINE_POD_ANSWER_SIZE="100000"):
        code = ["-o", "/dev/null", "-w", "%{http_code} %{size_download}"]
        got = curl(*code, "http://127.0.0.1:8080/")
        late = time.monotonic() - began >= 3
        yield "500 while it starts", got == "500 6" or late, got
        end = time.monotonic() + LIMIT_S
        while (got := curl(*code, "http://127.0.0.1:8080/")) == "500 6" and time.monotonic() < end:
            time.sleep(0.1)
        yield "200 then, of the size that was told", got == "200 100000", got
    body = folder / "body"
    body.write_bytes(bytes(3 << 20))
    with Server(SEAMLINE_POD_ANSWER_AFTER="300ms"):
        began = time.monotonic()
        got = curl("--data-binary", f"@{body}", "http://127.0.0.1:8080/")
        yield "POST of 3 MiB, as late as told", got == "pod-1\n" and time.monotonic() - began >= 0.3, got
        got = curl("http://127.0.0.1:8080/?delay=0s&size=5000000")
        yield "5 MB, as the query says", len(got) == 5000000 and got.startswith("pod-1\n."), len(got)


def limits():
    """More connections than open files: it takes what the machine allows it, and closes the others."""
    with Server("prlimit", "--nofile=20:64"):
        held = [connect(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(100)]
        got = []
        for connection in held:
            try:
                got.append(answer(connection)[9:12])
            except ConnectionResetError:
                got.append(b"")
        yield "as many connections as files may be open, and the others are told", \
            set(got) == {b"200", b""} and 40 < got.count(b"200") < 64, got
        held[0].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        yield "and those go on", answer(held[0])[9:12] == b"200", ""


def processes(words):
    return [path for path in pathlib.Path("/proc").glob("[0-9]*/cmdline")
            if words in path.read_bytes().decode(errors="replace").replace("\0", " ")]


def hook(lab):
    """A preStop program is one of the pod's own processes, and leaves none behind."""
    lab.run("delete", "pod", "own", "--wait=false")
    until("it has gone", lambda: lab.truth("pod-removed", pod="own"))
    told = re.findall(r"(?m)^hook (\d+) told$", (lab.folder / "lab.log").read_text())
    yield "preStop: the pod's process numbers and environment", len(told) == 1 and 1 < int(told[0]) < 100, told
    ends = [line["event"] for line in lab.truth(pod="own")
            if line["event"].startswith("prestop") or line["event"] in ("signal-sent", "process-reaped")]
    yield "preStop, then SIGTERM", ends == ["prestop-begun", "prestop-ended", "signal-sent", "process-reaped"], ends
    left = processes(LEFT)
    yield "what it left running has ended with the pod", left == [], left


def in_a_lab(folder):
    options = ["--profile", "ideal", "--nodes", "1", "--image", "web=nginx", "--allow-commands"]
    with Pocket(LAB, BUILD, folder, "slpods0", *options) as lab:
        lab.apply(PODS)
        address = lab.ready("web", "own", "secure", LONG)
        get = [*lab.execute("n1", "curl", "-sS", "--max-time", LIMIT_S)]
        got = lab.call(*get, f"http://{address['web']}/")
        yield "nginx answers with the pod's name", got == "web\n", got
        for name, port in (("web", 443), ("secure", 8443)):
            got = lab.call(*get, "--cacert", folder / "ca.crt", "--resolve",
                           f"{name}.seamline.lab:{port}:{address[name]}",
                           f"https://{name}.seamline.lab:{port}/?size=70000")
            yield f"{name}: HTTPS with the lab's certificate", \
                got.startswith(name + "\n") and len(got) in (4, 70000), got[:200]
        got = lab.call(*get, f"http://{address[LONG]}:8080/")
        yield "a name that is too long for a host's is cut", got == "a" * 62 + "\n", got
        log = (folder / "lab.log").read_text()
        yield "command, args and env are the container's", "told ['one', 'two words']" in log, log[-1000:]
        yield from hook(lab)
        lab.run("delete", "pod", "web", "--wait=false")
        ended = until("nginx has ended", lambda: lab.truth("process-reaped", pod="web"))
        sent = lab.truth("signal-sent", pod="web")
        yield "stopSignal is sent, and nginx goes in order", (
            [line["signal"] for line in sent] == ["QUIT"] and ended[0]["status"] == 0), (sent, ended)
    yield "nothing of the pods' files is left", sorted(
        p.name for p in folder.glob("*") if p.name[:3] in ("tls", "ca.", "ngi")) == [], \
        list(folder.iterdir())
    yield "no complaints", lab.complaints() == [], lab.complaints()


def not_allowed(folder):
    with Pocket(LAB, BUILD, folder, "slpods0", "--profile", "ideal", "--nodes", "1") as lab:
        lab.apply(PODS.split("---")[1])
        address = lab.ready("own")["own"]
        got = lab.call(*lab.execute("n1", "curl", "-sS", "--max-time", LIMIT_S, f"http://{address}:8080/"))
        told = lab.run("describe", "pod", "own")
        yield "commands are ignored unless allowed, and that is told", \
            got == "own\n" and "CommandIgnored" in told, (got, told)
        log = (folder / "lab.log").read_text()
        yield "nor is other code loaded", "/nowhere.so" not in log, log
        lab.run("delete", "pod", "own", "--wait=false")
        until("it has gone", lambda: lab.truth("pod-removed", pod="own"))
        told = lab.run("get", "events")
        yield "nor does a preStop program run", "--allow-commands" in told and "FailedPreStopHook" in told, told


def everything(folder):
    yield from drains()
    yield from others()
    yield from answers(folder)
    yield from limits()
    with turn():
        for name, part in (("first", in_a_lab), ("second", not_allowed)):
            (folder / name).mkdir()
            yield from part(folder / name)


if os.geteuid() == 0 and os.environ.get("SEAMLINE_PODS_APART") is None:
    # The ports are the namespace's own; what is fetched comes from outside of it.
    kubectl.find_kubectl(BUILD)
    os.environ["SEAMLINE_PODS_APART"] = "1"
    os.execvp("unshare", ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable,
                          *sys.argv])
tap.run("pods", everything)
