#!/usr/bin/env python3
"""HTTP streams against nginx: how it frames bodies and ends connections, methods, statuses.

usage: nginx_streams.py SEAMLINE

Every request of each stream is good but where the server must close. Prints TAP.
"""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tap  # noqa: E402
from nginx import Nginx  # noqa: E402
from veth import Veth  # noqa: E402

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
ADDRESS, PORT = "10.77.3.1", 8080
SMALL = b"A page.\n" * 500
BIG_BYTES = 10 << 20

# Name, what goes over the rest, what is asked and expected.
STREAMS = [
    ("kept", {}, {"path": "/small", "expectSize": len(SMALL), "expectText": "A page."}),
    ("each", {"keepAlive": False}, {"path": "/small", "expectSize": len(SMALL)}),
    ("pipelined", {"pipelining": 4, "thinkTime": None}, {"path": "/small", "expectSize": len(SMALL)}),
    ("closing", {}, {"path": "/closing/small", "expectSize": len(SMALL)}),
    ("chunked", {}, {"path": "/chunked/small", "expectSize": len(SMALL), "expectText": "A page."}),
    ("to-close", {}, {"path": "/to-close/small", "expectSize": len(SMALL)}),
    ("gzip", {}, {"path": "/gzip/small", "headers": ["Accept-Encoding: gzip"]}),
    ("head", {}, {"path": "/small", "method": "HEAD"}),
    ("missing", {}, {"path": "/missing", "expectStatus": ["404"], "expectText": "404 Not Found"}),
    ("same", {}, {"path": "/same", "expectStatus": ["304"], "expectSize": 0}),
    ("refused", {}, {"path": "/small", "method": "POST", "body": "five.", "expectStatus": ["405"]}),
    ("upload", {}, {"path": "/upload", "method": "PUT", "bodySize": 1 << 20, "expectStatus": ["204"]}),
    ("waits", {}, {"path": "/upload", "method": "PUT", "bodySize": 5000, "expectContinue": True,
                   "expectStatus": ["204"]}),
    ("big", {"connections": 1}, {"path": "/big", "expectSize": BIG_BYTES}),
    ("big-chunked", {"connections": 1}, {"path": "/chunked/big", "expectSize": BIG_BYTES}),
]


def experiment():
    streams = [{"name": name, "protocol": "http", "mode": "closed", "connections": 2, "thinkTime": "50ms",
                "timeout": "10s", **more, "http": http} for name, more, http in STREAMS]
    streams = [{k: v for k, v in stream.items() if v is not None} for stream in streams]
    return {"version": 1, "name": "nginx", "target": {"address": ADDRESS, "port": PORT}, "streams": streams,
            "steps": [{"do": "start"}, {"do": "wait", "for": "4s"}, {"do": "stop"}]}


def machine(veth):
    return {"version": 1, "name": "nginx",
            "ports": [{"name": "veth", "profile": "af_packet", "iface": veth.near,
                       "clients": ["10.77.3.128/26"], "onLink": ["10.77.3.0/24"]}],
            "cores": {"workers": [1], "control": 0}, "memory": {"hugepages": "no", "megabytes": 512},
            "allow": ["10.77.3.0/24"]}


def run(veth, folder):
    (folder / "machine.json").write_text(json.dumps(machine(veth)))
    (folder / "nginx.json").write_text(json.dumps(experiment()))
    server = Nginx(veth, folder / "nginx", f"listen {ADDRESS}:{PORT};")
    server.file("small", SMALL)
    # Bytes in which nginx cannot find a command of server side includes, which it would carry out.
    server.file("big", os.urandom(BIG_BYTES).replace(b"<", b"."))
    with server:
        done = subprocess.run([SEAMLINE, "run", folder / "nginx.json", "-m", folder / "machine.json", "-o",
                               folder / "out"], capture_output=True, text=True, timeout=120, check=False)
    if not (folder / "out" / "run.json").exists():
        raise OSError(f"exit status {done.returncode}: {done.stderr}")
    return done, json.loads((folder / "out" / "run.json").read_text())


def checks(done, account):
    streams = {s["name"]: s for s in account["streams"]}
    yield "the run ended", done.returncode == 0, done.stderr
    for name, _, _ in STREAMS:
        stream = streams[name]
        outcomes = {k: v for k, v in stream["outcomes"].items() if v}
        good = sum(outcomes.pop(k, 0) for k in ("ok", "late", "repaired"))
        outcomes.pop("unfinished", None)
        yield f"{name}: all are good", good >= 3 and not outcomes, stream
        yield f"{name}: each has its outcome", stream["sumsHold"], stream
    up = {name: s["connections"]["established"] for name, s in streams.items()}
    good = {name: s["outcomes"]["ok"] + s["outcomes"]["late"] + s["outcomes"]["repaired"]
            for name, s in streams.items()}
    yield "those that are kept need no other connections", all(
        up[name] == 2 for name in ("kept", "pipelined", "chunked", "gzip", "head", "missing", "same",
                                   "refused", "upload", "waits")) and up["big"] == 1, up
    yield "those that the server closes do", all(
        good[name] <= up[name] <= good[name] + 2 for name in ("each", "closing", "to-close")), (up, good)
    yield "no connection is broken by that", all(
        streams[name]["connections"]["broken"] == 0 for name in streams), \
        {name: s["connections"] for name, s in streams.items()}
    yield "nothing is left", account["tester"]["ports"][0]["mbufsMissing"] == 0, account["tester"]


def everything(folder):
    with Veth("slnginx", f"{ADDRESS}/24") as veth:
        yield from checks(*run(veth, folder))


tap.run("nginx", everything)
