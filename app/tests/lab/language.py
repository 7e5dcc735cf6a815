#!/usr/bin/env python3
"""Steps of an experiment: changes of each kind, what is temporary, programs, and what is waited for.

usage: language.py SEAMLINE

Programs run against a veth pair of this test's own, changes on the lab. Prints TAP.
"""
import json
import os
import pathlib
import subprocess
import sys
import time

import tap
from turn import turn
from veth import Veth

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
CONFIG = pathlib.Path(__file__).resolve().parents[3] / "config"
NAME, ADDRESS, PORT = "sllanguage", "10.77.6.1", 5005
ACCEPT = ("import socket; s = socket.create_server(('%s', %d), backlog=64)\n"
          "while True: s.accept()[0].close()" % (ADDRESS, PORT))

MACHINE = {
    "version": 1, "name": "language",
    "ports": [{"name": "veth", "profile": "af_packet", "iface": f"{NAME}0",
               "clients": ["10.77.6.128/26"], "onLink": ["10.77.6.0/24"]}],
    "cores": {"workers": [1], "control": 0},
    "memory": {"hugepages": "no", "megabytes": 256},
    "allow": ["10.77.6.0/24"],
}
PROGRAMS = {
    "version": 1, "name": "programs",
    "target": {"address": ADDRESS, "port": PORT},
    "streams": [{"name": "new", "protocol": "connect", "rate": "20/s", "connectTimeout": "200ms"}],
    "windows": {"holdOff": "200ms"},
    "steps": [{"do": "start", "until": "steady"},
              {"do": "exec", "id": "say", "command": ["./say.sh", "one two"], "env": {"WHAT": "that"}},
              {"do": "observe", "until": "windows-closed"}, {"do": "stop"}],
    "expect": [{"stream": "new", "figure": "requests", "outcomes": ["ok", "late"], "atLeast": 5},
               {"stream": "new", "figure": "requests", "outcomes": ["refused"], "equals": 0}],
}
CHANGES = {
    "steps": [
        {"do": "apply", "files": [str(CONFIG / "mserver.yaml")], "until": "rollout-complete"},
        {"do": "wait", "for": "1s"},
        {"do": "start", "until": "steady"},
        {"do": "scale", "id": "more", "deployment": "mserver", "replicas": 4, "temporary": True, "until": "ready"},
        {"do": "patch", "id": "note", "object": "deployment/mserver", "temporary": True,
         "patch": {"metadata": {"annotations": {"seamline.test/note": "here"}}}},
        {"do": "restart", "deployment": "mserver", "until": "rollout-complete"},
        {"do": "set-env", "deployment": "mserver", "env": {"WHO": "me"}, "until": "rollout-complete"},
        {"do": "rollout-undo", "id": "back", "deployment": "mserver", "until": "rollout-complete"},
        {"do": "delete-pod", "id": "one", "pod": "mserver-*", "until": "gone"},
        {"do": "observe", "id": "whole", "deployment": "mserver", "until": "ready"},
        {"do": "drain", "node": "n1", "temporary": True},
        {"do": "observe", "until": "windows-closed"},
        {"do": "stop"}],
    "after": [], "expect": [], "variants": {},
}


def run(folder, name, experiment, *arguments):
    (folder / f"{name}.json").write_text(json.dumps(experiment))
    relative = os.path.relpath(folder / name)
    return subprocess.run([SEAMLINE, "run", folder / f"{name}.json", "-o", relative, "-q", *arguments],
                          capture_output=True, text=True, timeout=120, check=False)


def until(predicate):
    end = time.monotonic() + 30
    while not predicate() and time.monotonic() < end:
        time.sleep(0.05)
    return predicate()


def events(folder, name):
    return [json.loads(line) for line in (folder / name / "cluster.jsonl").read_text().splitlines()]


def told_on_time(told, timeline):
    own = [e for e in told if e["kind"] in ("experiment", "phase", "rates", "connections", "window-opened",
                                            "window-closed", "tester-stall", "events-dropped", "end")]
    yield "--events has the timeline, in order", [e for e in told if e not in own] == timeline, (told, timeline)
    yield "between the experiment and its end", told[0]["kind"] == "experiment" and told[0]["streams"] == ["new"] \
        and told[-1]["kind"] == "end" and told[-1]["status"] == 0, told
    phases = [e["object"] for e in own if e["kind"] == "phase"]
    order = ["setup", "baseline", "change", "after"]  # One that is over at once may not be seen.
    yield "with its phases", phases[0] == "setup" and phases == [p for p in order if p in phases], phases


