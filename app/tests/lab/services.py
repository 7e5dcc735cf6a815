#!/usr/bin/env python3
"""Types of Services and their traffic policies, by clients outside, on nodes and in pods.

usage: services.py SEAMLINE-LAB BUILD_DIR

Two pods, one on n1 and one on n2; n3 has none. What the pods saw of their clients is in truth.jsonl. Prints
TAP.
"""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import pocket_cluster  # noqa: E402
from pocket_cluster import until  # noqa: E402

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: web}}}}
spec:
  nodeName: {node}
  terminationGracePeriodSeconds: 20
  containers:
  - {{name: web, image: "web:v1", lifecycle: {{preStop: {{sleep: {{seconds: 15}}}}}}}}
---
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec:
  type: {type}
  ipFamilyPolicy: RequireDualStack
  {policy}
  selector: {{app: web}}
  ports: [{{port: 80, targetPort: 8080, name: http}}]
---
"""
PODS = {"a": "n1", "b": "n2"}
CURL = {7: "!refused", 28: "!timeout"}
CLIENT = {"4": "10.201.0.1", "6": "[fd00:201::1]"}
NODE = {"4": "10.200.0.{}", "6": "[fd00:200::{}]"}


def fetch(lab, where, url, *words, limit_s=2):
    """The name of the pod that answered in WHERE's network, or how curl failed."""
    done = subprocess.run(lab.execute(where, "curl", "-sS", "--max-time", str(limit_s), *words, url), text=True,
                          capture_output=True, timeout=30, check=False)
    return done.stdout.strip() if done.returncode == 0 else CURL.get(done.returncode, done.stderr)


def is_silent(lab, where, url):
    return fetch(lab, where, url, limit_s=1) == "!timeout"


def several(lab, where, url, count=4):
    """Who answers COUNT requests, each on a connection of its own."""
    return {fetch(lab, where, url) for _ in range(count)}


def sources(lab, since):
    """The addresses from which connections came that pods have closed, from the line SINCE on."""
    def closed():
        return [line for line in lab.truth()[since:] if line["event"] == "connection-closed"]
    until("the pod closes it", closed)
    return {line["remote"].rpartition(":")[0] for line in closed()}


def seen_from(lab, where, url):
    since = len(lab.truth())
    answer = fetch(lab, where, url)
    assert answer in PODS, answer
    return sources(lab, since)


def service(lab, name):
    return json.loads(lab.run("get", "service", name, "-o", "json"))


def addresses(lab, name):
    """Of a Service, by family: cluster IP, VIP, node port."""
    found = service(lab, name)
    clusters = found["spec"]["clusterIPs"]
    vips = [item["ip"] for item in found["status"].get("loadBalancer", {}).get("ingress", [])]
    port = found["spec"]["ports"][0].get("nodePort")
    return {family: {"cluster": clusters[i], "vip": vips[i] if vips else None, "port": port}
            for i, family in enumerate("46")}


def by_node(lab, family, address, node):
    """Let the clients' way to ADDRESS lead by n<NODE>."""
    via = NODE[family].format(10 + node).strip("[]")
    lab.output("lab", "ip", "-" + family, "route", "replace", address, "via", via)


def url_of(family, address, port=80):
    return f"http://{address if family == '4' else '[' + address + ']'}:{port}/"


def of_node(family, node):
    """Addresses of n<NODE>: toward other nodes, and toward its pods."""
    return {NODE[family].format(10 + node)} | ({f"10.244.{node}.1"} if family == "4" else set())


def rules(lab, name, endpoints):
    """Until every node has that many endpoints of Service NAME, in both families."""
    nodes = [node["name"] for node in lab.status()["nodes"]]
    until(f"rules of {name}", lambda: all(
        len(lab.rules(node, f"default/{name}/http/TCP/IPv{family}") or []) == endpoints
        for node in nodes for family in "46"))


def set_up(lab):
    lab.client("route", 1, 2, 3)
    lab.run("apply", "-f", "-", stdin="".join(POD.format(name=name, node=node) for name, node in PODS.items())
            + SERVICE.format(name="inner", type="ClusterIP", policy="")
            + SERVICE.format(name="inner-local", type="ClusterIP", policy="internalTrafficPolicy: Local")
            + SERVICE.format(name="outer", type="LoadBalancer", policy="")
            + SERVICE.format(name="local", type="LoadBalancer", policy="externalTrafficPolicy: Local"))
    for name in ("inner", "outer", "local"):
        rules(lab, name, 2)
    until("VIPs", lambda: lab.vips("outer")[1] and lab.vips("local")[1])


