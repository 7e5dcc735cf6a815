#!/usr/bin/env python3
"""Short runs on the lab with a planted cause each, and how the account judges them: resumable.

usage: causes.py --build BUILD --state DIR --results FILE [--only SCENARIO]... [--times N]
       causes.py --results FILE --table | --fill docs/accuracy.md
       causes.py --build BUILD --state DIR --results FILE --again

Each run takes under 20 s. What was planted is held against the lab's truth.jsonl. A run judges nobody in which the
lab did not do it (not-planted) or says that it was kept from its core itself (held-up), in which it cost no request
(nothing-lost), whose tester stood still, lost frames of its own, or lost requests before anything was planted
(starved), or which has no account (failed): it is made again, at most three times a call, and counted. The window of
a run that lost most is held against what was planted; none must be laid with high confidence to anything else.

Each run is one line in FILE; a second call goes on with what is missing for the present files of app/analyze and this
one. With --again the runs that are kept in DIR are judged by the present one. At the end, or at once with --table,
comes a table: planted causes, how sure they were found, and what was found instead.

Exit status 1: fewer than 95 of 100 are right, or a window is wrong with high confidence.
"""
import argparse
import collections
import hashlib
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))
from turn import turn  # noqa: E402

NO_JUDGMENT = ("failed", "starved", "held-up", "not-planted", "nothing-lost")
ROOT = pathlib.Path(__file__).resolve().parents[3]
RUN_LIMIT_S = 60
STALL_NS = 250_000_000  # A worker that stands still for longer is starved, a lab held up.
AGAIN = 3

HELD = {"name": "held", "protocol": "ctraffic", "connections": 8, "rate": "160/s", "size": 1024}
WEB = {"service": "web", "servicePort": 8080}
HTTP = {"protocol": "http", "timeout": "1s", "connectTimeout": "1s", "target": WEB,
        "http": {"backendHeader": "X-Server-Host"}}
NEW = {**HTTP, "name": "new", "rate": "200/s", "keepAlive": False}
SLOW = {**HTTP, "name": "slow", "rate": "20/s", "timeout": "8s", "connections": 400}
# Of 192 client ends; what it lost comes round once more after 4 s, and from then on every second.
FEW_PORTS = {**NEW, "connectTimeout": "500ms", "rate": {
    "law": "steps", "steps": [{"rate": "50/s", "for": "7s"}, {"rate": "200/s", "for": "30s"}]}}
BUSY = {**HTTP, "name": "busy", "mode": "held", "connections": 12, "rate": "60/s"}  # Most wait for an answer.
DATAGRAMS = {"name": "datagrams", "protocol": "udp", "connections": 12, "rate": "120/s", "timeout": "500ms",
             "target": {"service": "web", "servicePort": 5003}}
A_WHILE = {"SEAMLINE_POD_ANSWER_AFTER": "150ms"}
POD = "seamline-pod"


def manifest(replicas, env=None, pre_stop=None, grace=30, container=None, pod=None, deployment=None,
             service=None):
    """A Deployment `web` and its Service; with what is to be different in its container and in the specs."""
    container = {"name": "web", "image": "web:v1", "ports": [{"containerPort": 5003}, {"containerPort": 8080}],
                 "env": [{"name": k, "value": v} for k, v in (env or {}).items()], **(container or {})}
    if pre_stop:
        container["lifecycle"] = {"preStop": {"exec": {"command": ["sleep", str(pre_stop)]}}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": {"app": "web"}},
                         "spec": {"containers": [container], "terminationGracePeriodSeconds": grace, **(pod or {})}},
            **(deployment or {})}
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "seamline"}},
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec},
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
             "spec": {"type": "LoadBalancer", "selector": {"app": "web"},
                      "ports": [{"name": "ctraffic", "port": 5003}, {"name": "http", "port": 8080}],
                      **(service or {})}}]


def happened(truth, event, **members):
    return any(e["event"] == event and all(str(e.get(k)) == str(v) for k, v in members.items()) for e in truth)


def stale_rules(truth):
    """A pod was told to end while rules still named it, for longer than a few requests take."""
    ends = [e["ns"] for e in truth if e["event"] == "signal-sent" and e["signal"] == "TERM"]
    rules = [e["ns"] for e in truth if e["event"] == "rule-changed"]
    return any(any(0 < rule - end for rule in rules) and min(r - end for r in rules if r > end) > 30_000_000
               for end in ends)


