#!/usr/bin/env python3
"""Count the tests that meson ran last: prints "PASSED FAILED".

usage: count_tests.py BUILD/meson-logs

A program that prints TAP counts by its single tests, any other as one. Skipped ones count as neither.
A program that ended badly counts as failed, whatever its single tests said.
"""
import json
import pathlib
import re
import sys


def count_one(entry):
    if entry["result"] == "SKIP":
        return 0, 0
    lines = (entry.get("stdout") or "").splitlines()
    good = sum(1 for line in lines if re.match(r"ok\b", line) and "# SKIP" not in line)
    bad = sum(1 for line in lines if re.match(r"not ok\b", line))
    if entry["result"] in ("OK", "EXPECTEDFAIL"):
        return max(good, 1), 0
    return good, max(bad, 1)


def main():
    log = pathlib.Path(sys.argv[1]) / "testlog.json"
    passed = failed = 0
    for line in log.read_text(errors="replace").splitlines():
        good, bad = count_one(json.loads(line))
        passed += good
        failed += bad
    print(passed, failed)


main()
