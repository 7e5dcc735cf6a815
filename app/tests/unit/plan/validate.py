#!/usr/bin/env python3
"""Checks config/*.json against the schemas there, and that the schemas refuse typical mistakes.

Exit status 77 (skipped) without the Debian package python3-jsonschema."""
import copy
import json
import pathlib
import sys

try:
    from jsonschema import Draft202012Validator
except ImportError:
    sys.exit(77)

config = pathlib.Path(sys.argv[1])
failures = 0


def load(name):
    return json.loads((config / name).read_text())


def expect(good, what, validator, document):
    global failures
    errors = [e.message for e in validator.iter_errors(document)]
    if bool(errors) == good:
        print(f"{what}: {errors[0] if errors else 'was taken'}")
        failures += 1


validators = {}
for kind in ("experiment", "machine"):
    schema = load(f"{kind}.schema.json")
    Draft202012Validator.check_schema(schema)
    validators[kind] = Draft202012Validator(schema)

for path in sorted(config.glob("*.json")):
    if path.name.endswith(".schema.json"):
        continue
    kind = "machine" if path.name.startswith("machine-") else "experiment"
    expect(True, path.name, validators[kind], load(path.name))


def broken(document, change):
    changed = copy.deepcopy(document)
    change(changed)
    return changed


job = load("k8s-app-upgrade.json")
for change in (
    lambda d: d.update(version=2),
    lambda d: d.update(stream=[]),
    lambda d: d["streams"][0].update(conections=80),
    lambda d: d["streams"][0].update(rate="400"),
    lambda d: d["windows"].update(late=500),
    lambda d: d["steps"][0].update(do="aply"),
    lambda d: d["expect"][0].pop("equals"),
):
    expect(False, "a broken experiment", validators["experiment"], broken(job, change))
rack = load("machine-rack.json")
for change in (
    lambda d: d.pop("allow"),
    lambda d: d["ports"][0].update(iface="eth0"),
    lambda d: d["cores"].update(workers=[1, 1]),
):
    expect(False, "a broken machine file", validators["machine"], broken(rack, change))
sys.exit(1 if failures else 0)
