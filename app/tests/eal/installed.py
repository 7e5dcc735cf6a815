"""What `meson install` puts in place is whole, and runs from there.

installed.py BUILD SOURCE VERSION: installs BUILD into a folder of its own, by DESTDIR.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

MACHINE = {
    "version": 1, "name": "installed", "allow": [],
    "ports": [{"name": "a", "profile": "no-such", "iface": "lo", "clients": ["192.0.2.1/32"]}],
    "cores": {"workers": [0]}, "memory": {"hugepages": "no", "megabytes": 64},
}


def run(*command):
    """From the root folder, so that nothing is found beside the caller."""
    return subprocess.run([str(word) for word in command], cwd="/", capture_output=True, text=True, timeout=120)


def everything(folder, build, source, version):
    done = run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", folder / "root")
    yield "meson install", done.returncode == 0, done.stdout + done.stderr
    programs = list((folder / "root").rglob("bin/seamline"))
    yield "seamline is in bin", len(programs) == 1, programs
    own = programs[0].parent
    share = own.parent / "share"

    for name in ("seamline", "seamline-lab", "seamline-pod"):
        yield f"{name} is there", (own / name).exists(), list(own.iterdir())
    done = run(own / "seamline", "--version")
    yield "it says its version", done.stdout == f"seamline {version}\n", done
    done = run(own / "seamline-lab", "--help")
    yield "seamline-lab runs", done.returncode == 0 and "--profile" in done.stdout, done

    for name in ("config", "drivers-cfg"):
        wanted = {path.name for path in (source / name).iterdir()}
        there = {path.name for path in (share / "seamline" / name).iterdir()}
        yield f"{name} is whole", wanted and wanted == there, wanted ^ there
    done = run(share / "seamline/scripts/rack", "--help")
    yield "scripts/rack runs", done.returncode == 0 and "undo" in done.stdout, done
    wanted = {path.name for path in (source / "docs").glob("*.md")}
    there = {path.name for path in (share / "doc/seamline").glob("*.md")}
    yield "docs are whole", wanted and wanted <= there, wanted - there

    done = run(own / "seamline", "run", share / "seamline/config/seamlessness.json", "--list")
    yield "an installed experiment is read", done.returncode == 0 and "host" in done.stdout, done
    machine = folder / "machine.json"
    machine.write_text(json.dumps(MACHINE))
    done = run(own / "seamline", "respond", "-m", machine, "--http")
    yield ("installed driver profiles are found", done.returncode == 2 and
           "share/seamline/drivers-cfg" in done.stderr and "af_xdp" in done.stderr, done)


def main():
    build, source, version = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    number, failed = 0, 0
    with tempfile.TemporaryDirectory(prefix="seamline-installed-") as folder:
        for what, good, why in everything(pathlib.Path(folder), build, source, version):
            number += 1
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {what}")
            if not good:
                print("\n".join(f"# {line}" for line in str(why).splitlines()))
    print(f"1..{number}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
