#!/usr/bin/env python3
"""HTTP over TLS against nginx, against `seamline respond`, and over a network that loses packets.

usage: https_streams.py SEAMLINE

Both versions, sessions, client certificates, certificates that do not fit; what is lost on the way is sent
again byte for byte, or TLS would notice. Prints TAP.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tap  # noqa: E402
from nginx import Nginx  # noqa: E402
from turn import turn  # noqa: E402
from veth import Veth  # noqa: E402

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
ADDRESS, PORT = "10.77.4.1", 8443
OURS = "10.77.4.70"  # Of `seamline respond`.
SMALL = b"A page.\n" * 500
BIG_BYTES = 3 << 20

SERVER = """
        listen {address}:{port} ssl;
        ssl_certificate {certs}/server.pem;
        ssl_certificate_key {certs}/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_client_certificate {certs}/ca.pem;
        ssl_verify_client optional;
        location /reused {{ return 200 "reused: $ssl_session_reused, $ssl_protocol"; }}
        location /known {{
            if ($ssl_client_verify != SUCCESS) {{ return 403; }}
            return 200 "you are $ssl_client_s_dn";
        }}
"""

# Name, what goes over the rest of the stream, of its request, and of its TLS.
EACH = {"keepAlive": False}
STREAMS = [
    ("kept", {}, {"path": "/small", "expectSize": len(SMALL), "expectText": "A page."}, {}),
    ("kept-1.2", {}, {"path": "/reused", "expectText": "TLSv1.2"}, {"maxVersion": "1.2"}),
    ("each-1.3", EACH, {"path": "/reused", "expectText": "TLSv1.3"}, {"minVersion": "1.3"}),
    ("fresh", EACH, {"path": "/reused", "expectText": "reused: ."}, {"resume": False}),
    ("resumed-1.2", EACH, {"path": "/reused", "expectText": "reused: r"}, {"maxVersion": "1.2"}),
    ("resumed-1.3", EACH, {"path": "/reused", "expectText": "reused: r"}, {}),
    ("pipelined", {"pipelining": 4, "thinkTime": None}, {"path": "/small", "expectSize": len(SMALL)}, {}),
    ("held", {"mode": "held", "rate": "40/s", "thinkTime": None}, {"path": "/small"}, {}),
    ("pool", {"mode": "open", "rate": "40/s", "thinkTime": None}, {"path": "/small"}, {}),
    ("big", {"connections": 1}, {"path": "/big", "expectSize": BIG_BYTES}, {}),
    ("upload", {}, {"path": "/upload", "method": "PUT", "bodySize": 1 << 20, "expectStatus": ["204"]}, {}),
    ("to-close", {}, {"path": "/to-close/small", "expectSize": len(SMALL)}, {}),
    ("known", {}, {"path": "/known", "expectText": "CN=tester"},
     {"cert": "certs/client.pem", "key": "certs/client.key"}),
    ("unknown", {}, {"path": "/known"}, {}),
    ("untrusted", {}, {"path": "/small"}, {"ca": "certs/other.pem"}),
    ("misnamed", {}, {"path": "/small"}, {"serverName": "other.example"}),
]
# What becomes of those that are not all good, and why.
WRONG = {"unknown": ("bad-status", None), "untrusted": ("bad-answer", "tls-authority"),
         "misnamed": ("bad-answer", "tls-name")}
LOSSY = ("kept", "kept-1.2", "each-1.3", "resumed-1.2", "big", "upload")


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


def make_certificates(folder):
    folder.mkdir()
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for name in "ca", "other":
        openssl(folder, "req", "-x509", *curve, "-days", "2", "-subj", f"/CN={name}", "-keyout",
                f"{name}.key", "-out", f"{name}.pem")
    (folder / "names").write_text(f"subjectAltName=DNS:web.example,IP:{ADDRESS},IP:{OURS}")
    for name, subject in ("server", "web"), ("client", "tester"):
        openssl(folder, "req", *curve, "-subj", f"/CN={subject}", "-keyout", f"{name}.key", "-out",
                f"{name}.csr")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-out", f"{name}.pem", "-extfile", "names")


def experiment(names, **more):
    streams = []
    for name, over, http, tls in STREAMS:
        if name not in names:
            continue
        stream = {"name": name, "protocol": "https", "mode": "closed", "connections": 2, "thinkTime": "50ms",
                  "timeout": "10s", "connectTimeout": "10s", **over, "http": http,
                  "tls": {"ca": "certs/ca.pem", "serverName": "web.example", **tls}}
        streams.append({k: v for k, v in stream.items() if v is not None})
    return {"version": 1, "name": "https", "target": {"address": ADDRESS, "port": PORT}, "streams": streams,
            "steps": [{"do": "start"}, {"do": "wait", "for": "4s"}, {"do": "stop"}], **more}


def machine(iface, clients, core):
    return {"version": 1, "name": "https",
            "ports": [{"name": "veth", "profile": "af_packet", "iface": iface, "clients": [clients],
                       "onLink": ["10.77.4.0/24"], "gateway": ADDRESS}],
            "cores": {"workers": [core], "control": "any"}, "memory": {"hugepages": "no", "megabytes": 512},
            "allow": ["10.77.4.0/24"]}


def seamline(folder, out, *arguments, inside=()):
    """Its exit status and messages, and the account."""
    done = subprocess.run([*inside, SEAMLINE, *arguments, "-q", "-o", folder / out], capture_output=True,
                          text=True, timeout=120, check=False)
    if not (folder / out / "run.json").exists():
        raise OSError(f"exit status {done.returncode}: {done.stderr}")
    return done, json.loads((folder / out / "run.json").read_text())


def told(stream):
    """Good requests, and the other outcomes that are the server's doing."""
    outcomes = {k: v for k, v in stream["outcomes"].items() if v}
    good = sum(outcomes.pop(k, 0) for k in ("ok", "late", "repaired"))
    for ours in "unfinished", "unsent":
        outcomes.pop(ours, None)
    return good, outcomes


