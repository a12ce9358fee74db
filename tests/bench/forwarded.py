# SPDX-License-Identifier: GPL-2.0-only
"""A SYN flood at a container, through its host: a part of live.py.

Theory of operation: the host routes the flood from its outer veth to that of
the container, as it does what a NIC received: as socket buffers, not as XDP
frames. What a packet costs is measured on the core that sends, routes and
answers (meter.py). In native mode answers leave a veth only if its other end
has an XDP program, so the host's end has one that passes; skb mode needs none.
"""
import netenv
import rows
from defences import OTHER_CPU
from meter import Flood
from namespace import Namespace, run, wait_for
from rows import progress

KIND = "SYN flood through the host"
KERNEL, NATIVE, SKB = "kernel SYN cookies", "Synkeeper native", "Synkeeper skb"


class Container:
    """with Container(mode) as c: c.measure(seconds) is a Load. @mode: native,
    skb, or None for a kernel without Synkeeper."""

    def __init__(self, mode):
        self.mode = mode
        self.env = netenv.Env()

    def __enter__(self):
        self.env.__enter__()
        try:
            self._set_up(self.env)
        except BaseException:
            self.env.close()
            raise
        return self

    def __exit__(self, *_):
        self.ns.stop_all()
        self.env.close()

    def _set_up(self, env):
        host = env.server
        self.ns = Namespace(f"{env.name}-container", "inside0", env.dir,
                            "198.51.100.2", None, "02:00:00:00:00:03")
        run(["ip", "netns", "add", self.ns.name])
        host.ip("link", "add", "outside0", "type", "veth", "peer", "inside0",
                "netns", self.ns.name)
        for ns, address, iface in ((host, "198.51.100.1", "outside0"),
                                   (self.ns, self.ns.ip4, "inside0")):
            ns.ip("addr", "add", f"{address}/24", "dev", iface)
            ns.ip("link", "set", iface, "up")
        self.ns.ip("route", "add", "default", "via", "198.51.100.1")
        host.sysctl("net.ipv4.ip_forward", 1)
        env.xdp(host, "pass")  # takes the flood's frames, as a driver does
        server = self.ns.start(["taskset", "-c", OTHER_CPU,
                                f"{netenv.OUTPUT}/demo/serve", 80])
        self.ns.wait_listening(80, server)
        if self.mode == "native":
            host.run(["bpftool", "net", "attach", "xdpdrv", "pinned",
                      f"{env.bed_dir}/pass", "dev", "outside0"])
        if self.mode:
            self._protect(env)

    def _protect(self, env):
        daemon = self.ns.start(
            [f"{netenv.OUTPUT}/synkeeperd", "-i", "inside0", "-s", "*:80",
             "-m", self.mode, "--pin-dir", env.pin_dir, "--control",
             env.control], name="synkeeperd")
        wait_for(lambda: daemon.check_alive() or env.answers(), 10,
                 "synkeeperd in the container")

    def measure(self, seconds):
        with Flood(self.env, "syn", to=self.ns) as flood:
            return flood.measure(seconds)


def container_part(plan):
    modes = {KERNEL: None, NATIVE: "native", SKB: "skb"}
    if not any(plan.wants(f"container {KIND}: {title}") for title in modes):
        return
    got = {title: [] for title in modes}
    for i in range(plan.client_rounds):
        for title, mode in modes.items():
            with Container(mode) as c:
                load = c.measure(2 * plan.window_s)
            got[title].append(load.pps)
            progress(f"  container: round {i + 1}, {title}: {load.pps:.0f}/s")
    for title in modes:
        compare = {} if title == NATIVE else {
            "baseline": NATIVE, "base_values": got[NATIVE]}
        rows.emit(rows.row("container", f"{KIND}: {title}", "packets/core-s",
                           got[title], digits=0, case=KIND, defence=title,
                           **compare))
