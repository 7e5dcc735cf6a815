#!/usr/bin/env python3
"""config/ingress-scale.json with short times: what a scale-down loses through the ingress, held against its truth.

usage: ingress_scale.py SEAMLINE

Where all but one pod have ended (here all at once, so that most time is left before they fall silent) and no
worker of nginx has looked since, a request is bad if its three tries in the round of n all go wrong. That share does
not depend on how fast the machine is, only how many requests there are; with too few to tell nothing is judged.
Prints TAP.
"""
import datetime
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tap  # noqa: E402
from turn import turn  # noqa: E402

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
EXPERIMENT = pathlib.Path(__file__).resolve().parents[3] / "config" / "ingress-scale.json"
BACKEND = "web-web-http"
SHORT = {"cluster.lab.podReady": "100ms", "steps.settle.for": "6s", "steps.baseline.for": "1s",
         "steps.aftermath.for": "8s", "cluster.lab.settings": '{"terminationStart": "0s"}'}
FEW = 20


def requests(folder):
    """(seconds since 1970, good) of each."""
    said = subprocess.run([SEAMLINE, "report", folder, "-f", "check"], check=False, text=True,
                          capture_output=True, env={**os.environ, "TZ": "UTC"}).stdout
    for line in said.splitlines():
        stamp, seconds = line.rsplit(",", 1)
        yield datetime.datetime.fromisoformat(stamp + "+00:00").timestamp(), float(seconds) >= 0


def stale_share(folder):
    """The share of bad requests among those sent while stale, and how many that were."""
    truth = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]
    start = next(line["start"] for line in truth if line["event"] == "lab-started")
    began = datetime.datetime.fromisoformat(start[:26] + "+00:00").timestamp()
    signals = [line["ns"] for line in truth if line["event"] == "signal-sent"]
    looks = [line["ns"] for line in truth if line["event"] == "ingress-looked" and line["ns"] > min(signals)
             and line["backend"] == BACKEND and len(line["endpoints"]) == 1]
    killed = [stamp for stamp in signals if stamp < min(looks)]
    sent = [good for stamp, good in requests(folder)
            if max(killed) / 1e9 < stamp - began < min(looks) / 1e9]
    return 1 - sum(sent) / max(1, len(sent)), len(sent)


def everything(folder):
    only = ["1-10-on", "3-1-on", "4-1-on", "10-1-on", "10-1-ignore-on", "10-1-off"]
    words = [SEAMLINE, "run", EXPERIMENT, "-o", folder / "out"]
    words += [word for name in only for word in ("--only", name)]
    words += [word for path, value in SHORT.items() for word in ("--set", f"{path}={value}")]
    with turn():
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=280)
    print("\n".join("# " + line for line in done.stdout.splitlines()))
    yield "all runs were made", all((folder / "out" / name / "run.json").exists() for name in only), \
        done.stderr[-3000:]
    met = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()
           if line.split() and line.split()[0] in only}
    yield "scaling up loses nothing, nor does scaling down when SIGTERM is ignored", \
        met.get("1-10-on") == met.get("10-1-ignore-on") == "met", done.stdout
    shares = {}
    for name in ("3-1-on", "4-1-on", "10-1-on", "10-1-off"):
        shares[name], count = stale_share(folder / "out" / name)
        print(f"# {name}: {shares[name]:.1%} of {count} bad while stale")
        if count < FEW:
            print(f"# too few to tell: {name} counts for nothing")
            shares[name] = None
    for fewer, more, margin in (("3-1-on", "4-1-on", 0.0), ("4-1-on", "10-1-on", 0.0),
                                ("3-1-on", "10-1-on", 0.2)):
        known = shares[fewer] is not None and shares[more] is not None
        yield f"{fewer} loses a smaller share than {more}", \
            not known or shares[fewer] + margin < shares[more], shares
    yield "without retries nearly all are bad", shares["10-1-off"] is None or shares["10-1-off"] > 0.75, shares


tap.run("ingress-scale", everything)
