#!/usr/bin/python3
"""All formats of runs by chance have the same counts, are well-formed by the readers of others, and are harmless.

Usage: agree.py GENERATE JUNIT.XSD. Exit status 77 (skipped) without the Debian packages python3-prometheus-client,
libxml2-utils, jq and gnuplot-nox."""
import csv
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
import xml.etree.ElementTree

RUNS = 16
STREAM = {"held": 0, "new": 1}  # As experiments call them; what meta.json calls them may be hostile.


def number(pattern, text, otherwise=None):
    found = re.search(pattern, text)
    if found is None and otherwise is not None:
        return otherwise
    return int(found.group(1))


def of_json(text):
    return [
        {
            "due": stream["due"], "lost": stream["lost"], "good": stream["received"],
            "outcomes": {name: count for name, count in stream["outcomes"].items() if count},
            "broken": stream["connections"]["broken"], "lasting": stream["connections"]["lasting"],
            "failed": stream["connections"]["failedConnects"], "windows": len(stream["windows"]),
        }
        for stream in json.loads(text)["streams"]
    ]


def of_html(text):
    data = re.findall(r'<script[^>]* id="data"[^>]*>(.*?)</script>', text, re.S)
    assert len(data) == 1, f"{len(data)} elements with data"
    return of_json(json.dumps(json.loads(data[0])["run"]))


def of_text(text):
    """What a person reads. Names may be anything, so that sections are found by their form."""
    parts = re.split(r"^Stream .*: (?:ctraffic|connect) to ", text, flags=re.M)[1:]
    windows = re.findall(r"^  stream .*?: (\d+) windows?, ", text, flags=re.M)
    out = []
    for part, count in zip(parts, windows):
        due = re.search(r"^    due (\d+)(?: = (.*))?$", part, re.M)
        rest = due.group(2) or ""
        outcomes = {name: int(n) for name, n in re.findall(r"([a-z-]+) (\d+)", rest) if int(n)}
        out.append({
            "due": int(due.group(1)), "outcomes": outcomes,
            "lost": number(r"\n    lost (\d+)", part), "good": number(r", answered (\d+)", part),
            "broken": number(r" broken (\d+)", part, 0), "lasting": number(r"= lasting (\d+)", part, 0),
            "failed": number(r"failed connects (\d+)", part, 0), "windows": int(count),
        })
    return out


def of_csv(text):
    rows = list(csv.reader(text.splitlines(), strict=True))
    head = rows[0]
    assert all(len(row) == len(head) for row in rows), "rows of different length"
    names = []
    sums = []
    for row in rows[1:]:
        row = dict(zip(head, row))
        if row["stream"] not in names:
            names.append(row["stream"])
            sums.append({"due": 0, "lost": 0, "outcomes": {}})
        at = sums[names.index(row["stream"])]
        at["due"] += int(row["due"])
        at["lost"] += int(row["lost"])
        for name in head[4:head.index("lost")]:
            if int(row[name]):
                at["outcomes"][name] = at["outcomes"].get(name, 0) + int(row[name])
    return dict(zip(names, sums))


def of_markdown(text):
    table = text[text.index("| stream | due |"):].split("\n\n")[0].splitlines()[2:]
    out = []
    for line in table:
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        assert len(cells) == 12, f"{len(cells)} cells: {line}"
        out.append(dict(zip(("due", "good", "lost", "unsent", "unfinished", "broken", "lasting", "windows"),
                            map(int, cells[1:9]))))
    return out


def of_junit(text):
    root = xml.etree.ElementTree.fromstring(text)
    values = [int(item.get("value")) for item in list(root.iter("property"))[2:]]
    keys = ("due", "lost", "broken", "lasting", "windows")
    cases = list(root.iter("testcase"))
    suite = root.find("testsuite")
    assert int(suite.get("tests")) == len(cases)
    assert int(suite.get("failures")) == len(list(root.iter("failure")))
    assert int(suite.get("errors")) == len(list(root.iter("error")))
    return [dict(zip(keys, values[i:i + 5])) for i in range(0, len(values), 5)]


