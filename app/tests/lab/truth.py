#!/usr/bin/env python3
"""Hold a run's account against the lab's own log of what it did.

usage: truth.py RUNDIR TRUTH.jsonl

For each broken connection whose end the lab logged, the onset bracket must contain the stamp of that
close (taken before close(), or before kill() for SIGKILL), widened by the clocks' error bound. Prints how
many do, the distribution of the brackets' widths, and those that do not. As a module: check().
"""
import bisect
import datetime
import json
import pathlib
import re
import sys


def utc_ns(text):
    whole, fraction = re.fullmatch(r"(.*?)(?:\.(\d+))?Z", text).groups()
    stamp = datetime.datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(
        tzinfo=datetime.timezone.utc)
    return int(stamp.timestamp()) * 10**9 + int((fraction or "0").ljust(9, "0"))


class RunClock:
    """UTC to run time, by the samples in meta.json."""

    def __init__(self, meta):
        self.samples = [(s["run"], utc_ns(s["utc"])) for s in meta["utc"]]

    def run_ns(self, utc):
        utcs = [u for _, u in self.samples]
        at = min(max(bisect.bisect(utcs, utc), 1), len(utcs) - 1) if len(utcs) > 1 else 0
        if at == 0:
            return self.samples[0][0] + utc - utcs[0]
        (run0, utc0), (run1, utc1) = self.samples[at - 1], self.samples[at]
        return run0 + (utc - utc0) * (run1 - run0) // (utc1 - utc0)


def closes(path):
    """Client end of each connection that a pod closed -> list of UTC stamps."""
    found = {}
    start = None
    for line in pathlib.Path(path).read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "lab-started":
            start = utc_ns(event["start"])
        elif event["event"] == "connection-closed":
            found.setdefault(event["remote"], []).append(
                (start + event["ns"], event["pod"], event["reason"]))
    return found


def held_up_ns(account, truth):
    """The longest that the machine kept the tester or the lab from its work: of a run with much of it,
    delays and what is predicted from them say little."""
    lab = [event["for"] for event in map(json.loads, pathlib.Path(truth).read_text().splitlines())
           if event["event"] == "held-up"]
    return max([account["tester"]["stallLongest"], *lab])


def check(rundir, truth):
    """Returns {"matched", "inside", "misses": [...], "widths": [ns...], "unlogged"}."""
    rundir = pathlib.Path(rundir)
    run = json.loads((rundir / "run.json").read_text())
    meta = json.loads((rundir / "meta.json").read_text())
    clock = RunClock(meta)
    error = meta["clockError"]
    logged = closes(truth)
    outages = {(o["stream"], o["connection"]): o for o in run["outages"]}
    result = {"matched": 0, "inside": 0, "misses": [], "widths": [], "unlogged": 0}
    for connection in run["connections"]:
        if connection["connected"] is None or connection["end"] in ("lasting", "done", "unfinished"):
            continue
        outage = outages.get((connection["stream"], connection["id"]))
        local = connection["tuple"].split("->")[0]
        near = [(clock.run_ns(utc), pod, reason) for utc, pod, reason in logged.get(local, [])]
        near = [n for n in near if connection["connected"] <= n[0] + error]
        if outage is None or not near:
            result["unlogged"] += 1
            continue
        at, pod, reason = min(near)
        onset = outage["onset"]
        result["matched"] += 1
        result["widths"].append(onset["to"] - onset["from"])
        if onset["from"] - error <= at <= onset["to"] + error and pod == connection["pod"]:
            result["inside"] += 1
        else:
            result["misses"].append(
                f"{connection['tuple']} of {connection['pod']}: {reason} by {pod} at {at}, "
                f"bracket [{onset['from']}, {onset['to']}], {connection['end']}")
    return result


def show(result):
    widths = sorted(result["widths"])
    print(f"# {result['inside']} of {result['matched']} closes lie within their onset bracket; "
          f"{result['unlogged']} broken connections have no close in the lab's log")
    if widths:
        marks = [widths[min(int(q * len(widths)), len(widths) - 1)] for q in (0, .5, .9, .99, 1)]
        print("# bracket widths, ms: min %.3f p50 %.3f p90 %.3f p99 %.3f max %.3f"
              % tuple(w / 1e6 for w in marks))
    for miss in result["misses"][:10]:
        print("# outside: " + miss)


if __name__ == "__main__":
    account = check(sys.argv[1], sys.argv[2])
    show(account)
    sys.exit(account["matched"] == 0 or account["inside"] * 100 < account["matched"] * 99)