def of_nginx(folder):
    (folder / "https.json").write_text(json.dumps(experiment([name for name, *_ in STREAMS])))
    done, account = seamline(folder, "out", "run", folder / "https.json", "-m", folder / "machine.json")
    streams = {s["name"]: s for s in account["streams"]}
    yield "the run ended", done.returncode == 0, done.stderr
    for name, stream in streams.items():
        good, others = told(stream)
        yield f"{name}: each has its outcome", stream["sumsHold"], stream
        if name in WRONG:
            outcome, reason = WRONG[name]
            yield f"{name}: {outcome} alone", good == 0 and list(others) == [outcome] \
                and stream["outcomes"][outcome] >= 3, stream["outcomes"]
            yield f"{name}: its reason", reason is None \
                or stream["badAnswers"] == {reason: stream["outcomes"]["bad-answer"]}, stream["badAnswers"]
        elif name.startswith("resumed"):
            yield f"{name}: all but the first ones", good >= 10 and others.pop("bad-answer", 0) <= 2 \
                and not others, stream["outcomes"]
        else:
            if name == "held":
                others.pop("blocked", None)  # A slot while the answer before is late.
            yield f"{name}: all are good", good >= 3 and not others, stream["outcomes"]
    up = {name: s["connections"] for name, s in streams.items()}
    yield "those that are kept need no other connections", all(
        up[name]["established"] == 2 for name in ("kept", "kept-1.2", "pipelined", "held")), up
    yield "no connection is broken but by what is wrong", all(
        c["broken"] == 0 for name, c in up.items() if name not in WRONG and "resumed" not in name), up
    yield "each handshake is timed", all(
        streams[name]["tlsTime"]["count"] >= up[name]["established"] - up[name]["unfinished"] > 0
        for name in up if name not in ("untrusted", "misnamed")) and streams["untrusted"]["tlsTime"]["count"] == 0, \
        {name: s["tlsTime"] for name, s in streams.items()}
    log = (folder / "out" / "latency.hlog").read_text()
    yield "also in latency.hlog", "Tag=kept/tls," in log and "Tag=misnamed/tls," not in log, ""
    yield "nothing is left", account["tester"]["ports"][0]["mbufsMissing"] == 0, account["tester"]


def of_loss(folder):
    """2 % of packets lost and 1 % out of order, both ways."""
    faults = {"dropPpm": 20000, "reorderPpm": 10000}
    (folder / "lossy.json").write_text(json.dumps(experiment(
        LOSSY, impair={"receive": faults, "send": faults})))
    done, account = seamline(folder, "lossy", "run", folder / "lossy.json", "-m", folder / "machine.json")
    yield "the lossy run ended", done.returncode == 0, done.stderr
    for stream in account["streams"]:
        good, others = told(stream)
        unresumed = others.pop("bad-answer", 0) if stream["name"].startswith("resumed") else 0
        yield f"{stream['name']}: all are good with loss, too", good >= 1 and not others \
            and unresumed <= 2, (stream["outcomes"], stream["badAnswers"])
    yield "segments were sent again", sum(s["retransmits"] for s in account["streams"]) >= 10, \
        [s["retransmits"] for s in account["streams"]]


