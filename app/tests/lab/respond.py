#!/usr/bin/env python3
"""`seamline respond` against the kernel's own clients: curl, and sockets, over a veth pair.

usage: respond.py SEAMLINE

Also bad usage, and what is printed at the end. Prints TAP.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from turn import turn  # noqa: E402

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
NETNS = f"slresp{os.getpid()}"
IFACE, PEER = f"slra{os.getpid() % 10000}", f"slrb{os.getpid() % 10000}"
BODY = 1000000
MACHINE = {
    "version": 1, "name": "responder",
    "ports": [{"name": "p0", "profile": "af_packet", "iface": IFACE,
               "clients": ["10.91.0.64/26", "fd00:91::4:0/112"],
               "gateway": ["10.91.0.1", "fd00:91::1"]}],
    "cores": {"workers": [1], "control": 0}, "memory": {"hugepages": "no", "megabytes": 256},
    "allow": [],
}


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def inside(*command, **more):
    return subprocess.run(["ip", "netns", "exec", NETNS, *command], check=True, timeout=60,
                          capture_output=True, text=True, **more)


def wire():
    """The kernel's clients are in a namespace of their own."""
    ip("netns", "add", NETNS)
    ip("link", "add", IFACE, "type", "veth", "peer", "name", PEER, "netns", NETNS)
    subprocess.run(["sysctl", "-qw", f"net.ipv6.conf.{IFACE}.disable_ipv6=1"], check=True)
    for side in (["ethtool", "-K", IFACE], ["ip", "netns", "exec", NETNS, "ethtool", "-K", PEER]):
        subprocess.run([*side, "tx", "off", "tso", "off", "gso", "off", "gro", "off"], check=True,
                       capture_output=True)
    ip("link", "set", IFACE, "up")
    ip("-n", NETNS, "link", "set", PEER, "up")
    ip("-n", NETNS, "address", "add", "10.91.0.1/24", "dev", PEER)
    ip("-n", NETNS, "address", "add", "fd00:91::1/64", "dev", PEER, "nodad")


def unwire():
    subprocess.run(["ip", "netns", "delete", NETNS], check=False)
    subprocess.run(["ip", "link", "delete", IFACE], check=False, capture_output=True)