def silent_rules(truth):
    """A pod's address was gone while rules still named it, for longer than a few requests take."""
    gone = [e["ns"] for e in truth if e["event"] == "pod-removed"]
    return any(e["event"] == "rule-changed" and e["ns"] - ns > 200_000_000 for ns in gone for e in truth)


class Scenario:
    def __init__(self, cause, objects, streams, steps, planted, *, tail="4s", lab=None, target=None, also=(),
                 settle="2s", windows=None, tcp=None):
        """ALSO: causes of what comes along with the planted one; PLANTED: whether the lab did it, by its truth."""
        self.cause, self.objects, self.streams, self.steps = cause, objects, streams, steps
        self.planted, self.tail, self.also, self.settle = planted, tail, also, settle
        self.lab, self.windows, self.tcp = lab or {}, windows or {}, tcp or {}
        self.target = target or {"service": "web", "servicePort": 5003, "route": "node:1"}

    def experiment(self, seed):
        return {
            "version": 1, "name": "causes", "seed": seed,
            "cluster": {"kubeconfig": "lab", "context": "seamline-lab", "namespace": "seamline",
                        "mayChange": ["namespace/seamline", "deployment/web", "service/web", "ingress/web",
                                      "pod/web-*", "node/n3"],
                        "lab": {"profile": "kubeadm", "seed": seed, "nodes": 2, "podReady": "300ms",
                                "images": {"web:v1": POD, "web:v2": POD}, **self.lab},
                        "proxy": {"scheduler": "random"}},
            "target": self.target, "windows": self.windows, **({"tcp": self.tcp} if self.tcp else {}),
            "streams": self.streams,
            "steps": [{"do": "apply", "files": ["web.yaml"], "until": "rollout-complete"},
                      {"do": "wait", "for": self.settle}, {"do": "start", "until": "steady", "deadline": "8s"},
                      {"do": "wait", "for": "1s"}, *self.steps, {"do": "wait", "for": self.tail}, {"do": "stop"}],
        }


def image(name):
    return {"do": "set-image", "deployment": "web", "image": name}


def scale(replicas):
    return {"do": "scale", "deployment": "web", "replicas": replicas}


def on_node(name):
    return {"nodeSelector": {"kubernetes.io/hostname": name}}


DELETE = {"do": "delete-pod", "pod": "web-*"}


def shell(text):
    """With the lab's program as $LAB."""
    return {"do": "exec", "command": ["sh", "-c", text], "env": {"LAB": "LAB"}}


A_POD = "$($LAB status | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"pods\"][0][\"name\"])')"


def term(truth):
    return happened(truth, "signal-sent", signal="TERM")


def kill(truth):
    return happened(truth, "signal-sent", signal="KILL")


def dropped(truth):
    return happened(truth, "connection-closed", reason="exit")


def dropped_after_look(truth):
    """Work in hand was dropped by a pod that no worker of the ingress had sent to any more."""
    looks = [e["ns"] for e in truth if e["event"] == "ingress-looked"]
    return dropped(truth) and all(ns > max(looks) for ns in [
        e["ns"] for e in truth if e["event"] == "signal-sent" and e["signal"] == "TERM"])


def fault(name):
    return lambda truth: happened(truth, "fault-begun", fault=name)


def limited(rate, queue):
    server = pathlib.Path(__file__).with_name("limited_server.py")
    return {"images": {"web:v1": f"/usr/bin/python3 {server} {rate} {queue}"}}


READY_BY_HTTP = {"readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}}
NEVER_READY = {"images": {"web:v1": POD, "web:v2": POD + " --starting-for 10m"}}
INGRESS = [{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "web", "annotations": {
                "nginx.ingress.kubernetes.io/proxy-next-upstream": "off",
                "nginx.ingress.kubernetes.io/proxy-connect-timeout": "1"}},
            "spec": {"ingressClassName": "nginx", "rules": [{
                "host": "web.seamline.lab", "http": {"paths": [{
                    "path": "/", "pathType": "Prefix",
                    "backend": {"service": {"name": "web", "port": {"name": "http"}}}}]}}]}}]
THROUGH_INGRESS = {
    "lab": {"ingress": True, "settings": {"ingressSync": "2s", "ingressLook": "500ms", "terminationStart": "0s"}},
    "target": {"address": "10.202.0.1", "port": 80}, "settle": "4s", "tail": "6s"}