def of_command_line(folder):
    ask = ["traffic", "-m", folder / "machine.json", "-d", "1s", "--rate", "20"]
    here = f"web.example:{PORT}:{ADDRESS}"
    rows = [
        ([f"https://web.example:{PORT}/small", "--resolve", here, "--cacert", folder / "certs/ca.pem"], None),
        ([f"https://web.example/small", "--connect-to", f"web.example:443:{ADDRESS}:{PORT}", "--cacert",
          folder / "certs/ca.pem", "-H", "Host: any"], None),
        ([f"https://{ADDRESS}:{PORT}/small", "--cacert", folder / "certs/ca.pem"], None),
        ([f"https://{ADDRESS}:{PORT}/small", "-k", "--sni", "any.example"], None),
        ([f"https://{ADDRESS}:{PORT}/known", "-k", "--cert", folder / "certs/client.pem", "--key",
          folder / "certs/client.key"], None),
        ([f"https://{ADDRESS}:{PORT}/small"], "tls-authority"),
        ([f"https://web.example:{PORT}/small", "--resolve", here, "--cacert", folder / "certs/ca.pem",
          "--sni", "other.example"], "tls-name"),
    ]
    for number, (arguments, reason) in enumerate(rows):
        done, account = seamline(folder, f"typed-{number}", *ask, *arguments)
        stream = account["streams"][0]
        good, others = told(stream)
        right = good >= 5 and not others if reason is None \
            else good == 0 and list(stream["badAnswers"]) == [reason]
        words = [str(a).replace(str(folder) + "/", "") for a in arguments]
        yield f"{' '.join(words)}: {reason or 'good'}", right, (done.stderr, stream["outcomes"])
    for arguments, words in (
            (["--cacert", folder / "none.pem"], "none.pem: No such file"),
            (["--cacert", folder / "certs/ca.key"], "authorities of"),
            (["--cert", folder / "certs/client.pem", "--key", folder / "certs/server.key"],
             "certs/server.key: key values mismatch"),
            (["--cert", folder / "certs/client.pem"], '"key" is missing')):
        done = subprocess.run([SEAMLINE, *ask, f"https://{ADDRESS}:{PORT}/", *arguments, "-o",
                               folder / "bad"], capture_output=True, text=True, timeout=60, check=False)
        yield f"bad files are named: {words}", done.returncode == 2 and words in done.stderr \
            and not (folder / "bad").exists(), (done.returncode, done.stderr)


def of_respond(folder, veth):
    """The client at the far end, `seamline respond` at the near one."""
    server = machine(veth.near, "10.77.4.64/28", 1)
    (folder / "server.json").write_text(json.dumps(server))
    (folder / "client.json").write_text(json.dumps(machine(veth.far, "10.77.4.128/26", 0)))
    process = subprocess.Popen(
        [SEAMLINE, "respond", "-m", folder / "server.json", "--https", "--cert", folder / "certs/server.pem",
         "--key", folder / "certs/server.key", "--body", "100000", "--name", "pod-1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if "(veth)" in line:
                break
        for version in "1.2", "1.3":
            for keep in [], ["--no-keepalive"]:
                done, account = seamline(
                    folder, f"ours-{version}-{len(keep)}", "traffic", f"https://{OURS}/", "-m",
                    folder / "client.json", "--cacert", folder / "certs/ca.pem", "-d", "2s", "-r", "40",
                    "-t", "5s", "--set", f'streams.traffic.tls.minVersion="{version}"', "--set",
                    f'streams.traffic.tls.maxVersion="{version}"', "--set",
                    "streams.traffic.http.expectSize=100000", *keep,
                    inside=["ip", "netns", "exec", veth.netns])
                stream = account["streams"][0]
                good, others = told(stream)
                yield f"our server by TLS {version} {' '.join(keep)}", good >= 20 and not others, \
                    (done.stderr, stream)
    finally:
        process.send_signal(signal.SIGTERM)
        said, errors = process.communicate(timeout=30)
    yield "it ends in order", process.returncode == 0, errors
    yield "TLS failed nowhere", "TLS failed" not in said or "0  connections closed because TLS failed" \
        in said, said


def checks(folder):
    make_certificates(folder / "certs")
    with Veth("sltls", f"{ADDRESS}/24") as veth:
        (folder / "machine.json").write_text(json.dumps(machine(veth.near, "10.77.4.128/26", 1)))
        server = Nginx(veth, folder / "nginx",
                       SERVER.format(address=ADDRESS, port=PORT, certs=folder / "certs"))
        server.file("small", SMALL)
        server.file("big", os.urandom(BIG_BYTES))
        with server:
            yield from of_nginx(folder)
            yield from of_loss(folder)
            yield from of_command_line(folder)
        yield from of_respond(folder, veth)


with turn():
    tap.run("https", checks)
