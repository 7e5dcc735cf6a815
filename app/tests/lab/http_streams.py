#!/usr/bin/env python3
"""HTTP streams of each mode against a server that the project did not write, killed in mid-run.

usage: http_streams.py SEAMLINE

Every request is accounted for, bodies of some MB come whole, and what the server's death does to
each kind of stream is what it should be. Prints TAP.
"""
import base64
import json
import pathlib
import re
import subprocess
import sys
import time
import zlib

import tap

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
SERVER = pathlib.Path(__file__).parent / "http_server.py"
NETNS, OURS, THEIRS = "slhttp", "slhttp0", "slhttp1"
ADDRESS, PORT = "10.77.0.1", 8080

MACHINE = {
    "version": 1, "name": "http",
    "ports": [{"name": "veth", "profile": "af_packet", "iface": OURS,
               "clients": ["10.77.0.128/26"], "onLink": ["10.77.0.0/24"]}],
    "cores": {"workers": [1], "control": 0},
    "memory": {"hugepages": "no", "megabytes": 512},
    "allow": ["10.77.0.0/24"],
}

EXPERIMENT = {
    "version": 1, "name": "http",
    "target": {"address": ADDRESS, "port": PORT},
    "streams": [
        {"name": "pool", "protocol": "http", "rate": "100/s"},
        {"name": "each", "protocol": "http", "rate": "50/s", "keepAlive": False},
        {"name": "held", "protocol": "http", "mode": "held", "connections": 4, "rate": "40/s"},
        {"name": "loop", "protocol": "http", "mode": "closed", "connections": 2, "thinkTime": "20ms"},
        {"name": "big", "protocol": "http", "mode": "closed", "thinkTime": "100ms", "timeout": "5s",
         "http": {"path": "/size/3000000", "expectSize": 3000000}},
        {"name": "post", "protocol": "http", "rate": "5/s", "timeout": "5s",
         "http": {"method": "POST", "path": "/", "bodySize": 1000000, "expectText": "1000000"}},
        {"name": "status", "protocol": "http", "rate": "20/s", "http": {"path": "/status/503"}},
        {"name": "wanted", "protocol": "http", "rate": "20/s",
         "http": {"path": "/status/404", "expectStatus": ["404"]}},
        {"name": "short", "protocol": "http", "rate": "5/s",
         "http": {"path": "/size/99", "expectSize": 100}},
    ],
    "steps": [{"do": "start"}, {"do": "wait", "for": "5s"}, {"do": "stop"}],
}


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=10)


def network():
    ip("netns", "add", NETNS)
    ip("link", "add", OURS, "type", "veth", "peer", "name", THEIRS, "netns", NETNS)
    ip("link", "set", OURS, "up")
    ip("-n", NETNS, "addr", "add", f"{ADDRESS}/24", "dev", THEIRS)
    ip("-n", NETNS, "link", "set", THEIRS, "up")
    for command in (["ethtool", "-K", OURS, "tx", "off"], ["ip", "netns", "exec", NETNS, "ethtool",
                                                         "-K", THEIRS, "tx", "off", "tso", "off",
                                                         "gso", "off"]):
        subprocess.run(command, capture_output=True, timeout=10)


def remove_network():
    for command in (["ip", "link", "del", OURS], ["ip", "netns", "del", NETNS]):
        subprocess.run(command, capture_output=True, timeout=10)


def serve(port=PORT):
    return subprocess.Popen(["ip", "netns", "exec", NETNS, sys.executable, SERVER, ADDRESS, str(port)],
                            stderr=subprocess.DEVNULL)


