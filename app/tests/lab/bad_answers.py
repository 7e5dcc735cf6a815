#!/usr/bin/env python3
"""Servers that answer HTTP and TLS wrongly, each in its way: an outcome with its reason, and nothing left.

usage: bad_answers.py SEAMLINE         the test; prints TAP
       bad_answers.py --serve ADDRESS  the servers, a port each

What is judged is the kind of each outcome, never a number of them or a time.
"""
import json
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

import tap
from veth import Veth

ADDRESS, PORT = "10.77.9.1", 8001
HEAD = b"HTTP/1.1 200 OK\r\n"
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def flood(connection, first, unit):
    connection.sendall(first)
    for _ in range(5000):
        connection.sendall(unit)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def cut(connection):
    connection.sendall(HEAD + b"Content-Length: 100\r\n\r\nhello")
    connection.shutdown(socket.SHUT_WR)


def says(answer):
    return lambda connection: connection.sendall(answer)


# Name, what the server does once a request has begun, outcome, its reason, and what goes over the stream.
HTTP, HTTPS = {}, {"protocol": "https", "tls": {"insecure": True, "serverName": "web.example"}}
ROWS = [
    ("other", says(b"SSH-2.0-x\r\n"), "bad-answer", "not-http", HTTP),
    ("smuggled", says(HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "bad-answer",
     "smuggled", HTTP),
    ("lengths", says(HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"), "bad-answer", "lengths-differ",
     HTTP),
    ("overflow", says(HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhi"), "bad-answer",
     "chunk-size", HTTP),
    ("flood", lambda c: flood(c, HEAD, b"A: b\r\n"), "bad-answer", "headers-many", HTTP),
    ("storm", lambda c: flood(c, b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "bad-answer", "interim", HTTP),
    ("endless", lambda c: flood(c, HEAD + b"\r\n", bytes(1000)), "bad-answer", "body-long",
     {"http": {"limitSize": 100000}}),
    ("early", says(HEAD + b"Content-Length: 0\r\n\r\n"), "bad-answer", "early",
     {"rate": "2/s", "http": {"method": "PUT", "bodySize": 30000000}}),
    ("hint", says(b"HTTP/1.1 103 Early Hints\r\n\r\n" + HEAD + b"Content-Length: 3\r\n\r\nabc"), "ok", None,
     {"keepAlive": False, "http": {"expectSha256": ABC}}),
    ("digest", says(b"HTTP/1.1 103 Early Hints\r\n\r\n" + HEAD + b"Content-Length: 3\r\n\r\nabd"), "bad-answer",
     "body-hash", {"http": {"expectSha256": ABC}}),
    ("after", says(HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nokMORE"), "ok", None, HTTP),
    ("cut", cut, "closed", None, HTTP),
    ("reset", reset, "reset", None, HTTP),
    ("plain", says(HEAD + b"Content-Length: 0\r\n\r\n"), "bad-answer", "tls-version", HTTPS),
    ("records", lambda c: flood(c, b"", b"\x16\x03\x03\x40\x00" + b"\x02" * 16384), "bad-answer", "tls-handshake",
     HTTPS),
]


def answer(connection, act):
    try:
        connection.settimeout(10)
        connection.recv(100)
        act(connection)
        if act is not reset:
            while connection.recv(65536):
                pass
    except OSError:
        pass
    finally:
        connection.close()


def listen(port, act):
    server = socket.create_server((sys.argv[2], port), backlog=200)
    print("ready", flush=True)
    while True:
        threading.Thread(target=answer, args=(server.accept()[0], act), daemon=True).start()


def serve():
    for i, row in enumerate(ROWS):
        threading.Thread(target=listen, args=(PORT + i, row[1]), daemon=True).start()
    time.sleep(120)


def experiment():
    streams = [{"protocol": "http", "rate": "10/s", "timeout": "20s", "connectTimeout": "20s", **more, "name": name,
                "target": {"address": ADDRESS, "port": PORT + i}} for i, (name, _, _, _, more) in enumerate(ROWS)]
    return {"version": 1, "name": "bad-answers", "streams": streams, "windows": {"late": "15s"},
            "steps": [{"do": "start"}, {"do": "wait", "for": "3s"}, {"do": "stop"}]}


def machine(veth):
    return {"version": 1, "name": "bad-answers",
            "ports": [{"name": "veth", "profile": "af_packet", "iface": veth.near, "clients": ["10.77.9.128/26"],
                       "onLink": ["10.77.9.0/24"]}],
            "cores": {"workers": [1], "control": 0}, "memory": {"hugepages": "no", "megabytes": 512},
            "allow": ["10.77.9.0/24"]}


def run(veth, folder):
    (folder / "m.json").write_text(json.dumps(machine(veth)))
    (folder / "e.json").write_text(json.dumps(experiment()))
    server = veth.start([sys.executable, "-B", __file__, "--serve", ADDRESS], stdout=subprocess.PIPE, text=True)
    try:
        for _ in ROWS:
            server.stdout.readline()
        return subprocess.run([pathlib.Path(sys.argv[1]).resolve(), "run", folder / "e.json", "-m", folder / "m.json",
                               "-o", folder / "out", "-q"], capture_output=True, text=True, timeout=120, check=False)
    finally:
        server.kill()
        server.wait()


def checks(done, folder):
    yield "the run ended", done.returncode == 0, done.stderr
    account = json.loads((folder / "out" / "run.json").read_text())
    streams = {s["name"]: s for s in account["streams"]}
    for name, _, outcome, reason, _ in ROWS:
        stream = streams[name]
        outcomes = {k: v for k, v in stream["outcomes"].items() if v and k not in ("unsent", "unfinished")}
        if outcome == "ok":
            outcomes = {"ok" if k in ("repaired", "late") else k: v for k, v in outcomes.items()}
        reasons = {} if reason is None else {reason: outcomes.get(outcome)}
        yield f"{name}: {reason or outcome}", set(outcomes) == {outcome} and stream["badAnswers"] == reasons, stream
    yield "nothing is left", account["tester"]["ports"][0]["mbufsMissing"] == 0 \
        and all(s["sumsHold"] for s in streams.values()), account["tester"]


def everything(folder):
    with Veth("slans", f"{ADDRESS}/24") as veth:
        yield from checks(run(veth, folder), folder)


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve()
    else:
        tap.run("answers", everything)
