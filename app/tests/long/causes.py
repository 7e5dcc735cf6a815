#!/usr/bin/env python3
"""Short runs on the lab with a planted cause each, and how the account judges them: resumable.

usage: causes.py --build BUILD --state DIR [--only SCENARIO]... [--times N] [--report FILE]

Each run takes under 20 s. What was planted is held against the lab's truth.jsonl: a run in which the lab
did not do it, or in which nothing was lost, is told apart and judges nobody. Each finished run is one line
in DIR/causes.jsonl; a second call goes on with what is missing for the present revision. At the end comes
a table: planted causes by those that were found, and how sure they were said to be.

Exit status 1: fewer than 95 of 100 are right, or one is wrong with high confidence.
"""
import argparse
import collections
import json
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))
from turn import turn  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]
RUN_LIMIT_S = 120

HELD = {"name": "held", "protocol": "ctraffic", "connections": 8, "rate": "400/s", "size": 1024}
NEW = {"name": "new", "protocol": "http", "rate": "200/s", "keepAlive": False, "timeout": "1s",
       "connectTimeout": "1s", "target": {"service": "web", "servicePort": 8080}}
SLOW = {"name": "slow", "protocol": "http", "rate": "20/s", "timeout": "8s", "connections": 400,
        "target": {"service": "web", "servicePort": 8080}}


def manifest(replicas, env=None, pre_stop=None, grace=30, surge=1, unavailable=0, extra=None):
    """A Deployment `web` and its Service."""
    container = {"name": "web", "image": "web:v1", "ports": [{"containerPort": 5003}, {"containerPort": 8080}],
                 "env": [{"name": k, "value": v} for k, v in (env or {}).items()]}
    if pre_stop:
        container["lifecycle"] = {"preStop": {"exec": {"command": ["sleep", str(pre_stop)]}}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate",
                         "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
            "template": {"metadata": {"labels": {"app": "web"}},
                         "spec": {"containers": [container], "terminationGracePeriodSeconds": grace}}}
    spec.update(extra or {})
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "seamline"}},
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec},
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
             "spec": {"type": "LoadBalancer", "selector": {"app": "web"},
                      "ports": [{"name": "ctraffic", "port": 5003}, {"name": "http", "port": 8080}]}}]


def happened(truth, event, **members):
    return any(e["event"] == event and all(str(e.get(k)) == str(v) for k, v in members.items()) for e in truth)


def stale_rules(truth):
    """A pod was told to end while rules still named it, for longer than a few requests take."""
    ends = [e["ns"] for e in truth if e["event"] == "signal-sent" and e["signal"] == "TERM"]
    rules = [e["ns"] for e in truth if e["event"] == "rule-changed"]
    return any(any(0 < rule - end for rule in rules) and min(r - end for r in rules if r > end) > 30_000_000
               for end in ends)


class Scenario:
    def __init__(self, cause, objects, streams, steps, planted, tail="4s"):
        self.cause, self.objects, self.streams, self.steps = cause, objects, streams, steps
        self.planted, self.tail = planted, tail

    def experiment(self, seed):
        return {
            "version": 1, "name": "causes", "seed": seed,
            "cluster": {"kubeconfig": "lab", "context": "seamline-lab", "namespace": "seamline",
                        "mayChange": ["namespace/seamline", "deployment/web", "service/web", "pod/web-*"],
                        "lab": {"profile": "kubeadm", "seed": seed, "nodes": 2, "podReady": "300ms",
                                "images": {"web:v1": "seamline-pod", "web:v2": "seamline-pod"}},
                        "proxy": {"scheduler": "random"}},
            "target": {"service": "web", "servicePort": 5003, "route": "node:1"},
            "streams": self.streams,
            "steps": [{"do": "apply", "files": ["web.yaml"], "until": "rollout-complete"},
                      {"do": "wait", "for": "2s"}, {"do": "start", "until": "steady"},
                      {"do": "wait", "for": "1s"}, *self.steps, {"do": "wait", "for": self.tail}, {"do": "stop"}],
        }


def image(name):
    return {"do": "set-image", "deployment": "web", "image": name}