def cluster_ip(lab):
    """From outside (the lab routes them), from nodes, from pods, a pod's way to itself included."""
    for family, own in addresses(lab, "inner").items():
        url = url_of(family, own["cluster"])
        by_node(lab, family, own["cluster"], 3)
        assert several(lab, "lab", url) == set(PODS)
        assert seen_from(lab, "lab", url) == {NODE[family].format(13)}
        for where in ("n1", "n3", "a", "b"):
            assert several(lab, where, url) == set(PODS), where


def internal_policy_local(lab):
    for family, own in addresses(lab, "inner-local").items():
        url = url_of(family, own["cluster"])
        assert several(lab, "n1", url) == {"a"} and several(lab, "b", url) == {"b"}
        assert fetch(lab, "n3", url) in ("!timeout", "!refused")  # To its own programs a drop is an error.
        by_node(lab, family, own["cluster"], 3)
        assert is_silent(lab, "lab", url)
        by_node(lab, family, own["cluster"], 1)
        assert seen_from(lab, "lab", url) == {CLIENT[family]}


def external_policy_cluster(lab):
    """Any node takes it to any pod; the pod sees that node."""
    for family, own in addresses(lab, "outer").items():
        by_node(lab, family, own["vip"], 3)
        assert several(lab, "lab", url_of(family, own["vip"])) == set(PODS)
        assert seen_from(lab, "lab", url_of(family, own["vip"])) == {NODE[family].format(13)}
        for node in (1, 2, 3):
            url = f"http://{NODE[family].format(10 + node)}:{own['port']}/"
            assert several(lab, "lab", url) == set(PODS)
            assert seen_from(lab, "lab", url) <= of_node(family, node)
        for where in ("n3", "a"):
            assert several(lab, where, url_of(family, own["vip"])) == set(PODS), where


def external_policy_local(lab):
    """A node takes it to its own pods, which see the client; one without any is silent."""
    for family, own in addresses(lab, "local").items():
        url = url_of(family, own["vip"])
        for node, pod in ((1, "a"), (2, "b")):
            by_node(lab, family, own["vip"], node)
            port_url = f"http://{NODE[family].format(10 + node)}:{own['port']}/"
            for target in (url, port_url):
                assert several(lab, "lab", target) == {pod}
                assert seen_from(lab, "lab", target) == {CLIENT[family]}
        by_node(lab, family, own["vip"], 3)
        assert is_silent(lab, "lab", url)
        assert is_silent(lab, "lab", f"http://{NODE[family].format(13)}:{own['port']}/")
        for where in ("n3", "a"):  # From inside of the cluster all pods are used.
            assert several(lab, where, url) == set(PODS), where


def host_network(lab):
    """A pod in its node's network has the node's addresses, and is reached by all ways from all nodes."""
    lab.run("apply", "-f", "-", stdin=POD.format(name="host", node="n3").replace("app: web", "app: host")
            .replace("nodeName:", "hostNetwork: true\n  nodeName:")
            + SERVICE.format(name="host", type="NodePort", policy="").replace("app: web", "app: host"))
    rules(lab, "host", 1)
    places = lab.run("get", "pod", "host", "-o", "jsonpath={.status.podIP} {.status.hostIP}").split()
    assert places == ["10.200.0.13"] * 2, places
    masquerade = "masquerade=true" in lab.status()["settings"]
    for family, own in addresses(lab, "host").items():
        for node in (1, 3):
            by_node(lab, family, own["cluster"], node)
            for url in (url_of(family, own["cluster"]), f"http://{NODE[family].format(10 + node)}:{own['port']}/"):
                since = len(lab.truth())
                assert fetch(lab, "lab", url) == "host", url
                # What stays on the node goes by no postrouting chain, where sources are translated.
                assert (CLIENT[family] in sources(lab, since)) == (not masquerade or node == 3), url
        for where in ("n1", "n3", "a"):
            assert fetch(lab, where, url_of(family, own["cluster"])) == "host", where
    lab.run("delete", "pod", "host", "--force", "--grace-period=0")
    until("it has ended", lambda: lab.truth("pod-removed", "host"))
    assert fetch(lab, "lab", f"http://{NODE['4'].format(13)}:8080/") == "!refused"  # The node lives.


def terminating_are_used(lab):
    """KEP-1669: while all end, those that still serve are used."""
    lab.run("delete", "pod", *PODS, "--wait=false")
    own = addresses(lab, "outer")["4"]
    until("they are in no slice as ready", lambda: "true" not in lab.run(
        "get", "endpointslices", "-o", "jsonpath={.items[*].endpoints[*].conditions.ready}"))
    rules(lab, "outer", 2)
    assert several(lab, "lab", url_of("4", own["vip"])) == set(PODS)


