#!/usr/bin/env python3
"""`seamline doctor` opens NIC ports as a run does, and says of each next hop whether it answers.

usage: doctor.py SEAMLINE

A veth pair, whose far end is a kernel's; prints TAP.
"""
import json
import subprocess
import sys

import tap
from veth import Veth

EXPERIMENT = {
    "version": 1, "name": "static",
    "streams": [{"name": "probe", "protocol": "connect", "rate": "10/s",
                 "target": {"address": "10.77.9.1", "port": 80}}],
    "steps": [{"do": "start"}, {"do": "wait", "id": "a", "for": "1s"}, {"do": "stop"}],
}


def machine(folder, name, port):
    """A machine file with one port, whose device is the near end unless PORT says otherwise."""
    path = folder / f"{name}.json"
    port = {"name": "north", "profile": "af_packet", "iface": "sldoc0", "clients": ["10.77.9.64/28"], **port}
    path.write_text(json.dumps({"version": 1, "name": name, "allow": ["10.77.9.0/24"], "ports": [port],
                                "cores": {"workers": [0]}, "memory": {"hugepages": "no", "megabytes": 128}}))
    return path


def everything(folder):
    seamline = sys.argv[1]

    def doctor(*words):
        done = subprocess.run([seamline, "doctor", *words, "-f", "json"], text=True, capture_output=True, timeout=60,
                              check=False)
        found = [each for each in json.loads(done.stdout or '{"findings": []}')["findings"] if each["part"] != "machine"]
        return done.returncode, {(each["name"], each["state"], each["text"]) for each in found}, found, done

    with Veth("sldoc", "10.77.9.1/24") as veth:
        mac = veth.run(["cat", f"/sys/class/net/{veth.far}/address"], text=True, capture_output=True).stdout.strip()
        good = machine(folder, "good", {"gateway": "10.77.9.1"})
        status, lines, found, done = doctor("-m", good)
        yield "a port that is well is ok", status == 0 and ("link", "ok", 'port "north": up') in lines, (found, done)
        yield "its driver is told", any(
            name == "driver" and state == "ok" and 'port "north": sldoc0 by profile af_packet' in text
            for name, state, text in lines), found
        yield "and how it sends, and why", {
            ("queues", "ok", 'port "north": one queue'),
            ("checksums", "ok", 'port "north": in software: profile af_packet leaves them to the worker'),
            ("pacing", "ok", 'port "north": by the worker, and not on time stamps: the device does not offer it'),
        } <= lines, found
        yield "a next hop that answers is ok", ("hop", "ok", f'10.77.9.1 answers on port "north": {mac}') in lines, found

        status, lines, found, done = doctor("-m", machine(folder, "silent", {"nextHops": ["10.77.9.1", "10.77.9.2"]}))
        yield "one that is silent fails, and not the other", (status, lines & {
            ("hop", "ok", f'10.77.9.1 answers on port "north": {mac}'),
            ("hop", "fail", '10.77.9.2 does not answer to ARP on port "north", VLAN 0 (0: none)')} != set(),
            len([1 for each in found if each["state"] == "fail"])) == (3, True, 1), (found, done)
        yield "it says where to look", any("nextHops" in each.get("mend", "") for each in found), found

        experiment = folder / "experiment.json"
        experiment.write_text(json.dumps(EXPERIMENT))
        status, lines, found, done = doctor(experiment, "-m", machine(folder, "link", {"onLink": ["10.77.9.0/24"]}))
        yield "an experiment's targets are asked for", status == 0 and {
            ("target", "ok", 'streams.probe on port "north": connect://10.77.9.1:80'),
            ("hop", "ok", f'10.77.9.1 answers on port "north": {mac}')} <= lines, (found, done)

        status, lines, found, done = doctor("-m", machine(folder, "none", {"iface": "sldoc9"}))
        yield "a device that is not there fails, with what to do", status == 3 and any(
            name == "driver" and state == "fail" and 'no network interface "sldoc9" here; there are:' in text
            for name, state, text in lines) and any(each.get("mend") for each in found), (found, done)

        subprocess.run(["ip", "link", "set", veth.near, "down"], check=True)
        status, lines, found, done = doctor("-m", good)
        yield "a link that is down fails", status == 3 and ("link", "fail", 'port "north": down') in lines, (found, done)

    status, lines, found, done = doctor("-m", folder / "no-such.json")
    yield "a file that cannot be read is bad usage", status == 2 and "no-such.json" in done.stderr, done


tap.run("doctor", everything)
