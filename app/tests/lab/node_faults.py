#!/usr/bin/env python3
"""Planted faults of nodes and pods: each does what it says, ends by itself, and is in truth.jsonl.

usage: node_faults.py SEAMLINE-LAB BUILD_DIR

Prints TAP.
"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import pocket_cluster  # noqa: E402
import services  # noqa: E402
from pocket_cluster import until  # noqa: E402

PORT = 8080


def fault(lab, *words, status=0):
    done = subprocess.run([lab.program, "fault", "--dir", lab.folder, *words], text=True, capture_output=True,
                          timeout=30, check=False)
    assert done.returncode == status, (words, done.returncode, done.stderr)
    return done.stderr


def ended(lab, name, target):
    """Its stamps, once it has ended: begun, ended."""
    def stamps(event):
        return [line["ns"] for line in lab.truth(event) if (line["fault"], line.get("target")) == (name, target)]
    until(f"the end of {name} {target}", lambda: stamps("fault-ended"))
    return stamps("fault-begun")[-1], stamps("fault-ended")[-1]


def pod_address(lab, name):
    return next(pod["ipv4"] for pod in lab.status()["pods"] if pod["name"] == name)


def set_up(lab):
    lab.client("route", 1, 2)
    lab.run("apply", "-f", "-", stdin="".join(services.POD.format(name=name, node=node)
                                              for name, node in services.PODS.items()))
    for name in services.PODS:
        lab.run("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=30s")
        until("it answers", lambda n=name: services.fetch(lab, "lab", f"http://{pod_address(lab, n)}:{PORT}/") == n)


IDLE = ("import socket; s = socket.create_connection(('10.200.0.11', 10256)); s.settimeout(60); print(s.recv(1))")


def idle(lab):
    """Nothing is asked of a health check: it hangs up after 10 s, while the faults are at work."""
    lab.idle = subprocess.Popen(lab.execute("lab", sys.executable, "-c", IDLE), stdout=subprocess.PIPE, text=True)


def idle_is_closed(lab):
    assert lab.idle.communicate(timeout=60)[0] == "b''\n"


def blackhole(lab):
    urls = {name: f"http://{pod_address(lab, name)}:{PORT}/" for name in services.PODS}
    fault(lab, "blackhole", "n2", "4s")
    assert services.fetch(lab, "lab", urls["b"]) == "!timeout"
    assert services.fetch(lab, "lab", urls["a"]) == "a"
    assert "one fault at a time" in fault(lab, "drop", "n2", "5", "1s", status=2)
    begun, end = ended(lab, "blackhole", "n2")
    assert end - begun >= 3.9e9, (begun, end)
    assert services.fetch(lab, "lab", urls["b"]) == "b"


def drop(lab):
    """Of pings there and back, at 50 % a way, a quarter comes through."""
    fault(lab, "drop", "n1", "50", "6s")
    out = subprocess.run(lab.execute("lab", "ping", "-c", "200", "-i", "0.01", "-W", "1", "10.200.0.11"), text=True,
                         capture_output=True, timeout=30, check=False).stdout
    received = int(out.split(" received")[0].rsplit(" ", 1)[1])
    assert 10 < received < 100, out  # 50 by 6.1.
    ended(lab, "drop", "n1")
    assert " 0% packet loss" in lab.output("lab", "ping", "-c", "20", "-i", "0.01", "10.200.0.11")


def pings(lab, address, count=20):
    """The shortest round trip, in ms; all are answered."""
    out = lab.output("lab", "ping", "-c", count, "-i", "0.05", address)
    assert f" {count} received" in out, out
    return float(out.split("min/avg/max/mdev = ")[1].split("/")[0])


def delay(lab):
    """Each way. What is on the way at the end arrives, and nothing is late any more."""
    pod = pod_address(lab, "b")
    fault(lab, "delay", "n1", "150ms", "3s")
    fault(lab, "delay", "b", "200ms", "5s")
    assert pings(lab, "10.200.0.11") >= 300
    assert pings(lab, pod) >= 400
    assert pings(lab, "10.200.0.12") < 300  # Not the other node.
    assert services.fetch(lab, "lab", f"http://{pod}:{PORT}/") == "b"
    begun, end = ended(lab, "delay", "n1")
    assert end - begun >= 2.9e9, (begun, end)
    pings(lab, pod, 60)
    ended(lab, "delay", "b")
    assert pings(lab, "10.200.0.11") < 300 and pings(lab, pod) < 400
    for place in ("lab", "n1", "n2", "b"):
        assert "delay" not in lab.output(place, "ip", "link") + lab.output(place, "nft", "list", "tables"), place


def delay_of_gone(lab):
    """With the pod its delay ends, lest its namespace stays."""
    lab.run("apply", "-f", "-", stdin=services.POD.format(name="gone", node="n1"))
    lab.run("wait", "--for=condition=Ready", "pod/gone", "--timeout=30s")
    fault(lab, "delay", "gone", "1ms", "10m")
    lab.run("delete", "pod", "gone", "--grace-period=1")
    ended(lab, "delay", "gone")


def freeze(lab):
    url = f"http://{pod_address(lab, 'a')}:{PORT}/"
    fault(lab, "freeze", "a", "3s")
    assert services.fetch(lab, "lab", url) == "!timeout"
    begun, end = ended(lab, "freeze", "a")
    assert end - begun >= 2.9e9, (begun, end)
    assert services.fetch(lab, "lab", url) == "a"


def kill(lab):
    """Told as a fault, and as the signal that it is; the container is started again."""
    since = len(lab.truth())
    fault(lab, "kill", "a")
    until("it runs again", lambda: [line for line in lab.truth()[since:] if line["event"] == "process-started"])
    told = [(line["event"], line.get("fault", line.get("signal", line.get("status"))))
            for line in lab.truth()[since:] if "a" in (line.get("target"), line.get("pod"))]
    for seen in (("fault-begun", "kill"), ("signal-sent", "KILL"), ("fault-ended", "kill"), ("process-reaped", 137)):
        assert seen in told, (seen, told)
    url = f"http://{pod_address(lab, 'a')}:{PORT}/"
    until("it answers", lambda: services.fetch(lab, "lab", url) == "a")


def conntrack_flush(lab):
    client = lab.client_running("held", pod_address(lab, "a"), pocket_cluster.PORT, 5)
    tracked = lab.output("n1", "conntrack", "-L", "-p", "tcp", "--dport", pocket_cluster.PORT)
    client.end()
    assert tracked.count("ESTABLISHED") == 5, tracked
    fault(lab, "conntrack-flush", "n1")
    left = lab.output("n1", "conntrack", "-L", "-p", "tcp", "--dport", pocket_cluster.PORT)
    assert left.count("dport") == 0, left
    ended(lab, "conntrack-flush", "n1")


def namesake_of_a_node(lab):
    """The end of a pod called n1 is not that of node n1's fault."""
    lab.run("apply", "-f", "-", stdin=services.POD.format(name="n1", node="n2"))
    lab.run("wait", "--for=condition=Ready", "pod/n1", "--timeout=30s")
    fault(lab, "drop", "n1", "0.1", "10m")
    lab.run("delete", "pod", "n1", "--force", "--grace-period=0")
    until("it is gone", lambda: lab.truth("pod-removed", "n1"))
    assert "one fault at a time" in fault(lab, "drop", "n1", "5", "1s", status=2)


def mistakes(lab):
    for words in (["drop", "n9", "5", "1s"], ["drop", "n1", "0", "1s"], ["drop", "n1", "101", "1s"],
                  ["blackhole", "n1"], ["blackhole", "n1", "soon"], ["freeze", "nobody", "1s"], ["kill", "nobody"], ["kill"],
                  ["conntrack-flush", "n1", "1s"], ["delay", "n1", "11s", "1s"],
                  ["delay", "nobody", "5ms", "1s"], ["delay", "n1", "5ms"]):
        since = len(lab.truth())
        assert "drop NODE PERCENT DURATION" in fault(lab, *words, status=2), words
        assert not [line for line in lab.truth()[since:] if line["event"].startswith("fault")], words


LABS = {"slfault0": (["--nodes", "2"], [set_up, idle, blackhole, drop, delay, delay_of_gone, freeze, kill, conntrack_flush,
                                          mistakes, namesake_of_a_node,
                                          idle_is_closed])}

if __name__ == "__main__":
    pocket_cluster.run(sys.argv[1], sys.argv[2], LABS)