def of_openmetrics(text):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    out = [{"outcomes": {}, "windows": 0} for _ in STREAM]
    plain = {"seamline_requests_due_total": "due", "seamline_requests_lost_total": "lost",
             "seamline_answers_total": "good", "seamline_failed_connects_total": "failed",
             "seamline_loss_windows_total": "windows"}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            at = out[STREAM[sample.labels["stream"]]] if "stream" in sample.labels else None
            if sample.name in plain:
                at[plain[sample.name]] = int(sample.value)
            elif sample.name == "seamline_requests_total" and sample.value:
                at["outcomes"][sample.labels["outcome"]] = int(sample.value)
            elif sample.name == "seamline_connections_total" and sample.labels["end"] in ("broken", "lasting"):
                at[sample.labels["end"]] = int(sample.value)
    return out


SECOND = 10**9


def go_float(value):
    return re.sub(r"\.0$", "", repr(value))


def analyses(statistics):
    """What ctraffic's three analyses print of its statistics, by its rules, from the JSON line alone."""
    conns, samples = statistics.get("ConnStats", []), statistics.get("Samples", [])
    hosts = []
    for what, failed in (("Lost", True), ("Lasting", False)):
        names = [conn["Host"] for conn in conns if "Host" in conn and bool(conn["Err"]) == failed]
        hosts.append(f"{what} connections: {len(names)}")
        hosts += [f"  {name} {names.count(name)}" for name in sorted(set(names), key=lambda name: name.encode())]
    throughput = ["Time Throughput"]
    for before, sample in zip(samples, samples[1:]):
        gap = sample["Time"] - before["Time"]
        kilobytes = (sample["Received"] - before["Received"]) * statistics["PacketSize"] // 1024
        throughput.append(f"{go_float((before['Time'] + gap // 2) / 1e9)} {go_float(kilobytes / (gap / 1e9))}")
    connections = ["Time Active New Failed Connecting"]
    for end in range(SECOND, statistics["Duration"], SECOND):
        begin, active, new, failed, connecting = end - SECOND, 0, 0, 0, 0
        for conn in conns:
            if begin <= conn["Ended"] < end:
                failed += bool(conn["Err"])
            elif conn["Ended"] >= end >= conn["Started"]:
                new += conn["Started"] > begin or begin == 0
                up = 0 < conn["Connect"] <= end
                active, connecting = active + up, connecting + (not up)
        connections.append(f"{go_float((begin + SECOND // 2) / 1e9)} {active} {new} {failed} {connecting}")
    return {"ctraffic-hosts": hosts, "ctraffic-throughput": throughput, "ctraffic-connections": connections}


def tame(line):
    """Names with what is no letter for a terminal in them are printed otherwise."""
    return "".join("?" if char == "\ufffd" or unicodedata.category(char)[0] == "C" else char for char in line)


def differences(base, other, what):
    return [f"{what}: {key} is {value}, JSON has {base[key]}" for key, value in other.items()
            if key in base and base[key] != value]


def disagreements(read):
    """READ(format): its text. What is not as JSON has it."""
    base = of_json(read("json"))
    for stream in base:
        stream.update(unsent=stream["outcomes"].get("unsent", 0), unfinished=stream["outcomes"].get("unfinished", 0))
    out = []
    for name, reader in (("text", of_text), ("html", of_html), ("markdown", of_markdown), ("junit", of_junit),
                         ("openmetrics", of_openmetrics)):
        streams = reader(read(name))
        if len(streams) != len(base):
            out.append(f"{name}: {len(streams)} streams, JSON has {len(base)}")
        for mine, theirs in zip(base, streams):
            out += differences(mine, theirs, name)
    sums = list(of_csv(read("csv")).values())
    used = [stream for stream in base if stream["due"]]
    if len(sums) != len(used):
        out.append(f"csv: {len(sums)} streams, JSON has {len(used)} with requests")
    for mine, theirs in zip(used, sums):
        out += differences(mine, theirs, "csv")
    if read("vegeta"):
        rows = list(csv.reader(read("vegeta").splitlines(), strict=True))
        if any(len(row) != 12 or not row[0].isdigit() or not row[2].isdigit() for row in rows):
            out.append("vegeta: a line that is no result")
        total, good = len(rows), sum(200 <= int(row[1]) < 400 for row in rows)
        if (total, good) != (sum(s["due"] for s in base), sum(s["good"] for s in base)):
            out.append(f"vegeta: {total} results, {good} of them a success")
    if read("ctraffic"):
        theirs = json.loads(read("ctraffic"))
        if theirs["Received"] != base[0]["good"]:
            out.append(f"ctraffic: Received {theirs['Received']}, JSON has {base[0]['good']}")
        for name, lines in analyses(theirs).items():
            if [tame(line) for line in read(name).splitlines()] != [tame(line) for line in lines]:
                out.append(f"{name}: {read(name).splitlines()}, the statistics give {lines}")
    return out