def respond(folder, *arguments):
    process = subprocess.Popen([SEAMLINE, "respond", "-m", folder / "machine.json", *arguments],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = ""
    for line in process.stderr:
        said += line
        if " on port " in line and "(p0)" in line:
            break
    assert "(p0)" in said, said
    return process


def curl(*arguments):
    return inside("curl", "-s", "-m", "30", *arguments).stdout


SOCKETS = """
import socket, sys
big = bytes(i * 7 % 256 for i in range(300000))
s = socket.create_connection(("10.91.0.70", 5003), timeout=20)
s.sendall(bytes(64) + big[64:])
got = b""
while len(got) < len(big):
    got += s.recv(65536) or sys.exit("closed")
assert got[:5] == b"pod-1" and got[5:64] == bytes(59) and got[64:] == big[64:], got[:80]
s.close()
s = socket.create_connection(("fd00:91::4:7", 5001), timeout=20)
assert s.recv(100) == b"pod-1"
s.close()
for port, sent, wanted in (5003, b"0123456789", b"pod-156789"), (5001, b"Hello", b"pod-1"), \\
        (7, b"abcdefg", b"pod-1fg"):
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.settimeout(20)
    u.sendto(sent, ("10.91.0.71", port))
    answer, sender = u.recvfrom(100)
    assert answer == wanted and sender == ("10.91.0.71", port), (answer, sender)
"""


IDLE = """
import socket, time
quiet, slow = (socket.create_connection(("10.91.0.70", 80), timeout=20) for _ in range(2))
try:
    for byte in b"GET / HTTP/1.1":
        slow.sendall(bytes([byte]))
        time.sleep(0.2)
except OSError:
    pass
print(*("closed" if s.recv(10) == b"" else "open" for s in (quiet, slow)))
"""


def of_bodies(folder):
    """HTTP as curl speaks it: kept alive, HEAD, 1.0, both families, 100 Continue, bad requests."""
    upload = folder / "upload"
    upload.write_bytes(os.urandom(3000000))
    process = respond(folder, "--http", "--ctraffic", "--mconnect", "--udp=7", "--name", "pod-1",
                      "--body", str(BODY), "--header", "X-A: b")
    told = "%{http_code} %{size_download} %{num_connects}\\n"
    one, two = folder / "one", folder / "two"
    out = curl("-o", one, "http://10.91.0.65/", "-o", two, "http://10.91.0.65/x?y", "-w", told)
    yield "two downloads on one connection", out == f"200 {BODY} 1\n200 {BODY} 0\n", out
    yield "the body is the same each time", one.read_bytes() == two.read_bytes() \
        and len(set(one.read_bytes())) > 200, one
    out = curl("-I", "http://[fd00:91::4:9]/")
    yield "a HEAD over IPv6", "200 OK" in out and f"Content-Length: {BODY}" in out \
        and "X-A: b" in out, out
    out = curl("-0", "-o", os.devnull, "-w", told, "http://10.91.0.66/")
    yield "HTTP/1.0", out.startswith(f"200 {BODY}"), out
    out = inside("curl", "-sv", "-m", "30", "-T", upload, "-H", "Expect: 100-continue", "-o",
                 os.devnull, "http://10.91.0.66/").stderr
    yield "an upload that waits for 100 Continue", "100 Continue" in out and "200 OK" in out, out
    out = curl("-o", os.devnull, "-w", "%{http_code}", "-H", "Host;", "-H", "Host: a b",
               "-H", "Content-Length: 5", "-H", "Transfer-Encoding: chunked", "-d", "hello",
               "http://10.91.0.66/")
    yield "a smuggled length gets a 400", out == "400", out
    closed = subprocess.run(["ip", "netns", "exec", NETNS, "curl", "-s", "-m", "30", "http://10.91.0.65:81/"],
                            capture_output=True, timeout=60, check=False).returncode
    yield "a closed port refuses", closed == 7, closed
    inside(sys.executable, "-c", SOCKETS)
    yield "echoes and names", True, ""
    process.send_signal(signal.SIGTERM)
    account, errors = process.communicate(timeout=30)
    yield "it ends in order", process.returncode == 0, errors
    for line in "5  HTTP requests answered", "1  connections closed because what came was no HTTP", \
            "300000  ctraffic bytes sent back", "3  datagrams answered", \
            "TCP dropped 1: no connection has this tuple; answered by a reset\n":
        yield f"it counts: {line}", line in account, account


def of_chunks(folder):
    process = respond(folder, "--http=8080", "--body", "100000", "--chunk", "999", "--status", "404",
                      "-d", "60s")
    out = curl("-o", os.devnull, "-D", "-", "-w", "%{size_download}", "http://10.91.0.65:8080/")
    yield "chunks, another port and status", "404" in out and "chunked" in out \
        and out.endswith("100000"), out
    process.send_signal(signal.SIGINT)
    yield "SIGINT ends it too", process.wait(timeout=30) == 0, process.stderr.read()


def of_tls(folder):
    """Both versions, resumption, and what is no TLS; by curl and by openssl's client."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=web", "-addext",
                    "subjectAltName=IP:10.91.0.65", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    process = respond(folder, "--https", "--cert", certificate, "--key", key, "--body", str(BODY),
                      "--name", "pod-1")
    one, two = folder / "one", folder / "two"
    told = "%{http_code} %{size_download} %{num_connects}\\n"
    for version in "1.2", "1.3":
        out = curl("--cacert", certificate, f"--tlsv{version}", "--tls-max", version,
                   "-o", one, "https://10.91.0.65/", "-o", two, "https://10.91.0.65/x", "-w", told)
        yield f"two downloads by TLS {version}", out == f"200 {BODY} 1\n200 {BODY} 0\n", out
        yield "whose body is that of HTTP", one.read_bytes() == two.read_bytes() \
            and len(one.read_bytes()) == BODY and len(set(one.read_bytes())) > 200, one
        session = folder / f"session{version}"
        ask = ["openssl", "s_client", "-connect", "10.91.0.65:443",
               "-tls" + version.replace(".", "_"), "-CAfile", certificate]
        request = "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        first = inside(*ask, "-sess_out", session, "-ign_eof", input=request).stdout
        again = inside(*ask, "-sess_in", session, "-ign_eof", input=request).stdout
        yield "a session is resumed", "New, TLS" in first and "Reused, TLS" in again \
            and "200 OK" in again, again
    out = curl("-k", "-o", os.devnull, "-D", "-", "-H", "Connection: close", "https://10.91.0.66/")
    yield "Connection: close", "200 OK" in out and "Connection: close" in out, out
    done = subprocess.run(["ip", "netns", "exec", NETNS, "curl", "-s", "-m", "30",
                           "http://10.91.0.65:443/"], capture_output=True, text=True, check=False)
    yield "HTTP on the port of HTTPS fails", done.returncode != 0, done
    process.send_signal(signal.SIGTERM)
    account, errors = process.communicate(timeout=30)
    yield "it ends in order", process.returncode == 0, errors
    yield "what was no TLS is counted", "1  connections closed because TLS failed" in account, account


def of_a_late_peer(folder):
    """The responder may be there first: a next hop that comes later is found."""
    late = json.loads(json.dumps(MACHINE))
    late["ports"][0]["gateway"] = "10.91.0.9"
    (folder / "late.json").write_text(json.dumps(late))
    process = respond(folder, "--http", "-m", folder / "late.json", "--body", "9")
    ip("-n", NETNS, "address", "add", "10.91.0.9/24", "dev", PEER)
    out = curl("--interface", "10.91.0.9", "-o", os.devnull, "-w", "%{http_code}",
               "http://10.91.0.69/")
    yield "a next hop that came later is answered", out == "200", out
    process.send_signal(signal.SIGTERM)
    yield "it ends in order", process.wait(timeout=30) == 0, process.stderr.read()


def of_idle(folder):
    """Whoever asks nothing, or never ends its head, is let go."""
    process = respond(folder, "--http", "--idle-timeout", "1s")
    out = inside(sys.executable, "-c", IDLE).stdout
    yield "idle connections are closed, slow heads too", out == "closed closed\n", out
    process.send_signal(signal.SIGTERM)
    account, errors = process.communicate(timeout=30)
    yield "it ends in order", process.returncode == 0, errors
    yield "what was idle is counted", "2  connections closed: nothing happened on them" in account, account


def of_usage(folder):
    rows = [
        ([], "machine file"), (["-m", "none.json", "--http"], "none.json"),
        (["-m", folder / "machine.json"], "nothing to answer"),
        (["-m", folder / "machine.json", "--http=0"], "--http"),
        (["-m", folder / "machine.json", "--http=65536"], "--http"),
        (["-m", folder / "machine.json", "--http", "--http"], "port 80"),
        (["-m", folder / "machine.json", "--http", "--status", "99"], "status"),
        (["-m", folder / "machine.json", "--http", "--header", "no colon"], "colon"),
        (["-m", folder / "machine.json", "--http", "--header", "Content-Length: 5"], "leave it out"),
        (["-m", folder / "machine.json", "--http", "--body", "much"], "--body"),
        (["-m", folder / "machine.json", "--https"], "certificate"),
        (["-m", folder / "machine.json", "--http", "--idle-timeout", "long"], "--idle-timeout"),
        (["-m", folder / "machine.json", "--http", "operand"], "operand"),
        (["-m", folder / "nowhere.json", "--http"], "gateway"),
    ]
    for arguments, words in rows:
        done = subprocess.run([SEAMLINE, "respond", *arguments], capture_output=True, text=True,
                              timeout=60)
        yield f"bad usage names {words}", done.returncode == 2 and words in done.stderr, \
            (done.returncode, done.stderr)


def main():
    failed = number = 0
    folder = pathlib.Path(tempfile.mkdtemp(prefix="seamline-respond-"))
    (folder / "machine.json").write_text(json.dumps(MACHINE))
    nowhere = json.loads(json.dumps(MACHINE))
    del nowhere["ports"][0]["gateway"]
    (folder / "nowhere.json").write_text(json.dumps(nowhere))
    try:
        wire()
        for checks in of_bodies, of_chunks, of_tls, of_a_late_peer, of_idle, of_usage:
            for name, holds, detail in checks(folder):
                number += 1
                failed += not holds
                print(f"{'ok' if holds else 'not ok'} {number} - {name}", flush=True)
                if not holds:
                    print("# " + str(detail).replace("\n", "\n# "), flush=True)
    finally:
        unwire()
        shutil.rmtree(folder)
    print(f"1..{number}")
    sys.exit(failed > 0)


with turn():
    main()
