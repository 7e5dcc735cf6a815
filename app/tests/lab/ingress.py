#!/usr/bin/env python3
"""The ingress of the lab: rules, TLS, what it answers when pods are gone, and how stale endpoints show.

usage: ingress.py SEAMLINE-LAB BUILD_DIR

Endpoints are made by hand where their number decides: a pod, and so many times a port of it where nobody
listens. That is what a scale-down leaves to a worker that has not looked yet, for as long as wanted. Prints TAP.
"""
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tap  # noqa: E402
from pocket import Pocket, until  # noqa: E402
from turn import turn  # noqa: E402

LAB, BUILD = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
CLIENT = pathlib.Path(__file__).with_name("ingress_client.py")
LIMIT_S = 20
REQUESTS = 400
SYNC_S = 1.0

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "web:v1"}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080, name: http}, {port: 81, targetPort: 8081, name: nobody}]
---
apiVersion: v1
kind: Service
metadata: {name: empty}
spec: {selector: {app: none}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: nginx
  tls: [{hosts: [secure.seamline.lab]}]
  rules:
  - host: web.seamline.lab
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}
      - {path: /nobody, pathType: Prefix, backend: {service: {name: web, port: {number: 81}}}}
      - {path: /empty, pathType: Exact, backend: {service: {name: empty, port: {number: 80}}}}
  - host: secure.seamline.lab
    http: {paths: [{path: /a, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
"""
STALE = """
apiVersion: v1
kind: Service
metadata: {{name: stale{n}}}
spec: {{ports: [{{port: 80, name: http}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: stale{n}-a, labels: {{kubernetes.io/service-name: stale{n}}}}}
addressType: IPv4
ports: [{{name: http, port: 8080, protocol: TCP}}]
endpoints: [{{addresses: [{live}]}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: stale{n}-b, labels: {{kubernetes.io/service-name: stale{n}}}}}
addressType: IPv4
ports: [{{name: http, port: 8099, protocol: TCP}}]
endpoints: [{dead}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: stale{n}
  annotations: {{nginx.ingress.kubernetes.io/proxy-connect-timeout: "1"}}
spec:
  rules:
  - host: stale{n}.seamline.lab
    http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: stale{n}, port: {{number: 80}}}}}}}}]}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: once{n}
  annotations: {{nginx.ingress.kubernetes.io/proxy-next-upstream: "off"}}
spec:
  rules:
  - host: once{n}.seamline.lab
    http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: stale{n}, port: {{number: 80}}}}}}}}]}}
---
"""
BAD = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: bad}}
spec:
  rules: [{{host: "{host}", http: {{paths: [{{path: "{path}", pathType: Prefix,
           backend: {{service: {{name: web, port: {{number: 80}}}}}}}}]}}}}]
"""


def stale(n, live):
    return STALE.format(n=n, live=live, dead=", ".join([f"{{addresses: [{live}]}}"] * (n - 1)))


class Ingress:
    """A lab and what its ingress says."""

    def __init__(self, lab):
        self.lab = lab
        self.address = next(pod["ipv4"] for pod in lab.pods() if pod["name"].startswith("ingress-nginx"))

    def curl(self, *words, host="web.seamline.lab", scheme="http"):
        port = 443 if scheme == "https" else 80
        *options, path = words
        return self.lab.call(*self.lab.execute(
            "n1", "curl", "-sS", "--max-time", LIMIT_S, "--cacert", self.lab.folder / "ca.crt", "--resolve",
            f"{host}:{port}:{self.address}", *options, f"{scheme}://{host}{path}"))

    def status(self, *words, **more):
        return self.curl("-o", "/dev/null", "-w", "%{http_code}", *words, **more)

    def told(self, backend, count):
        """Until both workers have looked and know COUNT endpoints of BACKEND."""
        def both():
            looks = {line["worker"]: len(line["endpoints"])
                     for line in self.lab.truth("ingress-looked", backend=backend)}
            return len(looks) == 2 and set(looks.values()) == {count}
        return until(f"the workers know {count} of {backend}", both)

    def bad_share(self, host):
        counts = json.loads(self.lab.call(*self.lab.execute(
            "n1", sys.executable, CLIENT, self.address, host, 2, REQUESTS)))
        return 1 - counts.get("200", 0) / sum(counts.values()), counts