def programs(folder):
    machine = folder / "machine.json"
    machine.write_text(json.dumps(MACHINE))
    script = folder / "say.sh"
    script.write_text("#!/bin/sh\necho \"$1:$WHAT:$SEAMLINE_RUN:$SECRET\"; pwd\n"
                      "for fd in /proc/$$/fd/*; do readlink $fd; done >open-files; exit ${1#fail}\n")
    script.chmod(0o755)
    os.environ["SECRET"] = "not told"
    done = run(folder, "refused", PROGRAMS, "-m", machine)
    yield "a program does not run unless that is allowed", done.returncode == 2 \
        and 'steps[1] runs the program "./say.sh": give --allow-exec' in done.stderr, done
    with Veth(NAME, f"{ADDRESS}/24") as veth:
        server = veth.start([sys.executable, "-c", ACCEPT])
        try:
            time.sleep(0.5)
            script.write_text(script.read_text().replace("${1#fail}", "0"))
            done = run(folder, "said", PROGRAMS, "-m", machine, "--allow-exec", "--events", "-")
            said = (folder / "said" / "exec-say.txt").read_text().splitlines()
            yield "its output is kept, its environment is what is named, its folder the experiment's", \
                done.returncode == 0 and said == [f"one two:that:{folder}/said:", str(folder)], (done, said)
            files = set((folder / "open-files").read_text().split())
            yield "it has no file of ours: no device, no hugepage, no socket", files <= {
                "/dev/null", str(script), str(folder / "open-files"), str(folder / "said" / "exec-say.txt")}, files
            yield from told_on_time([json.loads(line) for line in done.stdout.splitlines()], events(folder, "said"))
            script.write_text("#!/bin/sh\necho all is lost >&2; exit 7\n")
            done = run(folder, "failed", PROGRAMS, "-m", machine, "--allow-exec")
            yield "one that fails ends the run, with its last words", done.returncode == 3 \
                and "step say: ./say.sh ended with exit status 7:\nall is lost" in done.stderr, done
            mark = folder / "mark"
            script.write_text(f"#!/bin/sh\n(sleep 5; touch {mark}) & sleep 60\n")
            began = time.monotonic()
            done = run(folder, "long", PROGRAMS, "-m", machine, "--allow-exec", "--set", "steps.say.deadline=1s")
            yield "one that takes too long is killed", done.returncode == 3 and time.monotonic() - began < 30 \
                and "step say: done was not reached in time: ./say.sh still runs" in done.stderr, done
            time.sleep(5)
            yield "with all that it started", not mark.exists(), mark
            script.write_text(f"#!/bin/sh\necho $$ > {mark}; exec sleep 50\n")
            killed = subprocess.Popen([SEAMLINE, "run", folder / "long.json", "-o", folder / "killed", "-q", "-m", machine,
                                       "--allow-exec"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            until(lambda: mark.exists() and mark.read_text())
            killed.kill()
            killed.wait()
            left = pathlib.Path("/proc") / mark.read_text().strip() / "cmdline"
            yield "one does not outlive a seamline that is killed", until(
                lambda: not left.exists() or b"sleep" not in left.read_bytes()), left
            done = run(folder, "none", PROGRAMS, "-m", machine, "--allow-exec", "--set", 'steps.say.command=["./no"]')
            yield "one that cannot be started is named", done.returncode == 2 \
                and "step say: ./no: No such file or directory" in done.stderr, done
            server.kill()
            server.wait()
            done = run(folder, "open", PROGRAMS, "-m", machine, "--allow-exec", "--set", "steps.0.until=done",
                       "--set", 'steps.say.command=["true"]', "--set", "steps.2.deadline=2s",
                       "--events", folder / "open.jsonl")
            yield "a window that does not close is waited for up to the deadline", done.returncode == 3 \
                and "windows-closed was not reached in time\n  stream new: " in done.stderr, done
            told = [json.loads(line) for line in (folder / "open.jsonl").read_text().splitlines()]
            yield "events tell of it while it is open", any(e["kind"] == "window-opened" and e["object"] == "new"
                                                            for e in told) \
                and any(e["streams"][0]["windowOpen"] and e["streams"][0]["lost"] > 0
                        for e in told if e["kind"] == "rates") and told[-1]["status"] == 3, told
        finally:
            server.kill()
            server.wait()


def changes(folder):
    experiment = json.loads((CONFIG / "k8s-app-upgrade.json").read_text())
    experiment.update(CHANGES)
    del experiment["$schema"]
    experiment["cluster"]["mayChange"] += ["pod/mserver-*", "node/n1"]
    experiment["cluster"]["lab"].update(profile="ideal", podReady="300ms")
    experiment["rollout"]["replicas"] = 3
    experiment["streams"] = [dict(experiment["streams"][0], connections=6, rate="60/s")]
    done = run(folder, "changes", experiment)
    told = events(folder, "changes")
    yield "changes of each kind are made, and waited for", done.returncode == 0, done
    ours = [e["text"] for e in told if e["kind"] == "change" and e["ours"]]
    yield "what is temporary is put back, the last first", [t.split(":")[1].split()[0] for t in ours[-3:]] \
        == ["drain", "patch", "scale"] and all(t.startswith("put back: ") for t in ours[-3:]), ours
    starts = {e["object"]: e["notAfter"] for e in told if e["kind"] == "step-start"}
    ends = {e["object"]: e["notAfter"] for e in told if e["kind"] == "step-end"}
    ready = [e for e in told if e["kind"] == "pod-ready" and starts["more"] <= e["notAfter"] <= ends["more"]]
    back = [e for e in told if e["kind"] == "pod-ready" and starts["back"] <= e["notAfter"] <= ends["back"]]
    yield "rollout-undo goes back to before set-env, and waits for its pods", len(back) == 4 and any(
        "undo the rollout of deployment/mserver: back to revision 2: changed" in t for t in ours), (back, ours)
    gone = [e for e in told if e["kind"] == "pod-gone" and starts["one"] <= e["notAfter"] <= ends["one"]]
    yield "ready is waited for: a fourth pod", len(ready) == 1, told
    yield "gone is waited for: a pod that the pattern fits", len(gone) >= 1 \
        and all(e["object"].startswith("mserver-") for e in gone), told
    others = [e for e in told if e["kind"] == "change" and not e.get("ours")]
    yield "none of it is taken for another's", not others and "by others" not in done.stderr, (others, done.stderr)
    account = json.loads((folder / "changes" / "run.json").read_text())
    yield "the first change ends the baseline", starts["more"] <= account["change"] <= ends["more"], account["change"]
    undone = [json.loads(line) for line in (folder / "changes" / "undo.jsonl").read_text().splitlines()]
    put_back = {e["undone"] for e in undone if "undone" in e}
    yield "and the journal knows", put_back >= {e["n"] for e in undone if e.get("text", "").startswith("scale")}, undone


def workload(kind, more):
    template = {"metadata": {"labels": {"app": "mserver"}}, "spec": {"containers": [
        {"name": "mserver", "image": "mserver:v1", "ports": [{"containerPort": 5003}]}]}}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": kind.lower()[:3]},
            "spec": dict(more, selector={"matchLabels": {"app": "mserver"}}, template=template)}


def workloads(folder):
    """Steps on a StatefulSet and a DaemonSet, whose rollouts are waited for; another's replicas are told."""
    service = (CONFIG / "mserver.yaml").read_text().split("---\n")
    (folder / "sets.yaml").write_text("---\n".join([service[0], service[2], json.dumps(
        workload("StatefulSet", {"replicas": 2, "serviceName": "mserver"})), json.dumps(
        workload("DaemonSet", {}))]).replace("}---", "}\n---"))
    experiment = json.loads((CONFIG / "k8s-app-upgrade.json").read_text())
    experiment.update(after=[], expect=[], variants={})
    del experiment["$schema"], experiment["rollout"]
    experiment["cluster"]["mayChange"] += ["statefulset/sta", "daemonset/dae"]
    experiment["cluster"]["lab"].update(profile="ideal", podReady="200ms", nodes=2)
    experiment["streams"] = [dict(experiment["streams"][0], connections=6, rate="60/s")]
    experiment["steps"] = [
        {"do": "apply", "files": ["sets.yaml"], "until": "rollout-complete"},
        {"do": "wait", "for": "1s"}, {"do": "start", "until": "steady"},
        {"do": "scale", "object": "statefulset/sta", "replicas": 3, "temporary": True, "until": "ready"},
        {"do": "set-env", "id": "env", "object": "statefulset/sta", "env": {"A": "1"}, "until": "rollout-complete"},
        {"do": "restart", "id": "daemons", "object": "daemonset/dae", "until": "rollout-complete"},
        {"do": "exec", "command": [str(SEAMLINE), "kube", "scale", "statefulset/sta", "2", "-k", "lab", "-n", "seamline"]},
        {"do": "observe", "object": "statefulset/sta", "until": "ready"}, {"do": "stop"}]
    done = run(folder, "sets", experiment, "--allow-exec")
    yield "steps on a StatefulSet and a DaemonSet are made", done.returncode == 0, done
    told = events(folder, "sets")
    within = {name: [e["notAfter"] for e in told if e["object"] == name and e["kind"] in ("step-start", "step-end")]
              for name in ("apply", "env", "daemons")}
    ready = {name: sorted(e["object"][:3] for e in told if e["kind"] == "pod-ready"
                          and begin <= e["notAfter"] <= end) for name, (begin, end) in within.items()}
    yield "their rollouts are waited for", ready == {
        "apply": ["dae", "dae", "sta", "sta"], "env": ["sta"] * 3, "daemons": ["dae"] * 2}, (ready, told)
    others = [e["text"] for e in told if e["kind"] == "change" and not e.get("ours")]
    yield "another that scales a StatefulSet is told", others == ["replicas 3 -> 2, by others"] \
        and "statefulset/sta: replicas 3 -> 2, by others: an autoscaler" in done.stderr, (others, done.stderr)
    early = dict(experiment, steps=[*experiment["steps"][:3],
                                    {"do": "observe", "object": "daemonset/dae", "deadline": "1s"}])
    done = run(folder, "early", early)
    yield "what is waited for in vain is named", done.returncode == 3 \
        and "daemonset/dae: no rollout is under way" in done.stderr, done


def everything(folder):
    yield from programs(folder)
    with turn():
        yield from changes(folder)
        yield from workloads(folder)


tap.run("language", everything)