SCENARIOS = {
    "race": Scenario(
        "endpoint-removal-race", manifest(3), [NEW], [{"do": "delete-pod", "pod": "web-*"}],
        stale_rules),
    "race-scale": Scenario(
        "endpoint-removal-race", manifest(4), [NEW], [{"do": "scale", "deployment": "web", "replicas": 3}],
        stale_rules),
    "not-graceful": Scenario(
        "killed-not-graceful", manifest(3, {"SEAMLINE_POD_ANSWER_AFTER": "500ms"}, pre_stop=3), [SLOW],
        [{"do": "delete-pod", "pod": "web-*"}],
        lambda truth: happened(truth, "connection-closed", reason="exit"), tail="6s"),
    "not-graceful-held": Scenario(
        "killed-not-graceful", manifest(3, pre_stop=3), [HELD], [{"do": "delete-pod", "pod": "web-*"}],
        lambda truth: happened(truth, "connection-closed", reason="exit"), tail="6s"),
    "grace-too-short": Scenario(
        "killed-grace-too-short",
        manifest(3, {"SEAMLINE_POD_ANSWER_AFTER": "6s", "SEAMLINE_POD_ON_TERM": "drain"}, grace=2), [SLOW],
        [{"do": "delete-pod", "pod": "web-*"}],
        lambda truth: happened(truth, "signal-sent", signal="KILL"), tail="6s"),
    "sigterm-ignored": Scenario(
        "killed-sigterm-ignored", manifest(3, {"SEAMLINE_POD_ON_TERM": "ignore"}, grace=2), [HELD],
        [{"do": "delete-pod", "pod": "web-*"}],
        lambda truth: happened(truth, "signal-sent", signal="KILL"), tail="6s"),
    "ready-too-early": Scenario(
        "ready-too-early", manifest(2, {"SEAMLINE_POD_LISTEN_AFTER": "2s"}), [NEW],
        [{"do": "scale", "deployment": "web", "replicas": 3}],
        lambda truth: happened(truth, "listening"), tail="5s"),
    "no-endpoint": Scenario(
        "no-ready-endpoint", manifest(2, pre_stop=1), [NEW], [{"do": "scale", "deployment": "web", "replicas": 0}],
        lambda truth: happened(truth, "signal-sent", signal="TERM"), tail="5s"),
    "nothing": Scenario("none", manifest(3, pre_stop=4), [NEW], [{"do": "delete-pod", "pod": "web-*"}],
                        lambda truth: happened(truth, "signal-sent", signal="TERM"), tail="6s"),
}


def judge(scenario, folder):
    """What was found: (cause, confidence), or why the run judges nobody."""
    account = folder / "out" / "run.json"
    if not account.exists():
        return "failed", "none"
    account = json.loads(account.read_text())
    truth = [json.loads(line) for line in (folder / "out" / "truth.jsonl").read_text().splitlines()]
    if account["failure"] or not scenario.planted(truth):
        return "not-planted", "none"
    windows = account["windows"]
    if not windows:
        return "none", "none"
    worst = max(windows, key=lambda w: w["lost"])
    return worst["cause"]["cause"], worst["cause"]["confidence"]


def run(build, state, name, seed):
    scenario, folder = SCENARIOS[name], state / f"{name}-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "web.yaml").write_text("\n---\n".join(json.dumps(o, indent=1) for o in scenario.objects))
    (folder / "run.json").write_text(json.dumps(scenario.experiment(seed), indent=1))
    with turn():
        subprocess.run([build / "app" / "seamline", "run", folder / "run.json", "-q", "-o", folder / "out"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=(folder / "stderr.txt").open("w"), timeout=RUN_LIMIT_S, check=False)
    return judge(scenario, folder)


def revision():
    return subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True,
                          check=True).stdout.strip()


def table(lines):
    """Markdown, as docs/accuracy.md has it; and whether it is good enough."""
    judged = [r for r in lines if r["found"] != "not-planted"]
    found = collections.Counter((r["planted"], r["found"], r["confidence"]) for r in judged)
    right = sum(n for (planted, got, _), n in found.items() if planted == got)
    sure = sum(n for (planted, got, confidence), n in found.items() if planted != got and confidence == "high")
    text = "| planted | found | confidence | runs |\n|---|---|---|---|\n"
    for (planted, got, confidence), n in sorted(found.items()):
        text += f"| {planted} | {got}{'' if planted == got else ' **wrong**'} | {confidence} | {n} |\n"
    text += f"\n{right} of {len(judged)} right, {sure} wrong with high confidence"
    text += f"; {len(lines) - len(judged)} more runs in which nothing was planted\n"
    return text, judged and right * 100 >= 95 * len(judged) and sure == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--state", type=pathlib.Path, required=True)
    parser.add_argument("--only", action="append", choices=SCENARIOS, default=[])
    parser.add_argument("--times", type=int, default=25)
    parser.add_argument("--report", type=pathlib.Path)
    arguments = parser.parse_args()
    build, state, now = arguments.build.resolve(), arguments.state.resolve(), revision()
    state.mkdir(parents=True, exist_ok=True)
    results = state / "causes.jsonl"
    lines = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    lines = [line for line in lines if line["revision"] == now]
    done = {(line["scenario"], line["seed"]) for line in lines}
    for seed in range(1, arguments.times + 1):
        for name in arguments.only or SCENARIOS:
            if (name, seed) in done:
                continue
            found, confidence = run(build, state, name, seed)
            if found == "failed":  # To be made again by the next call.
                print(f"{name} {seed}: no account; see {state / f'{name}-{seed}'}", flush=True)
                continue
            lines.append({"revision": now, "scenario": name, "seed": seed, "planted": SCENARIOS[name].cause,
                          "found": found, "confidence": confidence})
            with results.open("a", encoding="ascii") as out:
                out.write(json.dumps(lines[-1]) + "\n")
            print(f"{name} {seed}: {found} ({confidence})", flush=True)
    text, good = table(lines)
    print(text)
    if arguments.report:
        arguments.report.write_text(text)
    return 0 if good else 1


sys.exit(main())
