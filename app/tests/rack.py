#!/usr/bin/env python3
"""scripts/rack on a tree of files that stands for a machine: what it does, and that undo puts back exactly what was.

usage: rack.py SOURCE_ROOT

No file of this machine is written. Prints TAP.
"""
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1])
LOADER = importlib.machinery.SourceFileLoader("rack", str(ROOT / "scripts/rack"))
sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import checks  # noqa: E402 (it stands beside)

rack = importlib.util.module_from_spec(importlib.util.spec_from_loader("rack", LOADER))
LOADER.exec_module(rack)

NIC, MLX, PLAIN = "0000:3b:00.0", "0000:5e:00.0", "0000:00:04.0"
ISOLATED = 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX isolcpus=2-3 nohz_full=2-3 rcu_nocbs=2-3"'
STEPS = [
    "/proc/sys/vm/nr_hugepages: 8 -> 324",
    f"bind {NIC}: ixgbe -> vfio-pci",
    f"bind {PLAIN}: virtio-pci -> uio_pci_generic",
    "/proc/irq/24/smp_affinity_list: 0-3 -> 0-1",
    "/proc/irq/25/smp_affinity_list: 3 -> 0-1",
    "/sys/devices/system/cpu/cpu3/cpufreq/scaling_governor: schedutil -> performance",
    f"write /etc/default/grub.d/seamline.cfg, then update-grub: {ISOLATED}",
]


class Kernel(rack.Machine):
    """What writing to these files does, on a machine."""
    pages_most = 10000
    stuck = ()

    def write(self, name, text):
        name = str(name)
        parts = name.split("/")
        if name in self.stuck:
            raise rack.Failure(f"/{name}: Input/output error")
        if name == "proc/sys/vm/nr_hugepages":
            text = str(min(int(text), self.pages_most))
        elif parts[-1] in ("bind", "unbind"):
            link = self.path(f"sys/bus/pci/devices/{text}/driver")
            if parts[-1] == "unbind":
                link.unlink()
            else:
                link.symlink_to(f"../../drivers/{parts[-2]}")
            return
        elif parts[-1] == "driver_override" and text == "":
            text = "(null)"
        super().write(name, text)


