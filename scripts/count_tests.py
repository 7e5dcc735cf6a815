#!/usr/bin/env python3
"""Count the tests that meson ran last: prints "PASSED FAILED", and what failed, and why, to stderr.

usage: count_tests.py BUILD/meson-logs

A program that prints TAP counts by its single tests, any other as one. Skipped ones count as neither.
A program that ended badly counts as failed, whatever its single tests said.
"""
import json
import pathlib
import re
import sys

LINES = 40


def count_one(entry):
    if entry["result"] == "SKIP":
        return 0, 0
    lines = (entry.get("stdout") or "").splitlines()
    good = sum(1 for line in lines if re.match(r"ok\b", line) and "# SKIP" not in line)
    bad = sum(1 for line in lines if re.match(r"not ok\b", line))
    if entry["result"] in ("OK", "EXPECTEDFAIL"):
        return max(good, 1), 0
    return good, max(bad, 1)


def tell(entry):
    """The checks that failed with the lines that belong to them; without any, how the program ended."""
    lines = (entry.get("stdout") or "").splitlines()
    failed = [at for at, line in enumerate(lines) if re.match(r"not ok\b", line)]
    print(f"-- {entry['name']}: {entry['result']}, exit status {entry['returncode']}", file=sys.stderr)
    for at in failed:
        begin = max((n for n in range(at) if not lines[n].startswith("#")), default=-1) + 1
        end = next((n for n in range(at + 1, len(lines)) if not lines[n].startswith("#")), len(lines))
        print(*lines[max(begin, at - LINES):min(end, at + 1 + LINES)], sep="\n", file=sys.stderr)
    rest = lines[-LINES:] if not failed else []
    print(*rest, *(entry.get("stderr") or "").splitlines()[-LINES:], sep="\n", file=sys.stderr)


def main():
    log = pathlib.Path(sys.argv[1]) / "testlog.json"
    passed = failed = 0
    for line in log.read_text(errors="replace").splitlines():
        good, bad = count_one(json.loads(line))
        passed += good
        failed += bad
        if bad:
            tell(json.loads(line))
    print(passed, failed)


main()
