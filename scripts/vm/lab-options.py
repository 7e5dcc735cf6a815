#!/usr/bin/env python3
"""The options of `seamline-lab up` for the lab that an experiment describes, one a line.

usage: lab-options.py --ipvs|--nftables EXPERIMENT [OPTION of seamline run]...

`seamline run` brings up such a lab by itself only beside itself. Of the options, assignments and a variant
count. With --ipvs the scheduler is the kernel's own.
"""
import json
import sys


def assign(experiment, path, value):
    *parents, last = path.split(".")
    at = experiment
    for name in parents:
        if not isinstance(at, dict):
            return  # Steps, by index or id: the lab is not described there.
        at = at.setdefault(name, {})
    if isinstance(at, dict):
        at[last] = value


def apply_options(experiment, options):
    words = iter(options)
    sets = []
    for word in words:
        name, _, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if name in ("--set", "-s", "--variant", "-V"):
            value = value or next(words, "")
            if name in ("--set", "-s"):
                sets.append(value.partition("=")[::2])
            else:
                for path, of in experiment.get("variants", {}).get(value, {}).get("set", {}).items():
                    assign(experiment, path, of)
    for path, value in sets:
        assign(experiment, path, value)


def lab_options(experiment, ipvs):
    lab = experiment.get("cluster", {}).get("lab", {})
    for key in ("profile", "nodes", "seed", "balancer"):
        if key in lab:
            yield f"--{key}", lab[key]
    for key in ("podReady", "goneIP"):
        if key in lab:
            value = lab[key]
            yield "--set", f"{key}={'-'.join(value) if isinstance(value, list) else value}"
    for key, value in lab.get("settings", {}).items():
        yield "--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"
    for image, program in lab.get("images", {}).items():
        yield "--image", f"{image}={program}"
    scheduler = experiment.get("cluster", {}).get("proxy", {}).get("scheduler")
    if scheduler in ("rr", "lc"):
        yield "--proxy", f"ipvs-{scheduler}" if ipvs else scheduler
    elif scheduler == "random":
        yield "--proxy", scheduler
    if lab.get("ingress") in (True, "true"):
        yield "--ingress",


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("--ipvs", "--nftables"):
        sys.exit(__doc__)
    try:
        with open(sys.argv[2], encoding="utf-8") as file:
            experiment = json.load(file)
    except (OSError, ValueError) as problem:
        sys.exit(f"scripts/vm-lab: {sys.argv[2]}: {problem}")
    apply_options(experiment, sys.argv[3:])
    for option in lab_options(experiment, sys.argv[1] == "--ipvs"):
        print(*option, sep="\n")


main()
