#!/usr/bin/env python3
"""The pocket cluster comes and goes without a trace, also when its daemon is killed.

usage: lifecycle.py SEAMLINE-LAB

The test runs in network, mount and process namespaces of its own, so that whatever is left over there is the
lab's: links, network namespaces, processes, mounts, nftables tables. Prints TAP.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

LAB = pathlib.Path(sys.argv[1]).resolve()
IFACE = "slcycle0"
STAYING = {"lab.log", "truth.jsonl"}
CYCLES = 20
KILLS = 10


def output(*command):
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout


def lab(folder, *arguments, status=0):
    """What it prints, both outputs together."""
    command, *rest = arguments
    # The daemon has no terminal: what sanitizers find goes to files, which files_left() would see.
    log = f"log_path={folder}/sanitizer"
    done = subprocess.run([LAB, command, "--dir", folder, *rest], text=True,
                          env={**os.environ, "ASAN_OPTIONS": log, "UBSAN_OPTIONS": log}, timeout=60,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == status, f"{arguments}: exit status {done.returncode}: {done.stdout}"
    assert "Sanitizer" not in done.stdout, done.stdout
    return done.stdout


def up(folder, number, iface=IFACE):
    """Every other one has pods."""
    more = ("static", "--pods", "2", "--set", "podReady=0s") if number % 2 else ("up",)
    lab(folder, *more, "--nodes", "1", "--profile", "ideal", "--iface", iface)
    return json.loads(lab(folder, "status"))


def reap():
    """This process is the first of its namespace: orphans are its own."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] > 0:
            pass
    except ChildProcessError:
        pass


def traces():
    """All that the lab could leave, by kind."""
    reap()
    processes = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_text().replace("\0", " ")
                processes += [words] if words else []  # One that has ended has none: reap() takes it.
            except OSError:
                pass
    return {
        "links": sorted(line.split(":")[1].strip() for line in output("ip", "-o", "link").splitlines()),
        "namespaces": output("lsns", "-t", "net", "-n", "-o", "NS").split(),
        "processes": processes,
        "mounts": pathlib.Path("/proc/self/mounts").read_text(),
        "tables": output("nft", "list", "tables"),
        "open": sorted(os.listdir("/proc/self/fd")),
    }


def same(before, wait_s=0):
    """Nothing is left; what the kernel takes away by itself may take WAIT_S."""
    end = time.monotonic() + wait_s
    while (after := traces()) != before and time.monotonic() < end:
        time.sleep(0.05)
    for kind, value in before.items():
        assert after[kind] == value, f"{kind}: {value} before, {after[kind]} after"


def files_left(folder):
    left = set(os.listdir(folder))
    found = "".join(path.read_text() for path in folder.glob("sanitizer*"))
    assert left == STAYING, f"files in --dir after down: {left}\n{found}"


TESTS = []


def test(function):
    TESTS.append(function)
    return function


@test
def up_and_down_many_times(folder):
    before = traces()
    for number in range(CYCLES):
        status = up(folder, number)
        assert len(status["pods"]) == (2 if number % 2 else 0), status
        seen = traces()
        assert len(seen["links"]) == len(before["links"]) + 1 and seen["processes"], seen
        lab(folder, "down")
        same(before, wait_s=5)
    files_left(folder)


@test
def daemon_killed_many_times(folder):
    before = traces()
    for number in range(KILLS):
        pid = up(folder, number)["pid"]
        os.kill(pid, signal.SIGKILL)
        if number == 0:
            same(before, wait_s=10)
        up(folder, number + 1)  # At once: the kernel may still be at it.
        lab(folder, "down")
        same(before, wait_s=10)
    files_left(folder)


@test
def daemon_terminated(folder):
    before = traces()
    os.kill(up(folder, 1)["pid"], signal.SIGTERM)
    same(before, wait_s=10)
    files_left(folder)


@test
def down_twice_and_after_a_kill(folder):
    up(folder, 0)
    lab(folder, "down")
    lab(folder, "down")
    os.kill(up(folder, 0)["pid"], signal.SIGKILL)
    lab(folder, "down")
    lab(folder, "down")
    files_left(folder)
    assert "no lab is up" in lab(folder, "status", status=3)