# The ingress has taken the pod out when the hook is over, so that what is lost then was in hand.
AFTER_THE_HOOK = {**THROUGH_INGRESS, "settle": "3s", "tail": "6s"}
BY_INGRESS = {"name": "new", "protocol": "http", "rate": "100/s", "keepAlive": False, "timeout": "4s",
              "connectTimeout": "1s", "http": {"host": "web.seamline.lab", "expectStatus": ["200"]}}
SLOW_BY_INGRESS = {**BY_INGRESS, "rate": "20/s", "timeout": "8s", "connections": 400}
ONE_A_NODE = {"topologySpreadConstraints": [
    {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
     "labelSelector": {"matchLabels": {"app": "web"}}}]}

SCENARIOS = {
    "race": Scenario("endpoint-removal-race", manifest(3), [NEW], [DELETE], stale_rules),
    "race-scale": Scenario("endpoint-removal-race", manifest(4), [NEW], [scale(3)], stale_rules),
    "race-upgrade": Scenario("endpoint-removal-race", manifest(3), [NEW], [image("web:v2")], stale_rules, tail="6s"),
    # All ends are used again and again, by a node that forgets at once what it could not send on.
    "race-tcp-reuse": Scenario(
        "endpoint-removal-race", manifest(3, pod=on_node("n1")), [NEW], [DELETE], stale_rules,
        tcp={"ports": {"first": 40000, "last": 40011, "reuseAfter": "100ms"}}),
    "not-graceful": Scenario(
        "killed-not-graceful", manifest(3, {"SEAMLINE_POD_ANSWER_AFTER": "500ms"}, pre_stop=3), [SLOW], [DELETE],
        dropped, tail="5s"),
    "not-graceful-held": Scenario(
        "killed-not-graceful", manifest(3, A_WHILE, pre_stop=3), [BUSY], [DELETE], dropped, tail="5s"),
    "grace-too-short": Scenario(
        "killed-grace-too-short",
        manifest(3, {"SEAMLINE_POD_ANSWER_AFTER": "6s", "SEAMLINE_POD_ON_TERM": "drain"}, grace=2), [SLOW],
        [DELETE], kill, tail="6s"),
    "sigterm-ignored": Scenario(
        "killed-sigterm-ignored", manifest(3, {**A_WHILE, "SEAMLINE_POD_ON_TERM": "ignore"}, grace=2), [BUSY],
        [DELETE],
        kill, tail="5s"),
    "ready-too-early": Scenario(
        "ready-too-early", manifest(2, {"SEAMLINE_POD_LISTEN_AFTER": "2s"}), [NEW], [scale(3)],
        lambda truth: happened(truth, "listening")),
    "ready-500": Scenario(
        "ready-too-early", manifest(2, {"SEAMLINE_POD_STARTING_FOR": "2s"}), [NEW], [scale(3)],
        lambda truth: happened(truth, "listening")),
    "stale-upstream": Scenario(
        "stale-upstream", manifest(4) + INGRESS, [BY_INGRESS], [scale(1)], term, **THROUGH_INGRESS),
    "stale-upstream-one": Scenario(
        "stale-upstream", manifest(3) + INGRESS, [BY_INGRESS], [DELETE], term, **THROUGH_INGRESS),
    "ingress-not-graceful": Scenario(
        "killed-not-graceful", manifest(3, {"SEAMLINE_POD_ANSWER_AFTER": "4s"}, pre_stop=3) + INGRESS,
        [SLOW_BY_INGRESS], [DELETE], dropped, **AFTER_THE_HOOK),
    "ingress-short-work": Scenario(
        "killed-not-graceful", manifest(3, {"SEAMLINE_POD_ANSWER_AFTER": "45ms"}) + INGRESS,
        [{**BY_INGRESS, "rate": "300/s"}], [scale(2)], dropped_after_look, settle="3s", tail="4s",
        target=THROUGH_INGRESS["target"], lab={"ingress": True, "settings": {
            "endpointUpdate": "0s", "ingressSync": "0s", "ingressLook": "0s", "terminationStart": "15ms"}}),
    "ingress-grace-too-short": Scenario(
        "killed-grace-too-short",
        manifest(3, {"SEAMLINE_POD_ANSWER_AFTER": "5s", "SEAMLINE_POD_ON_TERM": "drain"}, pre_stop=2, grace=4) + INGRESS,
        [SLOW_BY_INGRESS], [DELETE], kill, **AFTER_THE_HOOK),
    "ingress-ready-too-early": Scenario(
        "ready-too-early", manifest(2, {"SEAMLINE_POD_LISTEN_AFTER": "6s"}) + INGRESS, [BY_INGRESS], [scale(3)],
        lambda truth: happened(truth, "listening"), **{**THROUGH_INGRESS, "settle": "7s"}),
    "drained-node": Scenario(
        "drained-node-in-balancer",
        manifest(3, pod=ONE_A_NODE, service={"externalTrafficPolicy": "Local"}), [NEW],
        [{"do": "drain", "node": "n3"}],
        lambda truth: happened(truth, "balancer-node-out", node="n3", reason="probe"),
        lab={"nodes": 3, "balancer": "probing",
             "settings": {"probeLag": "6s", "terminatingEndpoints": False, "masquerade": True}},
        target={**WEB, "via": "loadBalancer"}, also=("endpoint-removal-race",), tail="7s"),
    "no-endpoint": Scenario("no-ready-endpoint", manifest(2, pre_stop=1), [NEW], [scale(0)], term),
    "too-few": Scenario(
        "too-few-replicas", manifest(4, pre_stop=2), [{**NEW, "rate": "80/s"}], [scale(1)], term,
        lab=limited(50, 10), tail="5s"),
    "rollout-stuck": Scenario(
        "rollout-stuck",
        manifest(2, pre_stop=1, container=READY_BY_HTTP, deployment={
            "progressDeadlineSeconds": 3,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "100%"}}}),
        [NEW], [image("web:v2")], term, lab=NEVER_READY, also=("no-ready-endpoint",), tail="6s"),
    "conntrack": Scenario(
        "connection-tracking", manifest(4), [HELD], [shell("$LAB fault conntrack-flush n1")],
        fault("conntrack-flush"), tail="3s"),
    "conntrack-udp": Scenario(
        "connection-tracking", manifest(3, service={"ports": [{"name": "udp", "port": 5003, "protocol": "UDP"}]}),
        [DATAGRAMS], [DELETE], term, lab={"settings": {"cleanUDP": False}}, tail="9s",
        target={"service": "web", "servicePort": 5003}),
    # Through a node that sends to the pod's own, and remembers for 120 s what met silence there.
    "conntrack-tcp-reuse": Scenario(
        "connection-tracking", manifest(3, pod=on_node("n2")), [FEW_PORTS], [scale(2)], silent_rules,
        lab={"settings": {"terminationStart": "0s", "proxyApply": "1500ms"}},
        tcp={"ports": {"first": 40000, "last": 40011, "reuseAfter": "100ms"}},
        also=("endpoint-removal-race",), tail="10s"),
    "overload": Scenario(
        "backend-overload", manifest(2),
        [{**NEW, "rate": {"law": "steps", "steps": [{"rate": "40/s", "for": "5s"}, {"rate": "160/s", "for": "30s"}]},
          "timeout": "2s"}],
        [], lambda truth: happened(truth, "pod-ready"), lab=limited(40, 1000),
        windows={"opens": ["late", "stalled", "reset", "refused", "connect-timeout"]}, tail="7s"),
    "network": Scenario(
        "network", manifest(4), [HELD, NEW], [shell("$LAB fault blackhole n1 2s")], fault("blackhole"), tail="5s"),
    "network-new": Scenario(
        "network", manifest(4), [NEW], [shell("$LAB fault blackhole n1 2s")], fault("blackhole"), tail="5s"),
    "network-drop": Scenario(
        "network", manifest(4), [HELD, NEW], [shell("$LAB fault drop n1 30 3s")], fault("drop"), tail="6s"),
    "tester": Scenario(
        "tester", manifest(3), [HELD, NEW],
        [shell("ip link set seamline0 down; sleep 1.5; ip link set seamline0 up")], lambda truth: True, tail="5s"),
    "frozen": Scenario(
        "unexplained", manifest(3), [NEW], [shell(f"$LAB fault freeze {A_POD} 3s")], fault("freeze"), tail="5s"),
    "crash": Scenario(
        "unexplained", manifest(3, A_WHILE), [BUSY], [shell(f"$LAB kill {A_POD} --signal KILL")], kill),
    "nothing": Scenario("none", manifest(3, pre_stop=4), [NEW], [DELETE], term, tail="6s"),
    "nothing-up": Scenario("none", manifest(2), [NEW, HELD], [scale(4)],
                           lambda truth: len([e for e in truth if e["event"] == "pod-ready"]) == 4, tail="3s"),
}