def rules(ingress):
    ingress.told("default-web-http", 2)
    until("nginx has loaded the rules", lambda: ingress.status("/") == "200")
    names = {ingress.curl("/x").strip() for _ in range(8)}
    yield "goes round the pods", len(names) == 2 and all(n.startswith("web-") for n in names), names
    got = {path: ingress.status(path) for path in ("/", "/a/b", "/nobody", "/nobody/x", "/nobodyx", "/empty")}
    yield "200 by rules; 502 where nobody listens; 503 without endpoints", got == {
        "/": "200", "/a/b": "200", "/nobody": "502", "/nobody/x": "502", "/nobodyx": "200",
        "/empty": "503"}, got
    got = ingress.status("/", host="other.seamline.lab")
    yield "404 for a host of no rule", got == "404", got
    got = ingress.status("-d", "x=1", "/?delay=10ms")
    yield "POST", got == "200", got
    got = ingress.status("/a", host="secure.seamline.lab"), \
        ingress.status("/a", host="secure.seamline.lab", scheme="https"), \
        ingress.status("/", host="secure.seamline.lab", scheme="https")
    yield "a host with TLS: http is sent to https", got == ("308", "200", "404"), got
    lab = ingress.lab
    vip = lab.vip("ingress-nginx-controller")
    for words in ("addr add 10.201.0.1/24 dev fabric", "route add 10.200.0.0/24 dev fabric",
                  f"route add {vip} via 10.200.0.11"):
        lab.call(*lab.execute("lab", "ip", *words.split()))
    got = lab.call(*lab.execute("lab", "curl", "-sS", "--max-time", LIMIT_S, "-H", "Host: web.seamline.lab",
                                f"http://{vip}/"))
    yield "reached by the VIP of its Service", got.strip() in names, got
    got = until("addresses", lambda: "10.202.0." in (said := lab.run("get", "ingress", "web")) and said)
    yield "kubectl get ingress", "web.seamline.lab,secure.seamline.lab" in got and "80, 443" in got, got
    for what, fields in {"a host with a space": {"host": "a b", "path": "/"},
                         "a path that would be a directive": {"host": "a", "path": "/ { evil }"}}.items():
        try:
            got = lab.apply(BAD.format(**fields))
        except Exception as problem:
            got = getattr(problem, "stderr", "") or ""
        yield f"{what} is refused", "is invalid" in got and "created" not in got, got


def stale_shares(ingress):
    lab = ingress.lab
    live = next(pod["ipv4"] for pod in lab.pods() if pod["name"].startswith("web-"))
    lab.apply("".join(stale(n, live) for n in (3, 4, 10)))
    for n in (3, 4, 10):
        ingress.told(f"default-stale{n}-80", n)
    shares, onces = {}, {}
    for n in (3, 4, 10):
        shares[n], counts = ingress.bad_share(f"stale{n}.seamline.lab")
        print(f"# 1 of {n} lives: {shares[n]:.1%} bad of {counts}")
        onces[n], counts = ingress.bad_share(f"once{n}.seamline.lab")
        print(f"# 1 of {n} lives, no retries: {onces[n]:.1%} bad of {counts}")
    yield "with retries: the more are stale, the more requests are bad", \
        shares[3] + 0.1 < shares[4] and shares[4] + 0.1 < shares[10] < 0.9, shares
    yield "without retries: all that met a stale one", all(
        abs(onces[n] - (n - 1) / n) < 0.1 for n in onces), onces


def rate_of_syncs(ingress):
    """The controller takes its time, however many changes come."""
    lab = ingress.lab
    for replicas in (3, 2, 3, 2, 3, 4):
        lab.run("scale", "deployment", "web", f"--replicas={replicas}")
        time.sleep(0.4)
    ingress.told("default-web-http", 4)
    stamps = sorted(line["ns"] / 1e9 for line in lab.truth("ingress-told"))
    gaps = [b - a for a, b in zip(stamps, stamps[1:])]
    yield "syncs keep their distance", len(gaps) >= 2 and min(gaps) > SYNC_S / 2, gaps
    known = [line for line in lab.truth("ingress-looked", backend="default-web-http")]
    yield "workers know it after the controller", all(
        any(t["ns"] < line["ns"] and sorted(t["backends"].get(line["backend"], [])) == sorted(line["endpoints"])
            for t in lab.truth("ingress-told")) for line in known), known


def gone_in_silence(folder):
    """Addresses that answer nothing: 504 when the time to connect is over."""
    with Pocket(LAB, BUILD, folder, "slingr1", "--profile", "ideal", "--nodes", "1", "--ingress") as lab:
        ingress = Ingress(lab)
        lab.apply(stale(2, "10.244.1.199"))
        ingress.told("default-stale2-80", 2)
        got = until("nginx has loaded the rules",
                    lambda: (said := ingress.status("/", host="stale2.seamline.lab")) != "404" and said)
        yield "silence is a gateway's time-out", got == "504", got
        container = lab.pods()[0]["name"]
        lab.call(LAB, "kill", container, "--signal", "KILL", "--dir", folder)
        until("nginx is told again", lambda: len(lab.truth("process-started", pod=container)) == 2
              and lab.truth("ingress-told")[-1]["ns"] > lab.truth("process-started")[-1]["ns"])
        got = until("it serves again", lambda: "504" == ingress.status("/", host="stale2.seamline.lab"))
        yield "an nginx that was killed is told everything again", got, ""


def everything(folder):
    with turn():
        for name in ("first", "second"):
            (folder / name).mkdir()
        options = ["--profile", "ideal", "--nodes", "1", "--ingress", "--set", f"ingressSync={SYNC_S}s", "--set", "ingressLook=200ms"]
        with Pocket(LAB, BUILD, folder / "first", "slingr0", *options) as lab:
            lab.apply(WEB)
            ingress = Ingress(lab)
            yield from rules(ingress)
            yield from stale_shares(ingress)
            yield from rate_of_syncs(ingress)
        yield "no complaints", lab.complaints() == [], lab.complaints()
        yield from gone_in_silence(folder / "second")


tap.run("ingress", everything)