@test
def down_where_nothing_ever_was(folder):
    lab(folder, "down")
    assert os.listdir(folder) == []


@test
def callers_files_are_not_kept(folder):
    """Who reads the caller's output does not wait for the end of the lab."""
    reader, writer = os.pipe()
    subprocess.run([LAB, "static", "--pods", "1", "--nodes", "1", "--iface", IFACE, "--dir", folder,
                    "--set", "podReady=0s"],
                   check=True, capture_output=True, pass_fds=(writer,), timeout=60)
    os.close(writer)
    os.set_blocking(reader, False)
    kept = os.read(reader, 1) != b""  # BlockingIOError: somebody holds the other end.
    os.close(reader)
    lab(folder, "down")
    assert not kept


@test
def up_twice(folder):
    first = up(folder, 1)
    text = lab(folder, "up", "--iface", IFACE, status=3)
    assert "up in" in text and str(folder) in text and "down" in text, text
    second = json.loads(lab(folder, "status"))
    assert (second["pid"], second["pods"]) == (first["pid"], first["pods"]), (first, second)
    lab(folder, "down")


@test
def same_interface_in_another_folder(folder):
    (folder / "a").mkdir()
    first = up(folder / "a", 1)
    text = lab(folder / "b", "up", "--iface", IFACE, status=3)
    assert IFACE in text and "--iface" in text and "down" in text, text
    assert json.loads(lab(folder / "a", "status"))["pods"] == first["pods"]
    assert "no lab is up" in lab(folder / "b", "status", status=3)
    lab(folder / "a", "down")


@test
def two_labs_at_a_time(folder):
    (folder / "a").mkdir()
    pids = {up(folder / "a", 1)["pid"], up(folder / "b", 1, "slcycle1")["pid"]}
    assert len(pids) == 2
    for name in ("a", "b"):
        answer = lab(folder / name, "exec", "n1", "--", "ip", "-o", "-4", "addr", "show", "dev", "eth0")
        assert "10.200.0.11/24" in answer, answer
    lab(folder / "a", "down")
    assert len(json.loads(lab(folder / "b", "status"))["pods"]) == 2
    lab(folder / "b", "down")


@test
def errors_leave_nothing(folder):
    before = traces()
    for words, status, wanted in (
            (("up", "--profile", "none"), 2, "kubeadm"),
            (("up", "--set", "podReady=soon"), 2, "podReady"),
            (("up", "--nodes", "33"), 2, "--nodes"),
            (("up", "--iface", "a-name-that-is-too-long"), 2, "--iface"),
            (("up", "--image", "web"), 2, "IMAGE=PROGRAM"),
            (("up", "--inside", "a\tbox"), 2, "--inside"),
            (("up", "--iface", "lo"), 3, "lo exists"),
            (("up", "--iface", "a/b"), 3, "a/b"),
            (("status", "more"), 2, "more"),
            (("kill", "pod-1"), 3, "no lab is up"),
            (("frobnicate",), 2, "frobnicate")):
        text = lab(folder, *words, status=status)
        assert wanted in text, f"{words}: {wanted!r} is not in: {text}"
        same(before, wait_s=5)


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return
    if os.getpid() != 1:
        os.execvp("unshare", ["unshare", "-n", "-m", "-p", "-f", "--mount-proc", "--kill-child",
                              sys.executable, __file__, str(LAB)])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    print(f"1..{len(TESTS)}", flush=True)
    for number, function in enumerate(TESTS, 1):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="seamline-cycle-"))
        started = time.monotonic()
        try:
            before = traces()
            function(folder)
            same(before, wait_s=10)  # Else the next one would begin with what is about to go.
            print(f"# {time.monotonic() - started:.1f} s\nok {number} - {function.__name__}", flush=True)
        except (AssertionError, OSError, ValueError, KeyError, subprocess.SubprocessError) as problem:
            print("\n".join("# " + line for line in (str(problem) or repr(problem)).splitlines()))
            print(f"not ok {number} - {function.__name__}", flush=True)
            for name in ("a", "b", "."):
                subprocess.run([LAB, "down", "--dir", folder / name], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


main()