def starved(account):
    """Whether the tester itself had not what it needs; the run says so, whatever it found."""
    tester, change = account["tester"], account["change"]
    return (tester["stallLongest"] > STALL_NS or any(port["imissed"] or port["rxNombuf"] for port in tester["ports"])
            or change is not None and any(window["onset"]["to"] < change for window in account["windows"]))


def held_up(truth):
    return any(e["event"] == "held-up" and e["for"] > STALL_NS for e in truth)


def judge(build, scenario, folder):
    """What is found in a run, as a result's line has it."""
    if not (folder / "out" / "run.json").exists():
        return {"found": "failed"}
    said = subprocess.run([build / "app" / "seamline", "report", folder / "out", "-f", "json"], text=True,
                          capture_output=True, check=True).stdout
    account = json.loads(said)
    truth = [json.loads(line) for line in (folder / "out" / "truth.jsonl").read_text().splitlines()]
    if starved(account) or held_up(truth):
        return {"found": "starved" if starved(account) else "held-up"}
    if account["failure"] or not scenario.planted(truth):
        return {"found": "not-planted"}
    windows = account["windows"]
    if not windows and scenario.cause != "none":
        return {"found": "nothing-lost"}
    if not windows:
        return {"found": "none", "confidence": "none", "windows": []}
    worst = max(windows, key=lambda w: w["lost"])["cause"]
    return {"found": worst["cause"], "confidence": worst["confidence"],
            "windows": [[w["cause"]["cause"], w["cause"]["confidence"], w["lost"]] for w in windows]}


