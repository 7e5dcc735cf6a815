#!/usr/bin/env python3
"""What bad input gets: one clear message that says where and what to change, and the right exit status.

usage: bad_input.py SEAMLINE

Each row is a command with what is wrong in it, the exit status, and words that its message must have.
Ports are veth pairs of this test's own, or none at all. Prints TAP.
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SEAMLINE = pathlib.Path(sys.argv[1]).resolve()
IFACE = f"slbad{os.getpid() % 10000}"
PEER = f"slbae{os.getpid() % 10000}"

MACHINE = {
    "version": 1, "name": "bad-input",
    "ports": [{"name": "p0", "profile": "af_packet", "iface": IFACE,
               "clients": ["10.77.0.64/26"], "onLink": ["10.77.0.0/24"]}],
    "cores": {"workers": [1], "control": 0}, "allow": ["10.77.0.0/16"],
}
EXPERIMENT = {
    "version": 1, "name": "bad-input",
    "target": {"address": "10.77.0.1", "port": 5003},
    "streams": [{"name": "s", "protocol": "ctraffic", "connections": 2, "rate": "10/s"}],
    "steps": [{"do": "start", "streams": ["s"]}, {"do": "wait", "for": "100ms"},
              {"do": "stop", "streams": ["s"]}],
}
CLUSTER = {"kubeconfig": "kubeconfig", "context": "c", "namespace": "default", "mayChange": []}


def merged(base, change):
    out = json.loads(json.dumps(base))
    for path, value in change.items():
        at = out
        steps = path.split(".")
        for step in steps[:-1]:
            at = at[int(step)] if isinstance(at, list) else at[step]
        at[steps[-1]] = value
    return out


class Case:
    """A folder with an experiment, a machine file and maybe more, and a command run in it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def write(self, name, content):
        text = content if isinstance(content, str) else json.dumps(content, indent=1)
        (self.folder / name).write_text(text)

    def run(self, *arguments, experiment=None, machine=None, files=None, prefix=()):
        self.write("e.json", experiment if isinstance(experiment, str)
                   else merged(EXPERIMENT, experiment or {}))
        self.write("m.json", machine if isinstance(machine, str) else merged(MACHINE, machine or {}))
        for name, content in (files or {}).items():
            self.write(name, content)
        command = [*prefix, SEAMLINE, *(arguments or ("run", "e.json", "-m", "m.json", "-q"))]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)
        return done.returncode, done.stderr + done.stdout


def kubeconfig(server, **user):
    return {"apiVersion": "v1", "kind": "Config",
            "clusters": [{"name": "k", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}]}


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


TESTS = []


def test(function):
    TESTS.append(function)
    return function


def expect(result, status, *words):
    code, text = result
    assert code == status, f"exit status {code}, want {status}: {text}"
    for word in words:
        assert word in text, f"{word!r} is not in: {text}"
    assert "Sanitizer" not in text, text


@test
def no_command(case):
    expect(case.run("frobnicate"), 2, "\"frobnicate\" is no command; `seamline help`")
    expect(case.run("rnu", "e.json"), 2, "did you mean \"run\"?")
    expect(case.run("help", "repport"), 2, "did you mean \"report\"?")


@test
def option_that_the_command_has_not(case):
    for command in ("run", "traffic", "respond", "predict", "advise", "report", "compare", "merge", "doctor",
                    "undo"):
        expect(case.run(command, "--frob=1"), 2, "there is no option --frob; see seamline help " + command)
    expect(case.run("undo", ".", "--machine", "m.json"), 2, "there is no option --machine")
    expect(case.run("run", "e.json", "--outptu", "x"), 2, "did you mean --output?")
    expect(case.run("run", "e.json", "-o"), 2, "-o wants a value")
    expect(case.run("run", "e.json", "--repeat", "0"), 2, "--repeat: \"0\" is no number from 1 to 1000")


@test
def operand_missing_or_too_many(case):
    expect(case.run("run"), 2, "want an experiment, such as config/k8s-app-upgrade.json")
    expect(case.run("report", "a", "b"), 2, "want a run directory, and nothing else")
    for command in ("predict", "advise"):
        expect(case.run(command, "mserver"), 2, "there is no file mserver", "--kubeconfig FILE")


@test
def experiment_that_is_not_there(case):
    expect(case.run("run", "none.json", "-m", "m.json"), 2, "none.json", "No such file")


@test
def experiment_that_is_no_json(case):
    expect(case.run(experiment="{\n  \"version\": 1,\n  oops\n}"), 2, "e.json", "line 3")


@test
def typo_in_the_experiment(case):
    expect(case.run(experiment={"streams.0.conections": 5}), 2, "e.json", "streams[0]", "conections",
           "connections")


