# SPDX-License-Identifier: GPL-2.0-only
"""A SYN flood at a container, through its host: a part of live.py.

Theory of operation: the host routes the flood from its outer veth to that of
the container, as it does what a NIC received: as socket buffers, not as XDP
frames. What a packet costs is measured on the core that sends, routes and
answers (meter.py). In native mode answers leave a veth only if its other end
has an XDP program, so the host's end has one that passes; skb mode needs none.
"""
import contextlib

import netenv
import rows
from defences import OTHER_CPU
from meter import Flood
from namespace import Namespace, run, wait_for
from rows import progress

KIND = "SYN flood through the host"
GATEWAY = "198.51.100.1"  # the host, to the container
KERNEL, NATIVE, SKB = "kernel SYN cookies", "Synkeeper native", "Synkeeper skb"


@contextlib.contextmanager
def opened(env):
    """The namespace of a container on @env's server, which routes to it."""
    host = env.server
    inside = Namespace(f"{env.name}-container", "inside0", env.dir,
                       "198.51.100.2", None, "02:00:00:00:00:03")
    run(["ip", "netns", "add", inside.name])
    host.ip("link", "add", "outside0", "type", "veth", "peer", inside.iface,
            "netns", inside.name)
    for ns, address, iface in ((host, GATEWAY, "outside0"),
                               (inside, inside.ip4, inside.iface)):
        ns.ip("addr", "add", f"{address}/24", "dev", iface)
        ns.ip("link", "set", iface, "up")
    inside.ip("route", "add", "default", "via", GATEWAY)
    host.sysctl("net.ipv4.ip_forward", 1)
    env.xdp(host, "pass")  # takes the flood's frames, as a driver does
    try:
        yield inside
    finally:
        inside.stop_all()


def protect(env, inside, mode):
    if mode == "native":
        env.server.run(["bpftool", "net", "attach", "xdpdrv", "pinned",
                        f"{env.bed_dir}/pass", "dev", "outside0"])
    daemon = inside.start(
        [f"{netenv.OUTPUT}/synkeeperd", "-i", inside.iface, "-s", "*:80",
         "-m", mode, "--pin-dir", env.pin_dir, "--control", env.control],
        name="synkeeperd")
    wait_for(lambda: daemon.check_alive() or env.answers(), 10,
             "synkeeperd in the container")


def measure(mode, seconds):
    """A Load. @mode: native, skb, or None for a kernel without Synkeeper."""
    with netenv.Env() as env, opened(env) as inside:
        server = inside.start(["taskset", "-c", OTHER_CPU,
                               f"{netenv.OUTPUT}/demo/serve", 80])
        inside.wait_listening(80, server)
        if mode:
            protect(env, inside, mode)
        with Flood(env, "syn", to=inside) as flood:
            return flood.measure(seconds)


def container_part(plan):
    modes = {KERNEL: None, NATIVE: "native", SKB: "skb"}
    if not any(plan.wants(f"container {KIND}: {title}") for title in modes):
        return
    got = {title: [] for title in modes}
    for i in range(plan.client_rounds):
        for title, mode in modes.items():
            load = measure(mode, 2 * plan.window_s)
            got[title].append(load.pps)
            progress(f"  container: round {i + 1}, {title}: {load.pps:.0f}/s")
    for title in modes:
        compare = {} if title == NATIVE else {
            "baseline": NATIVE, "base_values": got[NATIVE]}
        rows.emit(rows.row("container", f"{KIND}: {title}", "packets/core-s",
                           got[title], digits=0, case=KIND, defence=title,
                           **compare))
