"""A veth pair with its far end in a network namespace of its own, for a peer on the kernel's TCP.

    with Veth("slweb", "10.77.3.1/24") as veth: ... a NIC port on veth.near ... veth.start([...])

Offloads that would hand over packets that no wire has, or none with a checksum, are off. Needs root.
"""
import subprocess


class Veth:
    def __init__(self, name, address):
        """NAME: of the namespace, and of the pair's ends with a 0 and a 1 behind. ADDRESS: the far end's."""
        self.netns, self.near, self.far = name, f"{name}0", f"{name}1"
        self.address = address

    def __enter__(self):
        self.__exit__()
        try:
            self._make()
        except subprocess.CalledProcessError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for command in (["link", "del", self.near], ["netns", "del", self.netns]):
            subprocess.run(["ip", *command], capture_output=True, timeout=10, check=False)

    def _make(self):
        off = ["tx", "off", "tso", "off", "gso", "off", "gro", "off"]
        inside = ["ip", "netns", "exec", self.netns]
        for command in (
                ["ip", "netns", "add", self.netns],
                ["ip", "link", "add", self.near, "numrxqueues", "1", "numtxqueues", "1", "type", "veth",
                 "peer", "name", self.far, "numrxqueues", "1", "numtxqueues", "1", "netns", self.netns],
                ["sysctl", "-qw", f"net.ipv6.conf.{self.near}.disable_ipv6=1"],
                ["ethtool", "-K", self.near, *off], [*inside, "ethtool", "-K", self.far, *off],
                ["ip", "link", "set", self.near, "up"],
                [*inside, "ip", "link", "set", "lo", "up"],
                [*inside, "ip", "addr", "add", self.address, "dev", self.far],
                [*inside, "ip", "link", "set", self.far, "up"]):
            subprocess.run(command, check=True, capture_output=True, timeout=10)

    def start(self, command, **more):
        """A process at the far end."""
        return subprocess.Popen(["ip", "netns", "exec", self.netns, *command], **more)

    def run(self, command, **more):
        """One that ends; what it did."""
        return subprocess.run(["ip", "netns", "exec", self.netns, *command], timeout=60, **more)