@test
def wrong_type(case):
    expect(case.run(experiment={"streams.0.rate": "fast"}), 2, "streams[0].rate", "400/s")


@test
def stream_that_is_not_there(case):
    expect(case.run(experiment={"steps.0.streams": ["t"]}), 2, "steps[0]", "\"t\"")


@test
def no_machine_file(case):
    expect(case.run("run", "e.json"), 2, "--machine")


@test
def typo_in_the_machine_file(case):
    expect(case.run(machine={"ports.0.ifcae": "x"}), 2, "m.json", "ports[0]", "ifcae", "iface")


@test
def target_outside_allow(case):
    expect(case.run(experiment={"target.address": "10.78.0.1"}), 2, "10.78.0.1", "allow")


@test
def target_is_an_own_address(case):
    expect(case.run(experiment={"target.address": "10.77.0.65"}), 2, "10.77.0.65")


@test
def nic_port_that_does_not_exist(case):
    expect(case.run(machine={"ports.0.iface": "nonexistent0"}), 3, "nonexistent0", IFACE)


@test
def driver_profile_that_does_not_exist(case):
    expect(case.run(machine={"ports.0.profile": "af_xpd"}), 2, "af_xpd", "af_xdp")


@test
def rate_above_the_driver_s_limit(case):
    expect(case.run(experiment={"streams.0.rate": "5M/s", "streams.0.connections": 1000}), 2,
           "packets/s", "af_packet")


@test
def next_hop_that_never_answers(case):
    expect(case.run(experiment={"target.address": "10.77.0.9"}), 3, "10.77.0.9")


@test
def nic_port_that_another_seamline_holds(case):
    case.run("help")  # Files.
    case.write("e.json", merged(EXPERIMENT, {"steps.1.for": "20s"}))
    case.write("m.json", MACHINE)
    first = subprocess.Popen([SEAMLINE, "run", "e.json", "-m", "m.json"], cwd=case.folder,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        for line in first.stderr:
            if "wait" in line:
                break
        result = case.run("run", "e.json", "-m", "m.json", "-q")
        expect(result, 3, "p0", str(first.pid))
    finally:
        first.terminate()
        first.communicate(timeout=30)
    assert first.returncode == 4, f"exit status {first.returncode} after SIGTERM"


@test
def kubeconfig_that_is_not_there(case):
    expect(case.run(experiment={"cluster": CLUSTER}), 2, "kubeconfig", "No such file")


@test
def context_that_is_not_there(case):
    files = {"kubeconfig": kubeconfig("https://127.0.0.1:1", token="t")}
    expect(case.run(experiment={"cluster": {**CLUSTER, "context": "other"}}, files=files), 2,
           "other", "there are: c")


@test
def server_that_is_not_there(case):
    port = closed_port()
    files = {"kubeconfig": kubeconfig(f"https://127.0.0.1:{port}", token="t")}
    expect(case.run(experiment={"cluster": CLUSTER}, files=files), 3, f"127.0.0.1:{port}")


@test
def run_directory_that_holds_a_run(case):
    os.makedirs(case.folder / "out")
    (case.folder / "out" / "cluster.jsonl").write_text("")
    expect(case.run("run", "e.json", "-m", "m.json", "-q", "-o", "out"), 2, "out",
           "already holds a run")


@test
def run_directory_that_cannot_be_made(case):
    expect(case.run("run", "e.json", "-m", "m.json", "-q", "-o", "/proc/none/x"), 3, "/proc/none", "-o")


@test
def no_root(case):
    os.chmod(case.folder, 0o777)
    result = case.run(prefix=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
    expect(result, 3, "root")


@test
def no_hugepages_when_they_are_wanted(case):
    held = pathlib.Path("/proc/sys/vm/nr_hugepages").read_text()
    free = [line for line in open("/proc/meminfo") if line.startswith("HugePages_Free")]
    wanted = int(free[0].split()[1]) * 2 + 64
    expect(case.run(machine={"memory": {"hugepages": "yes", "megabytes": wanted}}), 3, "hugepages")
    assert held == pathlib.Path("/proc/sys/vm/nr_hugepages").read_text()


@test
def run_that_came_to_nothing_leaves_nothing(case):
    expect(case.run("run", "e.json", "-m", "m.json", "-q", "-o", "out",
                    machine={"ports.0.iface": "nonexistent0"}), 3, "nonexistent0")
    assert not (case.folder / "out").exists()


@test
def report_of_a_run_without_traffic(case):
    expect(case.run("run", "e.json", "-m", "m.json", "-q", "-o", "out",
                    experiment={"target.address": "10.77.0.9"}), 3, "10.77.0.9")
    expect(case.run("report", "out"), 2, "no traffic was sent", "10.77.0.9")
    expect(case.run("undo", "out"), 0, "nothing to put back")


@test
def manifest_that_is_not_beside_the_experiment(case):
    steps = [{"do": "apply", "files": ["none.yaml"]}, *EXPERIMENT["steps"]]
    expect(case.run(experiment={"cluster": {**CLUSTER, "mayChange": ["configmap/mine"]}, "steps": steps}), 2,
           "e.json", "there is no manifest none.yaml", "beside the experiment")


@test
def manifest_that_may_not_be_applied(case):
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}}
    steps = [{"do": "apply", "files": ["a.json"]}, *EXPERIMENT["steps"]]
    expect(case.run(experiment={"cluster": {**CLUSTER, "mayChange": ["configmap/mine"]}, "steps": steps},
                    files={"a.json": manifest}), 2, "a.json", "configmap/other", "mayChange")


