#!/usr/bin/env python3
"""seamline's ctraffic client against a second, independent implementation of the server.

usage: ctraffic_interop.py SEAMLINE [CASE...]

ctraffic_peer.py runs in a network namespace of this test's own, behaves as each case says, and
counts. Then run.json and the ctraffic formats must say the same: packets, answers, ends,
host names, outcomes. What is expected of a connection comes from the peer's log of it, found by its
client port, and never from the plan alone. Prints TAP.
"""
import calendar
import collections
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
PEER = pathlib.Path(__file__).resolve().parent / "ctraffic_peer.py"
NAMESPACE = f"slctp{os.getpid()}"
IFACE = f"slcta{os.getpid() % 100000}"
FAR = f"slctb{os.getpid() % 100000}"
ADDRESS = {"ipv4": "10.90.0.1", "ipv6": "fd00:90::1"}
CLIENTS = {"ipv4": ("10.90.0.64/26", "10.90.0.0/24"), "ipv6": ("fd00:90::4:0/112", "fd00:90::/64")}
PORT = 5003
LATE_MS = 200
TIMEOUT_NS = 1_000_000_000
TOO_LATE = "later-than-the-limit"
FULL_NAME = "a-name-of-63-bytes-0123456789-abcdefghijklmnopqrstuvwxyz-012345"


def name_of(length):
    """A host name of so many bytes, as Kubernetes allows them: letters, digits, '-' inside."""
    if length == 1:
        return "7"
    letters = f"pod-{length}-0123456789abcdef-abcdefghijklmnopqrstuvwxyz-9876543210-xyz"
    return letters[:length - 1] + "e"


# Running.

def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def setup():
    ip("netns", "add", NAMESPACE)
    ip("link", "add", IFACE, "numrxqueues", "1", "numtxqueues", "1", "type", "veth",
       "peer", "name", FAR, "numrxqueues", "1", "numtxqueues", "1")
    pathlib.Path(f"/proc/sys/net/ipv6/conf/{IFACE}/disable_ipv6").write_text("1")
    ip("link", "set", FAR, "netns", NAMESPACE)
    ip("link", "set", IFACE, "up")
    for address in (ADDRESS["ipv4"] + "/24", ADDRESS["ipv6"] + "/64"):
        nodad = ["nodad"] if ":" in address else []
        ip("-n", NAMESPACE, "addr", "add", address, "dev", FAR, *nodad)
    for name in ("lo", FAR):
        ip("-n", NAMESPACE, "link", "set", name, "up")
    off = [word for feature in ("tx", "tso", "gso", "gro") for word in (feature, "off")]
    subprocess.run(["ip", "netns", "exec", NAMESPACE, "ethtool", "-K", FAR, *off], check=True,
                   stdout=subprocess.DEVNULL)


def teardown():
    subprocess.run(["ip", "netns", "del", NAMESPACE], check=False, stderr=subprocess.DEVNULL)
    subprocess.run(["ip", "link", "del", IFACE], check=False, stderr=subprocess.DEVNULL)


def resets_sent():
    """RSTs that the kernel of the namespace has sent, of both families."""
    text = subprocess.run(["ip", "netns", "exec", NAMESPACE, "cat", "/proc/net/snmp"], check=True,
                          capture_output=True, text=True).stdout
    names, values = [line.split() for line in text.splitlines() if line.startswith("Tcp:")]
    return int(values[names.index("OutRsts")])


class Result:
    """What a run left, and what the peer counted in the meantime."""

    def __init__(self, folder, peer):
        self.folder = folder
        self.json = json.loads((folder / "out" / "run.json").read_text())
        self.stream, = self.json["streams"]
        self.outcomes = self.stream["outcomes"]
        self.counted = self.stream["connections"]
        self.peer = peer
        self.by_port = {(one["client"], one["port"]): one for one in peer["connections"]}
        assert len(self.by_port) == len(peer["connections"]), "the client used a port twice"
        self.pairs = []
        for connection in self.json["connections"]:
            if connection["connected"] is not None:
                key = re.fullmatch(r"\[?([^\]]+?)\]?:(\d+)->.*", connection["tuple"]).groups()
                self.pairs.append((connection, self.by_port.get((key[0], int(key[1])))))

    def report(self, form):
        return subprocess.run([SEAMLINE, "report", self.folder / "out", "-f", form], check=True,
                              capture_output=True, text=True).stdout


