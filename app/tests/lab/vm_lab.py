#!/usr/bin/env python3
"""scripts/vm-lab both ways, with an upgrade of two pods: the lab in a virtual machine, its clock put a thousand
seconds ahead, under IPVS; and seamline in one, on DPDK's virtio driver. The machine is emulated, so nothing here
is judged by time.

usage: vm_lab.py SOURCES BUILD
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import tap
from turn import turn

SOURCES, BUILD = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
NEEDED = ["qemu-system-x86_64", "dropbear", "dbclient", "busybox", "ipvsadm"]
AHEAD_S = 1000
SLACK_S = 100  # More than any lag of either clock.
UP_LIMIT_S, RUN_LIMIT_S = 900, 1200


def experiment(folder):
    """The main job, as small as it gets: as many as are broken when each connection breaks once, at least."""
    made = json.loads((SOURCES / "config" / "k8s-app-upgrade.json").read_text(encoding="utf-8"))
    made.pop("$schema")
    made["cluster"]["lab"].update(nodes=2, podReady="300ms")
    made["rollout"]["replicas"] = 2
    held, new = made["streams"]
    held.update(connections=8, rate="20/s", size=128, timeout="10s", connectTimeout="10s", retries=1000)
    new.update(rate="5/s", connectTimeout="10s")
    for step in made["steps"]:
        if step["do"] == "wait":
            step["for"] = "2s"
        if step.get("id") in ("settle", "aftermath"):
            step["for"] = "20s"  # On a busy machine the guest's rules follow so late, and refuse until then.
    made["expect"] = [{"stream": "held", "figure": "lastingConnections", "equals": 8},
                      {"stream": "held", "figure": "brokenConnections", "atLeast": 8}]
    path = folder / "upgrade.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    shutil.copy(SOURCES / "config" / "mserver.yaml", folder)
    return path


def vm_lab(folder, *words, limit=60, check=True):
    command, *rest = words
    return subprocess.run([SOURCES / "scripts" / "vm-lab", command, "--dir", folder / "vm", *rest],
                          capture_output=True, text=True, timeout=limit, check=check,
                          env={**os.environ, "SEAMLINE_BUILD": str(BUILD)})


def account(run):
    return json.loads((run / "run.json").read_text(encoding="utf-8"))


def checks(what, ended, run, driver):
    yield f"{what}: 8 connections broke and 8 last", ended.returncode == 0, ended.stdout + ended.stderr
    made = account(run)
    yield f"{what}: every request is accounted for", all(s["sumsHold"] for s in made["streams"]), made["streams"]
    yield f"{what}: the port's driver is {driver}", made["tester"]["ports"][0]["driver"].startswith(driver), \
        made["tester"]["ports"]
    truth = [json.loads(line) for line in (run / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    ended_pods = {e["pod"] for e in truth if e["event"] == "process-reaped"}
    broken = {p["name"] for p in made["pods"] if p["broken"]}
    yield f"{what}: what broke was on pods that ended, by the lab's own log", \
        len(broken) >= 2 and broken <= ended_pods, (broken, ended_pods)


def lab_in_guest(folder, path):
    run = folder / "lab-in-guest"
    vm_lab(folder, "up", "--", "--proxy", "ipvs-lc", "--nodes", "2", "--set", "podReady=300ms", limit=UP_LIMIT_S)
    try:
        vm_lab(folder, "exec", "--", "sh", "-c", f"date -s @$(($(date +%s) + {AHEAD_S}))")
        ended = vm_lab(folder, "run", "-o", run, path, "--set", "cluster.proxy.scheduler=lc", limit=RUN_LIMIT_S,
                       check=False)
        table = vm_lab(folder, "exec", "--", "seamline-lab", "exec", "n1", "--", "ipvsadm", "-Ln").stdout
        yield "lab in the guest: IPVS balances there", "IP Virtual Server" in table, table
    finally:
        vm_lab(folder, "down", check=False)
    yield from checks("lab in the guest", ended, run, "vhost")
    yield "the report says what it is", account(run)["environment"] == "lab in a virtual machine, profile kubeadm+, " \
        "lc, by IPVS", account(run)["environment"]
    clock = account(run)["serverClock"]
    least, most = clock["least"] / 1e9, clock["most"] / 1e9
    yield "the guest's clock is told to be as far ahead as it was put", \
        AHEAD_S - SLACK_S < least <= most < AHEAD_S + SLACK_S, clock


def seamline_in_guest(folder, path):
    run = folder / "seamline-in-guest"
    ended = vm_lab(folder, "run", "--guest", "seamline", "-o", run, path, limit=UP_LIMIT_S + RUN_LIMIT_S, check=False)
    yield from checks("seamline in the guest", ended, run, "virtio-pci")
    left = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    yield "machine and lab are gone", "seamline-vm" not in left and "seamline-tap" not in left and \
        not (folder / "vm" / "pid").exists(), left


def everything(folder):
    path = experiment(folder)
    with turn():
        yield from lab_in_guest(folder, path)
        yield from seamline_in_guest(folder, path)


missing = [name for name in NEEDED if not shutil.which(name)]
if missing:
    print(f"1..0 # SKIP {', '.join(missing)} missing: scripts/setup --vm installs it")
else:
    tap.run("vm-lab", everything)