def interrupt(case, seconds):
    """What is left of a run that got SIGINT: its exit status, its words, whether it has a directory."""
    case.write("e.json", merged(EXPERIMENT, {"steps.1.for": "20s"}))
    case.write("m.json", MACHINE)
    process = subprocess.Popen([SEAMLINE, "run", "e.json", "-m", "m.json", "-o", "out"], cwd=case.folder,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if seconds is None:
        for line in process.stderr:
            if "wait" in line:
                break
    time.sleep(0.5 if seconds is None else seconds)
    process.send_signal(signal.SIGINT)
    out, text = process.communicate(timeout=30)
    assert "Sanitizer" not in text, text
    return process.returncode, text, out


@test
def interrupted_before_the_first_step(case):
    for seconds in (0.05, 0.15, 0.3):  # While the clock is calibrated, or ports are opened.
        code, text, _ = interrupt(case, seconds)
        if code == -signal.SIGINT:  # It had not begun yet.
            continue
        assert code == 4 and "interrupted" in text, f"{code}: {text}"
        assert (case.folder / "out").exists() == ("before the first step" not in text), text
        shutil.rmtree(case.folder / "out", ignore_errors=True)


@test
def interrupted_in_the_middle(case):
    code, text, out = interrupt(case, None)
    assert code == 4 and "the partial result is saved" in text, f"{code}: {text}"
    assert "INTERRUPTED" in out, out
    account = json.loads((case.folder / "out" / "run.json").read_text())
    stream = account["streams"][0]
    assert stream["due"] == sum(stream["outcomes"].values()) > 0, stream
    assert account["interrupted"] and account["final"], account


@test
def full_disk_under_the_run_directory(case):
    """64 KiB: enough for the beginning, not for the log of a fast stream."""
    script = ("mount -t tmpfs -o size=64k none disk && \"$0\" \"$@\"; status=$?; "
              "ls -l disk/out >&2; exit $status")
    (case.folder / "disk").mkdir()
    result = case.run("run", "e.json", "-m", "m.json", "-q", "-o", "disk/out",
                      experiment={"streams.0.rate": "4000/s", "streams.0.connections": 20,
                                  "steps.1.for": "3s"},
                      prefix=("unshare", "-m", "sh", "-c", script))
    expect(result, 3, "No space left on device", "disk/out", "-o", "the run goes on", "Stream s",
           "worker-0.log")
    assert result[1].count("the run goes on") == 1, result[1]


@test
def undo_of_no_run(case):
    expect(case.run("undo", "."), 2, "undo.jsonl")


@test
def report_of_no_run(case):
    expect(case.run("report", "."), 2, "meta.json")


def setup():
    def ip(*arguments):
        subprocess.run(["ip", *arguments], check=True)
    ip("link", "add", IFACE, "type", "veth", "peer", "name", PEER)
    for name in (IFACE, PEER):
        pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
        ip("link", "set", name, "up")
    # A neighbour that answers: the peer end, in the namespace of this test.
    ip("netns", "add", PEER)
    ip("link", "set", PEER, "netns", PEER)
    ip("-n", PEER, "addr", "add", "10.77.0.1/24", "dev", PEER)
    ip("-n", PEER, "link", "set", PEER, "up")


def teardown():
    subprocess.run(["ip", "netns", "del", PEER], check=False)
    subprocess.run(["ip", "link", "del", IFACE], check=False, stderr=subprocess.DEVNULL)


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return
    print(f"1..{len(TESTS)}")
    setup()
    try:
        for number, function in enumerate(TESTS, 1):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    function(Case(folder))
                    print(f"ok {number} - {function.__name__}")
                except (AssertionError, subprocess.TimeoutExpired) as problem:
                    print(f"not ok {number} - {function.__name__}")
                    print("\n".join("# " + line for line in str(problem).splitlines()))
    finally:
        teardown()


main()