class Case:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def peer(self, family, plan):
        (self.folder / "plan.json").write_text(json.dumps(plan))
        peer = subprocess.Popen(
            ["ip", "netns", "exec", NAMESPACE, sys.executable, PEER, ADDRESS[family], str(PORT),
             self.folder / "plan.json", self.folder / "peer.json"],
            stdout=subprocess.PIPE, text=True)
        if peer.stdout.readline() != "listening\n":
            peer.kill()
            raise AssertionError("the peer does not listen")
        return peer

    def seamline(self, family, profile, connections, rate, duration, size):
        clients, on_link = CLIENTS[family]
        machine = {
            "version": 1, "name": "ctraffic-interop",
            "ports": [{"name": "p0", "profile": profile, "iface": IFACE, "clients": [clients],
                       "onLink": [on_link]}],
            "cores": {"workers": [1], "control": 0}, "memory": {"hugepages": "no"}, "allow": [],
        }
        (self.folder / "machine.json").write_text(json.dumps(machine))
        address = f"[{ADDRESS[family]}]" if family == "ipv6" else ADDRESS[family]
        done = subprocess.run(
            [SEAMLINE, "traffic", f"ctraffic://{address}:{PORT}", "-m", "machine.json", "-q",
             "-o", "out", "-c", str(connections), "-r", f"{rate}/s", "-d", duration,
             "--set", f"streams.traffic.size={size}", "--set", f"windows.late={LATE_MS}ms"],
            cwd=self.folder, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"exit status {done.returncode}: {done.stderr}{done.stdout}"
        assert "Sanitizer" not in done.stderr, done.stderr

    def run(self, family, profile, connections, rate, behaviours, then=None, duration="2s",
            size=1024):
        peer = self.peer(family, {"size": size, "seed": 7, "connections": behaviours,
                                  "then": then or {}})
        try:
            self.seamline(family, profile, connections, rate, duration, size)
            time.sleep(0.1)  # The last FINs are still on their way through the peer.
            peer.send_signal(signal.SIGTERM)
            peer.wait(timeout=10)
        finally:
            peer.kill()
            peer.wait()
        return Result(self.folder, json.loads((self.folder / "peer.json").read_text()))


# Checks.

PROBLEMS = []


def check(good, text):
    if not good:
        PROBLEMS.append(text)


def same(what, seamline, peer):
    check(seamline == peer, f"{what}: seamline has {seamline}, the peer {peer}")


def without_zeros(counts):
    return {kind: count for kind, count in counts.items() if count}


def expected_end(log, stopped_ns, started_ns):
    """How a connection must have ended, by the peer's own log of it."""
    if log["behaviour"] == "unasked" or (log["behaviour"] in ("wrong", "extra") and log["spoilt"]):
        return "bad-answer"
    if "silentAt" in log:
        silent_ns = log["silentAt"] - started_ns
        return "stalled" if silent_ns + TIMEOUT_NS < stopped_ns else "lasting"
    if log["behaviour"] == TOO_LATE and log["spoilt"]:
        return "stalled"
    return {"fin": "closed", "reset": "reset"}.get(log["ended"], "lasting")


def started_ns(result):
    text = result.json["started"]
    seconds = calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
    return seconds * 10**9 + int(text[20:29])


def check_sums(result):
    stream = result.stream
    same("due and the sum of outcomes", stream["due"], sum(result.outcomes.values()))
    check(stream["sumsHold"] and stream["complete"], "the sums do not hold")
    check(stream["due"] > 0, "nothing was due")
    counted = result.counted
    same("established", counted["established"],
         counted["lasting"] + counted["broken"] + counted["done"] + counted["unfinished"])
    same("established, the peer's accepts", counted["established"], len(result.peer["connections"]))
    same("connections with a peer", len(result.pairs), len(result.peer["connections"]))
    for port in result.json["tester"]["ports"]:
        same("mbufs missing", port.get("mbufsMissing", 0), 0)


def check_each(result):
    """Connection by connection."""
    start = started_ns(result)
    stop = result.stream["stopped"]
    unfinished = 0
    for connection, log in result.pairs:
        if log is None:
            check(False, f"{connection['tuple']}: the peer never accepted it")
            continue
        text = f"{connection['tuple']} {log['behaviour']}"
        check(log["problem"] is None, f"{text}: {log['problem']}")
        same(f"{text} end", connection["end"], expected_end(log, stop, start))
        # A close or reset may meet a packet that the peer did not read any more.
        unread = connection["sent"] - log["packets"]
        check(unread == 0 or (unread == 1 and log["ended"] == "reset"),
              f"{text}: sent {connection['sent']}, the peer got {log['packets']}")
        whole = log["bytes"] % result.size == 0 or log["ended"] == "reset"
        check(whole, f"{text}: the peer got {log['bytes']} bytes, a part of a packet")
        cut_off = log["answers"] - connection["received"]
        late = log["behaviour"] == TOO_LATE
        unfinished += cut_off if not late else 0
        may_be_cut = late or connection["end"] in ("lasting", "unfinished")
        check(cut_off == 0 or (cut_off == 1 and may_be_cut),
              f"{text}: received {connection['received']}, the peer answered {log['answers']}")
        if connection["received"]:
            same(f"{text} host", connection["pod"], log["host"])
            same(f"{text} how its pod is known", connection["podIs"], "known")
        if connection["end"] == "lasting" and "silentAt" not in log:
            check(log["ended"] in ("client-fin", "client-reset"), f"{text}: end {log['ended']}")
    check(unfinished <= result.outcomes["unfinished"], f"{unfinished} answers were not taken")


def check_totals(result):
    sent = sum(connection["sent"] for connection, _ in result.pairs)
    same("sent by the stream, and by its connections", result.stream["sent"], sent)
    same("received by the stream, and by its connections", result.stream["received"],
         sum(connection["received"] for connection, _ in result.pairs))
    same("good outcomes", sum(result.outcomes[one] for one in ("ok", "repaired", "late")),
         result.stream["received"])
    ends = collections.Counter(connection["end"] for connection, _ in result.pairs)
    same("lasting", result.counted["lasting"], ends.pop("lasting", 0))
    same("broken, by kind", without_zeros(result.counted["brokenBy"]), dict(ends))
    same("broken", result.counted["broken"], sum(ends.values()))


def check_outcomes(result):
    """Requests without an answer, by what the peer did with their connection."""
    lost = collections.Counter()
    for connection, log in result.pairs:
        if log is not None and connection["end"] != "lasting":
            lost[connection["end"]] += connection["sent"] - connection["received"]
    for outcome in ("closed", "reset", "stalled", "bad-answer"):
        same(f"outcome {outcome}", result.outcomes[outcome], lost[outcome])
    late = sum(log["spoilt"] for log in result.peer["connections"] if log["behaviour"] == "late")
    check(late <= result.outcomes["late"],
          f"outcome late: {result.outcomes['late']}, the peer was late {late} times")
    for outcome in ("refused", "connect-timeout", "unreachable", "bad-status"):
        same(f"outcome {outcome}", result.outcomes[outcome], 0)


def check_brackets(result):
    """The peer stamped each clean end before it made it: the onset bracket must hold the stamp."""
    start = started_ns(result)
    slack = result.json["tester"]["clockError"] + 1000
    logs = {connection["id"]: log for connection, log in result.pairs}
    count = 0
    for outage in result.json["outages"]:
        log = logs.get(outage["connection"])
        clean = log is not None and log["ended"] in ("fin", "reset") and not log["spoilt"]
        if not clean or not log["answers"]:
            continue
        count += 1
        at = log["endedAt"] - start
        onset = outage["onset"]
        check(onset["from"] - slack <= at <= onset["to"] + slack,
              f"{log['behaviour']}: ended at {at}, bracket {onset['from']} to {onset['to']}")
    return count


def hosts_of(result):
    """Connections that no answer named are in no line of it."""
    lost, lasting = collections.Counter(), collections.Counter()
    for connection, log in result.pairs:
        if connection["received"]:
            (lasting if connection["end"] == "lasting" else lost)[log["host"]] += 1
    return lost, lasting


def check_hosts(result):
    found = {}
    for line in result.report("ctraffic-hosts").splitlines():
        head = re.fullmatch(r"(Lost|Lasting) connections: (\d+)", line)
        if head:
            into = found.setdefault(head[1], (int(head[2]), []))[1]
        else:
            host, count = re.fullmatch(r"  (\S*) (\d+)", line).groups()
            into.append((host, int(count)))
    for title, want in zip(("Lost", "Lasting"), hosts_of(result)):
        total, rows = found[title]
        same(f"{title} connections", total, sum(want.values()))
        same(f"hosts of {title} connections", rows, sorted(want.items()))


ERRORS = {"lasting": r"", "reset": r"read tcp \S+->\S+: read: connection reset by peer",
          "stalled": r"read tcp \S+->\S+: i/o timeout", "closed": r"(unexpected )?EOF",
          "bad-answer": r".+"}


def check_statistics(result):
    """The one line that ctraffic itself would write."""
    line = result.report("ctraffic")
    same("lines", line.count("\n"), 1)
    statistics = json.loads(line)
    same("statistics: sent", statistics["Sent"], result.stream["sent"])
    same("statistics: received", statistics["Received"], result.stream["received"])
    same("statistics: packet size", statistics["PacketSize"], result.size)
    counted = result.counted
    same("statistics: failed connections", statistics["FailedConnections"], counted["broken"])
    same("statistics: failed connects", statistics["FailedConnects"], counted["failedConnects"])
    ends = {pair[0]["tuple"].split("->")[0]: pair for pair in result.pairs}
    seen = 0
    for record in statistics["ConnStats"]:
        if not record["Connect"]:
            continue
        seen += 1
        connection, log = ends[record["Local"]]
        text = f"statistics of {record['Local']} {log['behaviour']}"
        same(f"{text}: sent", record["Sent"], connection["sent"])
        same(f"{text}: received", record["Received"], connection["received"])
        same(f"{text}: host", record.get("Host", ""), log["host"] if connection["received"] else "")
        error = record["Err"]
        check(re.fullmatch(ERRORS[connection["end"]], error), f"{text}: error {error!r}")
        if log["behaviour"] == "fin-half":
            same(f"{text}: error", error, "unexpected EOF")
    same("statistics: connections", seen, len(result.pairs))


def check_all(result, size=1024):
    result.size = size
    check_sums(result)
    check_each(result)
    check_totals(result)
    check_outcomes(result)
    check_hosts(result)
    check_statistics(result)
    return result


def all_last(result, connections):
    """No split and no name may break anything."""
    same("connections accepted", len(result.peer["connections"]), connections)
    same("lasting", result.counted["lasting"], connections)
    harmless = ("ok", "repaired", "late", "blocked", "unsent", "unfinished")
    good = sum(result.outcomes[one] for one in harmless)
    same("requests that were not lost", good, result.stream["due"])
    check(all(log["answers"] >= 2 for log in result.peer["connections"]),
          "a connection had no second answer")


# Cases.

TESTS = []


def test(function):
    TESTS.append(function)
    return function


@test
def names_of_1_to_63_bytes_and_first_answers_cut_at_1_to_126(case):
    behaviours = [{"name": f"name-{k % 63 + 1}", "host": name_of(k % 63 + 1), "split": [k + 1]}
                  for k in range(126)]
    result = check_all(case.run("ipv4", "af_xdp", 126, 630, behaviours))
    all_last(result, 126)
    names = {pod["name"] for pod in result.json["pods"]}
    same("pods", sorted(names), sorted(behaviour["host"] for behaviour in behaviours[:63]))


@test
def answers_cut_at_every_offset(case):
    result = check_all(case.run("ipv6", "af_xdp", 20, 800, [],
                                {"name": "sweep", "host": FULL_NAME, "split": "sweep"},
                                duration="3s"))
    all_last(result, 20)
    same("offsets at which an answer was cut", len(result.peer["cuts"]), 1023)


SPLITS = ["whole", "natural", "bytes", "random", [63], [64], [65], [1, 2, 3], [63, 64, 65],
          [63, 128]]


def splits(pause_ms):
    return [{"name": f"split-{split}", "host": name_of(5 * number + 7), "split": split,
             "pauseMs": pause_ms}
            for number, split in enumerate(SPLITS)]


@test
def packets_of_64_bytes(case):
    behaviours = splits(0) + [dict(one, host=FULL_NAME) for one in splits(0)]
    result = check_all(case.run("ipv4", "af_packet", len(behaviours), 200, behaviours, size=64), 64)
    all_last(result, len(behaviours))


@test
def pauses_within_an_answer_of_1024_bytes(case):
    behaviours = [one for one in splits(3) if one["split"] != "bytes"]
    result = check_all(case.run("ipv6", "af_packet", len(behaviours), 90, behaviours))
    all_last(result, len(behaviours))


@test
def packets_of_several_segments(case):
    behaviours = splits(0) + [{"name": "mss", "split": [1448, 2896]}, {"name": "one", "split": [1]}]
    result = check_all(case.run("ipv4", "af_xdp", len(behaviours), 120, behaviours, size=4001),
                       4001)
    all_last(result, len(behaviours))


@test
def packets_of_65536_bytes(case):
    behaviours = [{"name": f"big-{split}", "split": split}
                  for split in ("whole", "natural", "random", [63, 65535])]
    result = check_all(case.run("ipv6", "af_xdp", 4, 20, behaviours, size=65536), 65536)
    all_last(result, 4)


def endings():
    """Each way to end or spoil a connection, at the first answer and after some."""
    rows = []
    for how in ("fin", "close", "reset"):
        rows.append({"accept": how, "name": f"accept-{how}"})
        rows.append({"after": 1, "then": how, "name": f"{how}-after"})
        rows.append({"after": 5, "then": how, "name": f"{how}-after"})
    for how in ("fin-half", "reset-half", "stall", "stall-half"):
        for after in (0, 3):
            rows.append({"after": after, "then": how, "name": how})
    for part in (1, 63, 64, 65, 1023):
        rows.append({"after": 0, "then": "fin-half", "part": part, "name": "fin-half"})
    for after, offset in ((0, 63), (0, 64), (0, -1), (2, 0), (2, 3), (2, 64), (2, -1)):
        rows.append({"after": after, "then": "wrong", "offset": offset, "name": "wrong"})
    for after in (0, 2):
        rows.append({"after": after, "then": "extra", "extra": 1, "name": "extra"})
        rows.append({"after": after, "then": "late", "lateMs": 2 * LATE_MS, "name": "late"})
        rows.append({"after": after, "then": "late", "lateMs": 1300, "name": TOO_LATE})
    rows.append({"unasked": 1, "name": "unasked"})
    rows.append({"unasked": 2000, "name": "unasked"})
    for number, row in enumerate(rows):
        row["host"] = f"{row['name']}-{number}"
    return rows


def ends(case, family, profile):
    behaviours = endings()
    result = check_all(case.run(family, profile, len(behaviours), 10 * len(behaviours), behaviours,
                                {"name": "successor", "host": "successor-1"}, duration="4s"))
    check(check_brackets(result) >= 6, "too few onset brackets were checked")
    made = collections.Counter(log["ended"] for log in result.peer["connections"])
    same("connections closed", result.counted["brokenBy"].get("closed", 0), made["fin"])
    same("connections reset", result.counted["brokenBy"].get("reset", 0), made["reset"])
    # Which of the two a "close" is depends on what had come by then.
    same("ends that the plan has and the peer made", 18, made["fin"] + made["reset"])
    for end in ("stalled", "bad-answer"):
        check(result.counted["brokenBy"].get(end, 0) >= 4, f"too few are {end}")
    check(result.outcomes["late"] >= 2, "too few are late")
    check(result.outcomes["blocked"] > 0, "no slot was blocked by an answer that never came")


@test
def every_way_to_end_ipv4(case):
    ends(case, "ipv4", "af_xdp")


@test
def every_way_to_end_ipv6(case):
    ends(case, "ipv6", "af_packet")


@test
def a_server_that_closes_every_connection(case):
    result = check_all(case.run("ipv4", "af_xdp", 4, 40, [],
                                {"name": "accept-fin", "accept": "fin"}))
    same("received", result.stream["received"], 0)
    accepted = len(result.peer["connections"])
    check(4 * 4 <= accepted <= 4 * 10, f"{accepted} connections, not 16 to 40")


def refused(case, family, profile):
    before = resets_sent()
    case.seamline(family, profile, 6, 60, "2s", 1024)
    result = Result(case.folder, {"connections": []})
    check_sums_of_refused(result, resets_sent() - before)


def check_sums_of_refused(result, resets):
    same("due and the sum of outcomes", result.stream["due"], sum(result.outcomes.values()))
    same("failed connects, resets sent", result.counted["failedConnects"], resets)
    same("failed by", without_zeros(result.counted["failedBy"]), {"refused": resets})
    same("established", result.counted["established"], 0)
    same("sent", result.stream["sent"], 0)
    # The pauses grow by 100 ms: attempts at 0, 100, 300, 600, 1000 and 1500 ms.
    check(6 * 4 <= resets <= 6 * 7, f"{resets} attempts in 2 s by 6 flows")
    statistics = json.loads(result.report("ctraffic"))
    same("statistics: failed connects", statistics["FailedConnects"], resets)


@test
def no_listener_ipv4(case):
    refused(case, "ipv4", "af_xdp")


@test
def no_listener_ipv6(case):
    refused(case, "ipv6", "af_packet")


def run_one(number, function):
    PROBLEMS.clear()
    with tempfile.TemporaryDirectory() as folder:
        try:
            function(Case(folder))
        except Exception as problem:  # Whatever it is, the next case runs.
            PROBLEMS.append(f"{type(problem).__name__}: {problem}")
    print(f"{'not ok' if PROBLEMS else 'ok'} {number} - {function.__name__}", flush=True)
    for text in PROBLEMS[:40]:
        print("\n".join("# " + line for line in text.splitlines()), flush=True)
    return not PROBLEMS


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    names = sys.argv[2:]
    wanted = [function for function in TESTS if not names or function.__name__ in names]
    print(f"1..{len(wanted)}")
    try:
        setup()
        for number, function in enumerate(wanted, 1):
            run_one(number, function)
    finally:
        teardown()


main()
