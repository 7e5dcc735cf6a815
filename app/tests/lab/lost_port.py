#!/usr/bin/env python3
"""A run whose NIC port is taken away, in the middle of the upgrade, ends by itself and says so.

usage: lost_port.py SEAMLINE SEAMLINE-LAB

Once by deleting the network interface, once by killing the lab that made it, which takes the API server
along. Prints TAP.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from turn import turn  # noqa: E402

SEAMLINE, LAB = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
ROOT = pathlib.Path(__file__).resolve().parents[3]
SHORT = ["--set", "cluster.lab.profile=ideal", "--set", "cluster.lab.podReady=3s",
         "--set", "steps.settle.for=200ms", "--set", "steps.baseline.for=1s",
         "--set", "steps.aftermath.for=3s"]
# The rollout's own deadline is five minutes: whoever waits for that does not see that all is lost.
LIMIT_S = 60


def delete_interface():
    subprocess.run(["ip", "link", "delete", "seamline0"], check=True)


def kill_lab():
    status = subprocess.run([LAB, "status"], capture_output=True, text=True, check=True).stdout
    os.kill(json.loads(status)["pid"], 9)


def wait_for_step(folder, step):
    """Until the run directory's timeline has the start of STEP."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        try:
            for line in (folder / "cluster.jsonl").read_text().splitlines():
                event = json.loads(line)
                if (event.get("kind"), event.get("object")) == ("step-start", step):
                    return
        except (OSError, ValueError):
            pass  # Not there yet, or a line half written.
        time.sleep(0.02)
    raise TimeoutError(f"step {step} never began")


def checks(folder, take_away):
    experiment = ROOT / "config" / "k8s-app-upgrade.json"
    process = subprocess.Popen([SEAMLINE, "run", experiment, "-q", "-o", folder, *SHORT],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    try:
        wait_for_step(folder, "upgrade")
        take_away()
        errors = process.communicate(timeout=LIMIT_S)[1]
    finally:
        process.kill()
        subprocess.run([LAB, "down"], capture_output=True, timeout=60)
    yield "the run ended as the environment's failure", process.returncode == 3, \
        f"{process.returncode}: {errors}"
    yield "it said which device is gone", "device of port lab (seamline0) is gone" in errors, errors
    yield "it asked for no bug report", "bug" not in errors and "anitizer" not in errors, errors
    account = json.loads((folder / "run.json").read_text())
    yield "what was measured is saved", all(
        s["sumsHold"] and s["due"] == sum(s["outcomes"].values()) > 0 for s in account["streams"]), \
        account["streams"]
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True).stdout
    yield "nothing is left over", "seamline0" not in links, links


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return
    number = 0
    for take_away in (delete_interface, kill_lab):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="seamline-lost-"))
        with turn():
            for name, good, why in checks(folder / "out", take_away):
                number += 1
                print(f"{'ok' if good else 'not ok'} {number} - {take_away.__name__}: {name}")
                if not good:
                    print("# " + str(why).replace("\n", "\n# "))
        shutil.rmtree(folder, ignore_errors=True)
    print(f"1..{number}")


main()
