#!/usr/bin/env python3
"""HTTP bodies of any size, by `seamline traffic` against a server that the project did not write.

usage: http_bodies.py SEAMLINE MEGABYTES SECONDS

Uploads from a file and downloads, in one piece and in chunks, with packets lost on the way: the server
tells length and SHA-256 of what it got, and ours are held against those of what it sends. SECONDS is
how long each may take. Prints TAP.
"""
import hashlib
import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tap  # noqa: E402
from http_server import made  # noqa: E402

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
SERVER = pathlib.Path(__file__).parent / "http_server.py"
SIZE, SECONDS = int(sys.argv[2]) * 1000000, sys.argv[3]
NETNS, OURS, THEIRS = "slbody", "slbody0", "slbody1"
ADDRESS, PORT = "10.78.0.1", 8080
URL = f"http://{ADDRESS}:{PORT}"
MACHINE = {
    "version": 1, "name": "bodies",
    "ports": [{"name": "veth", "profile": "af_packet", "iface": OURS,
               "clients": ["10.78.0.128/26"], "onLink": ["10.78.0.0/24"]}],
    "cores": {"workers": [1], "control": 0},
    "memory": {"hugepages": "no", "megabytes": 512}, "allow": [],
}


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=10)


def network():
    ip("netns", "add", NETNS)
    ip("link", "add", OURS, "type", "veth", "peer", "name", THEIRS, "netns", NETNS)
    ip("link", "set", OURS, "up")
    ip("-n", NETNS, "addr", "add", f"{ADDRESS}/24", "dev", THEIRS)
    ip("-n", NETNS, "link", "set", THEIRS, "up")
    for command in (["ethtool", "-K", OURS, "tx", "off"], ["ip", "netns", "exec", NETNS, "ethtool", "-K",
                                                         THEIRS, "tx", "off", "tso", "off", "gso", "off"]):
        subprocess.run(command, capture_output=True, timeout=10)


def remove_network():
    for command in (["ip", "link", "del", OURS], ["ip", "netns", "del", NETNS]):
        subprocess.run(command, capture_output=True, timeout=10)


def traffic(folder, name, url, *arguments):
    done = subprocess.run([SEAMLINE, "traffic", url, "-m", folder / "machine.json", "-o", folder / name, "-q",
                           "--closed", "--timeout", SECONDS + "s", "--duration", SECONDS + "s", *arguments],
                          capture_output=True, text=True, timeout=60 + 2 * int(SECONDS), check=False)
    if done.returncode != 0:
        raise ValueError(done.stderr)
    account = json.loads((folder / name / "run.json").read_text())
    stream = account["streams"][0]
    outcomes = {k: v for k, v in stream["outcomes"].items() if v}
    good = sum(outcomes.get(k, 0) for k in ("ok", "late", "repaired"))
    return good, sum(outcomes.values()) - good - outcomes.get("unfinished", 0), stream


def checks(folder):
    digest = hashlib.sha256()
    with open(folder / "body", "wb") as file:
        for part in made(SIZE):
            digest.update(part)
            file.write(part)
    right = digest.hexdigest()
    put = ("--method", "PUT", "--body", f"@{folder}/body", "--expect-text", f"{SIZE} {right}")
    good, bad, why = traffic(folder, "up", f"{URL}/up", *put)
    yield "a file goes up whole", good > 0 and bad == 0, why
    good, bad, why = traffic(folder, "chunks", f"{URL}/up", *put, "--set",
                             "streams.traffic.http.chunkSize=99999", "--set",
                             "streams.traffic.http.expectContinue=true", "--set",
                             'impair={"send":{"dropPpm":500,"reorderPpm":500}}')
    yield "and in chunks, after 100 Continue, on a network that loses and reorders", good > 0 and bad == 0, why
    yield "where segments were sent again", why["retransmits"] > 0, why["retransmits"]
    good, bad, why = traffic(folder, "down", f"{URL}/made/{SIZE}", "--expect-size", str(SIZE),
                             "--expect-sha256", right)
    yield "a body comes down whole, by length and digest", good > 0 and bad == 0, why
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    good, bad, why = traffic(folder, "wrong", f"{URL}/made/{SIZE}", "--expect-sha256", wrong)
    yield "another digest is a bad answer", good == 0 and bad > 0 and why["badAnswers"] == {"body-hash": bad}, why
    good, bad, why = traffic(folder, "limit", f"{URL}/made/{SIZE}", "--duration", "1s", "--set",
                             "streams.traffic.http.limitSize=1000000")
    yield "and so is a longer body than the limit", good == 0 and why["badAnswers"] == {"body-long": bad}, why


def everything(folder):
    (folder / "machine.json").write_text(json.dumps(MACHINE))
    server = None
    try:
        remove_network()
        network()
        server = subprocess.Popen(["ip", "netns", "exec", NETNS, sys.executable, SERVER, ADDRESS, str(PORT)],
                                  stderr=subprocess.DEVNULL)
        time.sleep(1)
        yield from checks(folder)
    finally:
        if server is not None:
            server.kill()
            server.wait()
        remove_network()


tap.run("bodies", everything)