def run(folder):
    (folder / "machine.json").write_text(json.dumps(MACHINE))
    (folder / "http.json").write_text(json.dumps(EXPERIMENT))
    server = serve()
    try:
        time.sleep(1)
        process = subprocess.Popen(
            [SEAMLINE, "run", folder / "http.json", "-m", folder / "machine.json", "-o", folder / "out"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        first = ""
        for line in process.stderr:
            first += line
            if re.search(r"connections [1-9]", line):
                break
        time.sleep(2)
        server.kill()
        server.wait()
        time.sleep(1)
        server = serve()
        _, errors = process.communicate(timeout=60)
        if not (folder / "out" / "run.json").exists():
            raise OSError(f"exit status {process.returncode}: {first}{errors}")
        time.sleep(1)
        return process.returncode, errors, json.loads((folder / "out" / "run.json").read_text()), \
            (folder / "out" / "latency.hlog").read_text(), commands(folder)
    finally:
        server.kill()
        server.wait()


def traffic(folder, name, *arguments):
    """The streams of one `seamline traffic`."""
    done = subprocess.run([SEAMLINE, "traffic", "-m", folder / "machine.json", "-o", folder / name, "-q",
                           *arguments], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise ValueError(done.stderr)
    return json.loads((folder / name / "run.json").read_text())["streams"]


ROW = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6},(0\.\d{6}|-0\.01)")


def check_rows(folder, name):
    """How many rows of check.csv say good, and how many not."""
    rows = (folder / name / "check.csv").read_text().splitlines()
    assert all(ROW.fullmatch(row) for row in rows) and rows == sorted(rows), rows[:5]
    bad = sum(row.endswith(",-0.01") for row in rows)
    return len(rows) - bad, bad


def commands(folder):
    """As a downtime checker by name; and targets of which files tell: at two addresses in turn at a law,
    and thousands at one in a closed loop."""
    (folder / "body").write_text("five.")
    (folder / "targets").write_text(f"# Three.\nGET http://{ADDRESS}:{PORT}/status/201\nX-A: b\n\n"
                                    f"POST http://{ADDRESS}:{PORT + 1}/\n@{folder}/body\n"
                                    f"GET http://{ADDRESS}:{PORT}/status/202\n")
    (folder / "thousands").write_text("".join(f"GET http://{ADDRESS}:{PORT}/status/{200 + i % 3}/{i}\n"
                                         for i in range(3000)))
    checker = traffic(folder, "checker", f"http://web.example:{PORT}/status/404", "--closed",
                      "--no-keepalive", "--expect", "404", "--duration", "1s", "--timeout", "2s",
                      "--resolve", f"web.example:{PORT}:{ADDRESS}")
    second = serve(PORT + 1)
    try:
        time.sleep(1)
        targets = traffic(folder, "turns", "--targets", folder / "targets", "--duration", "1500ms",
                          "--rate", "steps:101*1s,0*1s", "--timeout", "400ms",
                          "--set", 'streams.target-2.http.expectText="5"')
    finally:
        second.kill()
        second.wait()
    many = traffic(folder, "many", "--targets", folder / "thousands", "--closed", "-c", "4", "-d", "1500ms")
    other = traffic(folder, "other", f"http://{ADDRESS}:{PORT}/status/503", "--closed", "--expect", "200",
                    "--duration", "500ms")
    traffic(folder, "nobody", f"http://{ADDRESS}:9/", "--closed", "--expect", "200", "--duration", "1s")
    return checker, targets, [check_rows(folder, name) for name in ("checker", "other", "nobody")], other, many


def zigzag(data):
    """The numbers of an HdrHistogram payload: LEB128 of at most nine bytes, the ninth of eight bits."""
    at = 0
    while at < len(data):
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            last = shift == 56
            value |= (byte if last else byte & 0x7f) << shift
            shift += 7
            if last or byte < 0x80:
                break
        yield value >> 1 ^ -(value & 1)


def totals(log):
    """How many values each tag of an HdrHistogram log has."""
    sums = {}
    for line in log.splitlines():
        if not line.startswith("Tag="):
            continue
        tag, _, _, _, coded = line[4:].split(",")
        coded = base64.b64decode(coded)
        assert coded[:4] == bytes.fromhex("1c849314") and len(coded) == 8 + int.from_bytes(coded[4:8], "big")
        plain = zlib.decompress(coded[8:])
        assert plain[:4] == bytes.fromhex("1c849313")
        sums[tag] = sums.get(tag, 0) + sum(n for n in zigzag(plain[40:]) if n > 0)
    return sums


def checks(status, errors, account, log, typed):
    streams = {s["name"]: s for s in account["streams"]}
    out = {name: {k: v for k, v in s["outcomes"].items() if v} for name, s in streams.items()}
    good = {name: sum(o.get(k, 0) for k in ("ok", "late", "repaired")) for name, o in out.items()}
    yield "the run ended", status == 0, errors
    yield "every request has an outcome", all(
        s["due"] == sum(s["outcomes"].values()) and s["sumsHold"] for s in streams.values()), out
    yield "the open ones asked as the rate says", all(
        abs(streams[name]["due"] - rate * 5) <= rate * 0.1 + 1
        for name, rate in (("pool", 100), ("each", 50), ("post", 5), ("status", 20))), out
    yield "most are answered", all(
        good[name] >= streams[name]["due"] * 0.5 for name in ("pool", "each", "held", "wanted")), out
    yield "closed loops went on after the server was back", good["loop"] > 100, out
    yield "bodies of 3 MB came whole", good["big"] >= 5 and "bad-answer" not in out["big"], out["big"]
    yield "bodies of 1 MB arrived", good["post"] >= 8 and "bad-answer" not in out["post"], out["post"]
    yield "503 is a bad status", good["status"] == 0 and out["status"].get("bad-status", 0) > 40, out
    yield "its status is counted", streams["status"]["statuses"].get("503", 0) \
        == out["status"]["bad-status"], streams["status"]["statuses"]
    yield "404 is good where it is expected", good["wanted"] > 40, out["wanted"]
    yield "another length is a bad answer, its reason named", \
        out["short"].get("bad-answer", 0) > 10 and good["short"] == 0 \
        and streams["short"]["badAnswers"].get("body-length") == out["short"]["bad-answer"], \
        (out["short"], streams["short"].get("badAnswers"))
    yield "the death shows: refused where each has its connection", \
        out["each"].get("refused", 0) > 20, out["each"]
    yield "held connections broke", streams["held"]["connections"]["broken"] >= 4, streams["held"]
    yield "the server is named", any(p["name"] == "server-1" for p in account["pods"]), account["pods"]
    counted = totals(log)
    yield "latency.hlog has each good request once", all(
        counted.get(f"{name}/{kind}", 0) == n for name, n in good.items()
        for kind in ("from-due", "from-sent", "first-byte")), (counted, good)
    yield "and each connection", all(
        counted.get(f"{name}/connect", 0) == s["connections"]["established"]
        for name, s in streams.items()), (counted, [s["connections"] for s in streams.values()])
    (checker,), targets, (rows, bad_rows, nobody), (other,), (many,) = typed
    yield "the command line's closed loop asks one after another", checker["outcomes"]["ok"] > 20 \
        and checker["outcomes"]["ok"] + checker["outcomes"]["unfinished"] == checker["due"] \
        and checker["connections"]["established"] >= checker["outcomes"]["ok"], checker
    yield "check.csv has a row for each, good ones with their time", \
        rows == (sum(checker["outcomes"][k] for k in ("ok", "late", "repaired")), 0), (rows, checker)
    yield "and -0.01 for another status", bad_rows == (0, other["outcomes"]["bad-status"]) \
        and bad_rows[1] > 20, (bad_rows, other)
    yield "and for each refusal, not further and further apart", nobody[0] == 0 and 10 < nobody[1] < 102, nobody
    counted = [{int(k): v for k, v in s["statuses"].items()} for s in targets]
    yield "targets of a file share the law, at each address as the file has them", \
        [s["due"] for s in targets] == [67, 34] and sum(counted[1].values()) == counted[1][200] > 20 \
        and counted[0].keys() == {201, 202} and abs(counted[0][201] - counted[0][202]) <= 2, targets
    counted = many["statuses"]
    yield "thousands of targets at one address come in turn", counted.keys() == {"200", "201", "202"} \
        and sum(counted.values()) > 100 and max(counted.values()) - min(counted.values()) <= 5, many
    yield "nothing is left", account["tester"]["ports"][0]["mbufsMissing"] == 0, account["tester"]


def everything(folder):
    try:
        remove_network()
        network()
        yield from checks(*run(folder))
    finally:
        remove_network()


tap.run("http", everything)