def harm(read):
    """What others wrote and could do something, by format."""
    out = []
    for name in ("text", "csv", "markdown", "junit", "openmetrics", "ctraffic-hosts", "hdr", "vegeta", "svg"):
        out += [f"{name}: U+{ord(char):04X}" for char in set(read(name)) - {"\n"}
                if unicodedata.category(char) in ("Cc", "Zl", "Zp") or char == "\u202e"]
    for name in ("json", "ctraffic"):
        out += [f"{name}: U+{ord(char):04X}" for char in set(read(name)) - {"\n", "\t"} if char < " "]
    out += [f"hdr: {line}" for line in read("hdr").splitlines()[5:]
            if not re.fullmatch(r"Tag=(held|new)/[a-z/-]+(,[0-9.]+){3},[A-Za-z0-9+/=]+", line)]
    for row in csv.reader(read("csv").splitlines(), strict=True):
        out += [f"csv: a formula: {cell}" for cell in row if cell[:1] and cell[0] in "=+-@"]
    bare = re.sub(r"<code>[^<]*</code>|`[^`\n]*`", "", read("markdown"))
    out += [f"markdown: bare {word}" for word in ("script", "everyone", "http", "SUM", "cmd") if word in bare]
    out += [f"markdown: {char} within <code>" for span in re.findall(r"<code>([^<]*)</code>", read("markdown"))
            for char in "|<>`@" if char in span]
    out += [f"{name}: a tag that is not ours" for name in ("junit", "html", "svg") if "<script>alert" in read(name)]
    return out


def complaints_of_others(folder, seed, xsd):
    out = []
    for args in (["xmllint", "--noout", "--schema", xsd, f"{seed}.junit"], ["xmllint", "--noout", f"{seed}.svg"],
                 ["jq", "-e", "[.streams[].due] | add >= 0", f"{seed}.json"]):
        did = subprocess.run(args, cwd=folder, capture_output=True, text=True)
        if did.returncode:
            out.append(f"{args[0]}: {did.stderr or did.stdout}")
    return out


def plotted(folder, seed):
    """gnuplot's sum of the column, and of its loss, found by the names in the first line."""
    script = ("set datafile separator ','; set key autotitle columnhead; "
              f"stats '{seed}.csv' using 'due' name 'DUE' nooutput; stats '{seed}.csv' using 'lost' name 'LOST' nooutput; "
              "print sprintf('%d %d', DUE_sum, LOST_sum)")
    did = subprocess.run(["gnuplot", "-e", script], cwd=folder, capture_output=True, text=True)
    return did.stderr.split()


def main():
    generate, xsd = sys.argv[1:]
    try:
        import prometheus_client  # noqa: F401
    except ImportError:
        return 77
    if not all(map(shutil.which, ("xmllint", "jq", "gnuplot"))):
        return 77
    number = 0

    def check(what, why):
        nonlocal number
        number += 1
        print(f"{'not ok' if why else 'ok'} {number} - {what}")
        for line in why:
            print(f"# {line}")

    with tempfile.TemporaryDirectory(prefix="seamline-agree-") as folder:
        subprocess.run([generate, folder, str(RUNS)], check=True)

        for seed in range(RUNS):
            def read(name):
                path = pathlib.Path(folder, f"{seed}.{name}")
                return path.read_bytes().decode("utf-8", "strict") if path.exists() else ""

            check(f"the formats of run {seed} agree", disagreements(read))
            check(f"those of run {seed} are harmless", harm(read))
            check(f"others can read run {seed}", complaints_of_others(folder, seed, xsd))
        base = of_json(pathlib.Path(folder, "0.json").read_text())
        wanted = [str(sum(stream[key] for stream in base)) for key in ("due", "lost")]
        got = plotted(folder, 0)
        check("gnuplot sums the CSV as JSON does", [] if got == wanted else [f"{got}, want {wanted}"])
    print(f"1..{number}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
