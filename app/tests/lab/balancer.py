#!/usr/bin/env python3
"""The probing front balancer: its probes, its choice of nodes, its silence.

usage: balancer.py SEAMLINE-LAB BUILD_DIR

A pod on each of three nodes behind a Service with externalTrafficPolicy Local, and one with Cluster. Prints TAP.
"""
import collections
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import pocket_cluster  # noqa: E402
import services  # noqa: E402
from pocket_cluster import until  # noqa: E402

NODES = {"a": "n1", "b": "n2", "c": "n3"}
LAG_S = 2
TICK_S = 0.2  # Probes are 0.1 s apart; stamps are of another clock.
EXCLUDE = "node.kubernetes.io/exclude-from-external-load-balancers"


def nodes_in(lab, service):
    return set(lab.status()["balancerNodes"].get("default/" + service, []))


def until_in(lab, service, *nodes):
    until(f"{nodes} in the balancer of {service}", lambda: nodes_in(lab, service) == set(nodes))


def answers(lab, address, count):
    return collections.Counter(services.fetch(lab, "lab", services.url_of("6" if ":" in address else "4", address))
                               for _ in range(count))


def set_up(lab):
    lab.client("route", 1, 2, 3)
    for family, hop in (("4", "10.200.0.2"), ("6", "fd00:200::2")):
        prefix = {"4": "10.202.0.0/24", "6": "fd00:202::/112"}[family]
        lab.output("lab", "ip", "-" + family, "route", "replace", prefix, "via", hop)
    lab.run("apply", "-f", "-", stdin="".join(services.POD.format(name=name, node=node)
                                              for name, node in NODES.items())
            + services.SERVICE.format(name="outer", type="LoadBalancer", policy="")
            + services.SERVICE.format(name="local", type="LoadBalancer", policy="externalTrafficPolicy: Local"))
    for name in ("outer", "local"):
        services.rules(lab, name, 3)
        until_in(lab, name, "n1", "n2", "n3")
    machine = json.loads((lab.folder / "machine.json").read_text())
    assert machine["ports"][0]["nextHops"] == ["10.200.0.2", "fd00:200::2"], machine


def spreads(lab):
    """Each node gets its share of connections; pods see the clients themselves where the policy is Local."""
    for address in lab.vips("local"):
        shares = answers(lab, address, 60)
        assert set(shares) == set(NODES) and min(shares.values()) >= 5, shares  # 20 by 3.7.
    since = len(lab.truth())
    assert set(answers(lab, lab.vips("outer")[0], 30)) == set(NODES)
    assert services.sources(lab, since) == {"10.201.0.1"}


def health(lab, where, port, path="/"):
    """(status, body) of a health check, asked on the node."""
    out = lab.output(where, "curl", "-s", "--max-time", "5", "-w", "\n%{http_code}", f"http://127.0.0.1:{port}{path}")
    body, _, code = out.rpartition("\n")
    return int(code), body


def health_checks(lab):
    port = services.service(lab, "local")["spec"]["healthCheckNodePort"]
    assert 30000 <= port <= 32767 and "healthCheckNodePort" not in services.service(lab, "outer")["spec"]
    code, body = health(lab, "n1", port)
    assert code == 200 and json.loads(body) == {"service": {"namespace": "default", "name": "local"},
                                                "localEndpoints": 1, "serviceProxyHealthy": True}, (code, body)
    code, body = health(lab, "n2", 10256, "/healthz")
    assert code == 200 and json.loads(body)["nodeEligible"] is True, (code, body)
    assert health(lab, "n2", 10256)[0] == 404


def exclusion(lab):
    """A label takes a node out; cordon does not."""
    lab.run("cordon", "n2")
    lab.run("label", "node", "n1", EXCLUDE + "=")
    for name in ("outer", "local"):
        until_in(lab, name, "n2", "n3")
    shares = answers(lab, lab.vips("local")[0], 40)
    assert set(shares) == {"b", "c"}, shares
    out = [line for line in lab.truth("balancer-node-out") if line["node"] == "n1"]
    assert [line["reason"] for line in out] == ["excluded"] * 2, out
    lab.run("label", "node", "n1", EXCLUDE + "-")
    lab.run("uncordon", "n2")
    until_in(lab, "local", "n1", "n2", "n3")
    assert set(answers(lab, lab.vips("local")[0], 40)) == set(NODES)


def out_by_probe(lab):
    """A node without a pod is silent for the lag, and then it is out; in again when a pod is there."""
    since = len(lab.truth())
    lab.run("delete", "pod", "c", "--force", "--grace-period=0")
    until("n3's health check says it", lambda: any(
        line["event"] == "health-changed" and line["node"] == "n3" for line in lab.truth()[since:]))
    until_in(lab, "local", "n1", "n2")
    lines = [line for line in lab.truth()[since:] if line.get("node") == "n3"]
    turned = next(line for line in lines if line["event"] == "health-changed")
    out = next(line for line in lines if line["event"] == "balancer-node-out")
    assert turned["localEndpoints"] == 0 and out["reason"] == "probe" and out["service"] == "default/local"
    assert (out["ns"] - turned["ns"]) / 1e9 > LAG_S - TICK_S, (turned, out)
    port = services.service(lab, "local")["spec"]["healthCheckNodePort"]
    assert health(lab, "n3", port)[0] == 503
    assert nodes_in(lab, "outer") == {"n1", "n2", "n3"}  # Its nodes are well.
    shares = answers(lab, lab.vips("local")[0], 40)
    assert set(shares) == {"a", "b"}, shares
    lab.run("apply", "-f", "-", stdin=services.POD.format(name="c", node="n3"))
    until_in(lab, "local", "n1", "n2", "n3")


def silence_in_the_lag(lab):
    """Connections that the balancer still sends to an empty node get no answer at all."""
    lab.run("delete", "pod", "b", "--force", "--grace-period=0")
    until("n2 has no rule for it", lambda: lab.rules("n2", "default/local/http/TCP/IPv4/local") == [])
    seen = answers(lab, lab.vips("local")[0], 12)  # A share of 1/3 of the first ones, while the lag lasts.
    assert set(seen) <= {"a", "c", "!timeout"}, seen
    until_in(lab, "local", "n1", "n3")


def nobody_is_in(lab):
    """No node: silence, not a refusal."""
    lab.run("delete", "pod", "a", "c", "--force", "--grace-period=0")
    until_in(lab, "local")
    assert set(answers(lab, lab.vips("local")[0], 2)) == {"!timeout"}
    vip = lab.vips("outer")[0]
    assert services.fetch(lab, "lab", services.url_of("4", vip, 81)) == "!timeout"  # No port of the Service's.


LABS = {
    "slbala0": (["--nodes", "3", "--balancer", "probing", "--set", f"probeLag={LAG_S}s"],
                [set_up, spreads, health_checks, exclusion, out_by_probe, silence_in_the_lag, nobody_is_in]),
}

if __name__ == "__main__":
    pocket_cluster.run(sys.argv[1], sys.argv[2], LABS)