def without_endpoints(lab):
    """No endpoint anywhere is refused, whatever the policy."""
    lab.run("delete", "pod", *PODS, "--force", "--grace-period=0")
    for name in ("inner", "outer", "local"):
        rules(lab, name, 0)
    for name in ("inner", "outer", "local"):
        for family, own in addresses(lab, name).items():
            for address in (own["cluster"], own["vip"]):
                if address is not None:
                    by_node(lab, family, address, 3)
                    assert fetch(lab, "lab", url_of(family, address)) == "!refused", (name, address)
                    assert fetch(lab, "n2", url_of(family, address)) == "!refused", (name, address)


def by_source_address(lab):
    """sh: a client goes where it went before; the pods share the clients."""
    own = addresses(lab, "outer")["4"]
    by_node(lab, "4", own["vip"], 3)
    first = {}
    for host in range(1, 33):
        client = f"10.201.0.{host}"
        lab.output("lab", "ip", "addr", "replace", client + "/24", "dev", "fabric")
        first[client] = fetch(lab, "lab", url_of("4", own["vip"]), "--interface", client)
    assert set(first.values()) == set(PODS), first  # By chance all of one: 2 of 2^32.
    again = {client: fetch(lab, "lab", url_of("4", own["vip"]), "--interface", client) for client in first}
    assert again == first, (first, again)


def clients_are_seen(lab):
    """Without masquerade also through a node that the pod is not on."""
    for family, own in addresses(lab, "outer").items():
        by_node(lab, family, own["vip"], 3)
        assert seen_from(lab, "lab", url_of(family, own["vip"])) == {CLIENT[family]}


# One flow, for as long as somebody listens; a line for each pod that takes over.
DATAGRAMS = """
import socket, sys, time
pair = socket.getaddrinfo(sys.argv[1], 5003, type=socket.SOCK_DGRAM)[0]
flow = socket.socket(pair[0], pair[1])
flow.settimeout(0.1)
last, end = None, time.monotonic() + 40
while time.monotonic() < end:
    flow.sendto(bytes(64), pair[4])
    try:
        name = flow.recv(64).split(b"\\0")[0].decode()
    except OSError:
        continue
    if name != last:
        last = name
        print(name, flush=True)
    time.sleep(0.05)
"""


def datagrams_follow(lab):
    """A flow of UDP whose endpoint goes is the next one's, though it never pauses."""
    def pod(name, node):
        lab.run("apply", "-f", "-", stdin=POD.format(name=name, node=node).replace("app: web", "app: dgram"))

    def told(names):
        status = lab.status()
        for family in "46":
            wanted = sorted(p["ipv" + family] for p in status["pods"] if p["name"] in names)
            if any(sorted(lab.rules(node["name"], f"default/dgram/http/UDP/IPv{family}") or []) != wanted
                   for node in status["nodes"]):
                return False
        return True

    pod("first", "n1")
    lab.run("apply", "-f", "-", stdin=SERVICE.format(name="dgram", type="LoadBalancer", policy="").replace(
        "app: web", "app: dgram").replace("port: 80, targetPort: 8080", "port: 5003, protocol: UDP"))
    until("rules for the first", lambda: told({"first"}))
    vips = [own["vip"] for own in addresses(lab, "dgram").values()]
    flows = [subprocess.Popen(lab.execute("lab", sys.executable, "-c", DATAGRAMS, vip), text=True,
                              stdout=subprocess.PIPE) for vip in vips]
    try:
        assert [flow.stdout.readline() for flow in flows] == ["first\n"] * 2
        pod("second", "n2")
        until("rules for both", lambda: told({"first", "second"}))
        lab.run("delete", "pod", "first", "--force", "--grace-period=0")
        assert [flow.stdout.readline() for flow in flows] == ["second\n"] * 2
    finally:
        for flow in flows:
            flow.kill()
            flow.communicate()
    lab.run("delete", "pod", "second", "--force", "--grace-period=0")
    until("it has gone", lambda: lab.truth("pod-removed", "second"))


def terminating_are_not_used(lab):
    lab.run("delete", "pod", *PODS, "--wait=false")
    rules(lab, "outer", 0)
    assert all(pod["deleting"] and pod["pid"] > 0 for pod in lab.status()["pods"]), "they should serve still"
    assert fetch(lab, "lab", url_of("4", addresses(lab, "outer")["4"]["vip"])) == "!refused"
    assert fetch(lab, "lab", url_of("4", addresses(lab, "local")["4"]["vip"])) == "!refused"


LABS = {
    "slserv0": (["--nodes", "3", "--set", "masquerade=true"],
                [set_up, cluster_ip, internal_policy_local, external_policy_cluster, external_policy_local,
                 host_network, terminating_are_used, without_endpoints]),
    "slserv1": (["--nodes", "3", "--proxy", "sh", "--set", "terminatingEndpoints=false"],
                [set_up, by_source_address, clients_are_seen, host_network, datagrams_follow, terminating_are_not_used]),
}

if __name__ == "__main__":
    pocket_cluster.run(sys.argv[1], sys.argv[2], LABS)