def put(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def make(folder):
    """A machine with four cores and three cards, and its machine file."""
    root = folder / "root"
    for name, text in {
            "proc/sys/kernel/random/boot_id": "first", "proc/sys/vm/nr_hugepages": "8",
            "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "4",
            "sys/devices/system/cpu/online": "0-3", "sys/devices/system/cpu/isolated": "",
            "sys/devices/system/cpu/cpu2/cpufreq/scaling_governor": "performance",
            "sys/devices/system/cpu/cpu3/cpufreq/scaling_governor": "schedutil",
            "proc/irq/24/smp_affinity_list": "0-3", "proc/irq/25/smp_affinity_list": "3",
            "proc/irq/26/smp_affinity_list": "0", "proc/irq/default_smp_affinity": "f",
            "proc/net/route": "Iface\tDestination\neth0\t00000000"}.items():
        put(root, name, text)
    for address, driver in ((NIC, "ixgbe"), (MLX, "mlx5_core"), (PLAIN, "virtio-pci")):
        put(root, f"sys/bus/pci/devices/{address}/driver_override", "(null)")
        (root / f"sys/bus/pci/drivers/{driver}").mkdir(parents=True)
        (root / f"sys/bus/pci/devices/{address}/driver").symlink_to(f"../../drivers/{driver}")
    (root / f"sys/bus/pci/devices/{NIC}/iommu_group").mkdir()
    (root / f"sys/bus/pci/devices/{NIC}/net/ens1").mkdir(parents=True)
    for driver in ("vfio-pci", "uio_pci_generic"):
        (root / f"sys/bus/pci/drivers/{driver}").mkdir()
    (root / "etc/default/grub.d").mkdir(parents=True)
    for program in ("modprobe", "update-grub"):
        put(root, f"usr/sbin/{program}", f'#!/bin/sh\necho {program} "$@" >> {folder}/ran')
        os.chmod(root / f"usr/sbin/{program}", 0o755)
    ports = [{"name": "a", "profile": "pci", "pci": NIC}, {"name": "b", "profile": "pci", "pci": MLX},
             {"name": "c", "profile": "virtio-pci", "pci": PLAIN}]
    (folder / "machine.json").write_text(json.dumps(
        {"version": 1, "ports": ports, "cores": {"workers": [2, 3]}, "memory": {"megabytes": 512}}))
    return root


def look(root):
    """All that the tree holds."""
    return {str(path.relative_to(root)): os.readlink(path) if path.is_symlink() else path.read_text()
            for path in root.rglob("*") if path.is_symlink() or path.is_file()}


class Case:
    """One machine, and what is done to it."""

    def __init__(self, folder):
        self.folder, self.root = folder, make(folder)
        self.kernel = Kernel(self.root)
        self.before = look(self.root)

    def do(self, command, *words):
        """The exit status, and the lines that were printed."""
        out = io.StringIO()
        old, sys.argv = sys.argv, ["rack", command, "-m", str(self.folder / "machine.json"), "--root", str(self.root),
                                   *words]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                rack.Machine, real = (lambda _: self.kernel), rack.Machine
                try:
                    status = rack.main()
                finally:
                    rack.Machine = real
        finally:
            sys.argv = old
        return status, out.getvalue().splitlines()

    def ran(self):
        path = self.folder / "ran"
        return path.read_text().splitlines() if path.exists() else []


def usual(case):
    status, lines = case.do("prepare", "--dry-run")
    yield "a dry run tells all steps", (status, lines) == (0, STEPS), lines
    yield "and changes nothing", look(case.root) == case.before, lines
    status, lines = case.do("prepare")
    yield "without consent nothing is done", status == 2 and "--yes" in lines[-1] and look(case.root) == case.before, lines
    status, lines = case.do("prepare", "--yes")
    after = look(case.root)
    yield "prepare does them", (status, lines) == (0, STEPS + ["isolation begins with the next boot"]), lines
    yield "hugepages", after["proc/sys/vm/nr_hugepages"] == "324\n", after
    yield "drivers, that of mlx5 stays", [os.path.basename(after[f"sys/bus/pci/devices/{each}/driver"])
                                          for each in (NIC, MLX, PLAIN)] == ["vfio-pci", "mlx5_core", "uio_pci_generic"], after
    yield "their modules are loaded", case.ran() == ["modprobe vfio-pci", "modprobe uio_pci_generic", "update-grub"], case.ran()
    yield "interrupts", [after[f"proc/irq/{each}/smp_affinity_list"] for each in (24, 25, 26)] == ["0-1\n", "0-1\n", "0\n"], after
    yield "isolation", after["etc/default/grub.d/seamline.cfg"] == ISOLATED + "\n", after
    put(case.root, "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "320")
    status, lines = case.do("prepare", "--yes")
    yield "a second time there is nothing to do", (status, lines) == (0, ["nothing is to be done"]), lines
    put(case.root, "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "4")
    status, lines = case.do("undo", "--dry-run")
    yield "undo goes back from the last step", status == 0 and lines[0].startswith("remove /etc/default/grub.d") \
        and lines[-1] == "/proc/sys/vm/nr_hugepages: 324 -> 8" and len(lines) == len(STEPS), lines
    status, lines = case.do("undo", "--yes")
    yield "undo puts back exactly what was", status == 0 and look(case.root) == case.before, (status, lines)
    yield "and GRUB's configuration", case.ran()[-1] == "update-grub" and case.ran().count("update-grub") == 2, case.ran()
    yield "then there is nothing more", case.do("undo", "--yes") == (0, ["nothing is to be undone"]), lines


def others(case):
    case.do("prepare", "--yes")
    put(case.root, "proc/sys/vm/nr_hugepages", "999")
    status, lines = case.do("undo", "--yes")
    yield "what others changed since is left, and told", status == 3 and any(
        line.startswith("left as it is, somebody changed it since: /proc/sys/vm/nr_hugepages") for line in lines), lines
    put(case.root, "proc/sys/vm/nr_hugepages", "8")
    yield "the rest is put back", look(case.root) == case.before, lines


def shared(case):
    """Others keep files beside the journal."""
    put(case.root, "var/lib/seamline/other", "kept")
    case.before = look(case.root)
    case.do("prepare", "--yes")
    status, lines = case.do("undo", "--yes")
    yield "a folder that others use is left", status == 0 and look(case.root) == case.before, (status, lines)


def reboots(case):
    case.do("prepare", "--yes")
    put(case.root, "proc/sys/kernel/random/boot_id", "second")
    status, lines = case.do("undo", "--dry-run")
    yield "after a reboot only GRUB's file is to be undone", (status, lines) == (
        0, ["remove /etc/default/grub.d/seamline.cfg, then update-grub"]), lines


def refusals(case):
    case.kernel.pages_most = 100
    case.kernel.stuck = ("proc/irq/25/smp_affinity_list",)
    status, lines = case.do("prepare", "--yes", "--without", "drivers", "--without", "isolation")
    yield "too few hugepages are a failure", status == 3 and \
        "FAILED: /proc/sys/vm/nr_hugepages: wanted 324, the kernel gives 100" in lines, lines
    yield "and put back", look(case.root)["proc/sys/vm/nr_hugepages"] == "8\n", lines
    yield "an interrupt that stays is told", any(
        line.startswith("not done: /proc/irq/25") for line in lines) and len(lines) == 6, lines
    case.do("undo", "--yes")
    yield "the rest can be undone", look(case.root) == case.before, look(case.root)
    put(case.root, "proc/net/route", "Iface\tDestination\nens1\t00000000")
    status, lines = case.do("prepare", "--yes")
    yield "a NIC with routes is not taken", status == 3 and "ens1, which has routes" in lines[-1], lines
    status, lines = case.do("prepare", "--dry-run", "--force")
    yield "but by force", (status, lines) == (0, STEPS), lines
    (case.root / f"sys/bus/pci/devices/{NIC}/iommu_group").rmdir()
    status, lines = case.do("prepare", "--yes", "--force")
    yield "without an IOMMU vfio-pci is refused", status == 3 and "no IOMMU group" in lines[-1], lines


def killed(case):
    """Between the journal's line and the step: the step was not made."""
    class Dead(Exception):
        pass

    def die(*_):
        raise Dead
    case.kernel.run, run = die, case.kernel.run
    with contextlib.suppress(Dead):
        case.do("prepare", "--yes")
    case.kernel.run = run
    status, lines = case.do("undo", "--yes")
    yield "what was begun when it was killed is left, for it is as it was", status == 3 and any(
        f"bind {NIC}" in line for line in lines), lines
    yield "what was done is put back", look(case.root) == case.before, lines


def hostile(case):
    for name, text in (("no JSON", "{"), ("no object", "[]"), ("no cores", '{"ports": []}'),
                       ("cores of text", '{"ports": [], "cores": {"workers": ["../x"]}}'),
                       ("a path as profile", '{"ports": [{"name": "a", "profile": "../x"}], "cores": {"workers": []}}'),
                       ("memory of text", '{"ports": [], "cores": {"workers": []}, "memory": {"megabytes": "x"}}'),
                       ("a path as device", '{"ports": [{"name": "a", "profile": "pci", "pci": "../../etc"}],'
                                            ' "cores": {"workers": [2]}}')):
        (case.folder / "machine.json").write_text(text)
        status, lines = case.do("prepare", "--yes")
        yield f"a machine file with {name} is refused", status == 2 and look(case.root) == case.before, lines
    put(case.root, rack.STATE, "{}")
    status, lines = case.do("undo", "--yes")
    yield "a damaged state is told", status == 3 and "damaged" in lines[-1], lines


def itself(_):
    done = subprocess.run([ROOT / "scripts/rack", "prepare"], capture_output=True, text=True, timeout=60, check=False)
    yield "the program itself wants a machine file", done.returncode == 2 and "-m is missing" in done.stderr, done


def everything():
    for test in (usual, others, shared, reboots, refusals, killed, hostile, itself):
        with tempfile.TemporaryDirectory(prefix="seamline-rack-") as folder:
            for what, good, why in test(Case(pathlib.Path(folder))):
                yield what, [] if good else str(why).splitlines() or ["no account of it"]


if __name__ == "__main__":
    sys.exit(0 if checks.tell(everything()) else 1)
