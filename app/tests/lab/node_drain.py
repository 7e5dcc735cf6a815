#!/usr/bin/env python3
"""A node of three drained behind a balancer that takes its time: what is lost, and when nothing is.

usage: node_drain.py SEAMLINE

config/node-drain.json with short times: 200 requests/s, and probes that take 9 s to notice. SYNs are sent again
after 1, 3 and 7 s, so that only what was asked in the first 9 - 7 s is lost. Prints TAP.
"""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tap  # noqa: E402
from turn import turn  # noqa: E402

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
EXPERIMENT = pathlib.Path(__file__).resolve().parents[3] / "config" / "node-drain.json"
RATE, LAG_S, RETRIED_S = 200, 9, 7
SHORT = ["--set", f"streams.web.rate={RATE}/s", "--set", f"cluster.lab.settings.probeLag={LAG_S}s",
         "--set", "steps.baseline.for=2s", "--set", "steps.drained.for=3s", "--set", "steps.aftermath.for=3s",
         "--set", "expect=[]"]


def run(folder, *words):
    """The account of the stream, and the lab's own log."""
    with turn():
        done = subprocess.run([SEAMLINE, "run", EXPERIMENT, "-o", folder, "-q", *words, *SHORT],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200, check=False)
    if done.returncode != 0:
        raise OSError(f"{words}: {done.returncode}: {done.stdout[-1500:]} {done.stderr[-1500:]}")
    truth = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]
    return json.loads((folder / "run.json").read_text())["streams"][0], truth


def only(lines, event, **members):
    """Of the lines of n3 the first of that kind."""
    return next((line for line in lines if line["event"] == event and line.get("node") == "n3"
                 and all(line.get(name) == value for name, value in members.items())), None)


def everything(folder):
    stream, truth = run(folder / "without")
    lost = stream["due"] - sum(stream["outcomes"][name] for name in ("ok", "late", "unsent", "unfinished"))
    rules = only(truth, "rule-changed", service="seamline/web/http/TCP/IPv4/local", endpoints=[])
    out = only(truth, "balancer-node-out", reason="probe")
    yield "n3 loses its endpoint, and later its place in the balancer", \
        rules is not None and out is not None and rules["ns"] < out["ns"], (rules, out)
    silent_s = (out["ns"] - rules["ns"]) / 1e9
    most = RATE / 3 * (silent_s - RETRIED_S) * 1.3 + 30
    yield "what is lost is what no retry saved", 0 < lost <= most, (lost, most, silent_s, stream["outcomes"])
    yield "all of it is silence", lost == stream["outcomes"]["connect-timeout"], stream["outcomes"]
    yield "the others came late", stream["outcomes"]["late"] > RATE / 3 * 3, stream["outcomes"]

    for variant in ("terminating", "out-first", "cluster"):
        stream, truth = run(folder / variant, "--variant", variant)
        bad = {name: count for name, count in stream["outcomes"].items()
               if count and name not in ("ok", "late", "unsent", "unfinished")}
        yield f"{variant}: nothing is lost", not bad, stream["outcomes"]
        balancer = [line for line in truth if line["event"].startswith("balancer")]
        if variant == "cluster":
            local = [line for line in truth if line["event"] == "rule-changed" and line["service"].endswith("/local")
                     and line["endpoints"]]  # It was Local while no pod was ready yet.
            yield "cluster: n3 stays in the balancer, and sends on to pods of others", \
                only(truth, "balancer-node-out") is None and not local, (balancer, local)
            continue
        reason = "excluded" if variant == "out-first" else "probe"
        yield f"{variant}: n3 goes out, by {reason}", only(truth, "balancer-node-out", reason=reason) is not None, \
            balancer


if __name__ == "__main__":
    tap.run("node-drain", everything)