def seamline(build, folder):
    """The run, in seconds; a lab that it left behind is taken down, whatever happened."""
    began = time.monotonic()
    words = [build / "app" / "seamline", "run", folder / "run.json", "-q", "--allow-exec", "-o", folder / "out"]
    with (folder / "stderr.txt").open("w") as errors, \
            subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors) as process:
        try:
            process.wait(RUN_LIMIT_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            process.terminate()
            process.wait()
            subprocess.run([build / "app" / "seamline-lab", "down"], capture_output=True, check=False)
    return time.monotonic() - began


def files(build, scenario, seed):
    experiment = json.dumps(scenario.experiment(seed), indent=1)
    return {"web.yaml": "\n---\n".join(json.dumps(o, indent=1) for o in scenario.objects),
            "run.json": experiment.replace('"LAB": "LAB"', f'"LAB": "{build / "app" / "seamline-lab"}"')}


def line_of(build, folder, name, seed, seconds):
    scenario = SCENARIOS[name]
    return {"scenario": name, "seed": seed, "planted": scenario.cause, **judge(build, scenario, folder),
            "seconds": seconds}


def run(build, state, name, seed):
    folder = state / f"{name}-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file, text in files(build, SCENARIOS[name], seed).items():
        (folder / file).write_text(text)
    with turn():
        took_s = seamline(build, folder)
    return line_of(build, folder, name, seed, round(took_s, 1))


def kept(build, state, line):
    """The same run as LINE, judged anew; None if it is not there any more, or planted otherwise than now."""
    folder = state / f"{line['scenario']}-{line['seed']}"
    same = line["scenario"] in SCENARIOS and folder.exists() and all(
        (folder / file).read_text() == text
        for file, text in files(build, SCENARIOS[line["scenario"]], line["seed"]).items())
    return line_of(build, folder, line["scenario"], line["seed"], line["seconds"]) if same else None


def revision():
    """Of what judges and of what plants: by content."""
    files = sorted(path for name in ("answers", "cause", "evidence_index", "loss", "outage", "pods", "suspect", "window")
                   for path in (ROOT / "app" / "analyze").glob(name + ".[ch]"))
    files += [pathlib.Path(__file__), pathlib.Path(__file__).with_name("limited_server.py")]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def is_right(line):
    return line["found"] == line["planted"]


def surely_wrong(line):
    """Windows of it that are laid with high confidence to what was not planted."""
    also = SCENARIOS[line["scenario"]].also
    return sum(confidence == "high" and cause != line["planted"] and cause not in also
               for cause, confidence, _ in line["windows"])


def counted(words):
    """As "3 high, 1 medium"."""
    counts = collections.Counter(words)
    return ", ".join(f"{n} {word}" for word, n in sorted(counts.items())) or "-"


def row(cause, lines):
    """Of the lines that planted CAUSE."""
    judged = [r for r in lines if r["found"] not in NO_JUDGMENT]
    right = counted(r["confidence"] for r in judged if is_right(r))
    wrong = counted(f"{r['found']} ({r['confidence']})" for r in judged if not is_right(r))
    again = counted(r["found"] for r in lines if r["found"] in NO_JUDGMENT)
    return f"| `{cause}` | {len(judged)} | {right} | {wrong} | {again} |\n"


def table(lines):
    """Markdown, as docs/accuracy.md has it; and whether it is good enough."""
    judged = [r for r in lines if r["found"] not in NO_JUDGMENT]
    right, sure = sum(map(is_right, judged)), sum(map(surely_wrong, judged))
    text = "| planted | runs | found | found instead | made again |\n|---|---|---|---|---|\n"
    for cause in sorted({line["planted"] for line in lines}):
        text += row(cause, [line for line in lines if line["planted"] == cause])
    text += f"\n{right} of {len(judged)} right"
    text += f" ({100 * right / len(judged):.1f} %)" if judged else ""
    text += f"; {sure} of {sum(len(r['windows']) for r in judged)} windows wrong with high confidence.\n"
    return text, judged and right * 100 >= 95 * len(judged) and sure == 0


def missing(lines, names, times, tries):
    """(scenario, seed) that have no judgment yet, those that were tried least first."""
    done = {(line["scenario"], line["seed"]) for line in lines if line["found"] not in NO_JUDGMENT}
    rest = [(name, seed) for seed in range(1, times + 1) for name in names
            if (name, seed) not in done and tries[name, seed] <= AGAIN]
    return sorted(rest, key=lambda pair: tries[pair])


def make_runs(arguments, now, lines):
    build, state = arguments.build.resolve(), arguments.state.resolve()
    names, tries = arguments.only or list(SCENARIOS), collections.Counter()
    while rest := missing(lines, names, arguments.times, tries):
        line = {"revision": now, **run(build, state, *rest[0])}
        tries[rest[0]] += 1
        lines.append(line)
        with arguments.results.open("a", encoding="ascii") as out:
            out.write(json.dumps(line) + "\n")
        print(f"{line['scenario']} {line['seed']}: {line['found']} ({line.get('confidence', '-')}), "
              f"{line['seconds']} s", flush=True)


def judge_again(arguments, now, every):
    """The last runs of each scenario and seed, whatever judged them before."""
    last = {(line["scenario"], line["seed"]): line for line in every}
    build, state = arguments.build.resolve(), arguments.state.resolve()
    lines = [line for before in last.values() if (line := kept(build, state, before))]
    again = [line for line in every
             if line["found"] in NO_JUDGMENT and line is not last[line["scenario"], line["seed"]]]
    lines = [{**line, "revision": now} for line in again + lines]
    arguments.results.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return lines


def fill(document, text):
    """Between the two marks in DOCUMENT."""
    begin, end = "<!-- causes -->\n", "<!-- end of causes -->\n"
    before, rest = document.read_text().split(begin)
    document.write_text(before + begin + text + end + rest.split(end)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, help="a build directory; for runs and judging")
    parser.add_argument("--state", type=pathlib.Path, help="where the runs are kept")
    parser.add_argument("--results", type=pathlib.Path, required=True, help="a line for each run")
    parser.add_argument("--only", action="append", choices=SCENARIOS, default=[])
    parser.add_argument("--times", type=int, default=10, help="runs of each scenario")
    parser.add_argument("--table", action="store_true", help="make no runs, print the table of those that were made")
    parser.add_argument("--fill", type=pathlib.Path, help="the same, and write it into docs/accuracy.md")
    parser.add_argument("--again", action="store_true", help="make no runs, judge those that are kept anew")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # A run under way is ended in order.
    now = revision()
    every = [json.loads(line) for line in arguments.results.read_text().splitlines()] \
        if arguments.results.exists() else []
    lines = [line for line in every if line["revision"] == now]
    if arguments.again:
        lines = judge_again(arguments, now, every)
    elif not (arguments.table or arguments.fill):
        make_runs(arguments, now, lines)
    text, good = table(lines)
    print(text, end="")
    if arguments.fill:
        fill(arguments.fill, text)
    return 0 if good else 1


sys.exit(main())
