# SPDX-License-Identifier: GPL-2.0-only
"""Bulk transfers through the protected port: a part of live.py.

Theory of operation: iperf3, one connection, with the server on one core and the
client on the other. Bits are divided by the time that both and ksoftirqd ran
(meter.py says why). A veth with an XDP program in native mode loses
segmentation offload, whatever the program; so Synkeeper is compared with a
program that only passes, in the same mode, and the bare veth is reported
beside it.
"""
import json
import shutil

import rows
from defences import NATIVE, OTHER_CPU, SKB, Beds, Defence
from meter import CPU, pids_named, ran_s
from rows import progress

PORT = 5201


class Bulk(Defence):
    """A bed with iperf3 instead of nginx."""

    def __init__(self, key, title, native=True):
        super().__init__(key, title)
        self.native = native

    def set_up(self, env, cpu):
        p = env.server.start(["taskset", "-c", cpu, "iperf3", "-s", "-p",
                              PORT], name="iperf3")
        env.server.wait_listening(PORT, p)
        getattr(self, "_" + self.key)(env)

    @staticmethod
    def _bare(env):
        env.xdp(env.client, None)

    @staticmethod
    def _passing(env):
        env.xdp(env.server, "pass")

    @staticmethod
    def _passing_skb(env):
        env.server.run(["bpftool", "net", "attach", "xdpgeneric", "pinned",
                        f"{env.bed_dir}/pass", "dev", env.server.iface])

    @staticmethod
    def _native(env):
        env.synkeeperd("-m", "native", services=(f"*:{PORT}",))

    @staticmethod
    def _skb(env):
        env.synkeeperd("-m", "skb", services=(f"*:{PORT}",))


BARE = Bulk("bare", "nothing attached")
PASSING = Bulk("passing", "XDP_PASS native")
PASSING_SKB = Bulk("passing_skb", "XDP_PASS skb")
COMPARED = {PASSING: BARE, Bulk("native", str(NATIVE)): PASSING,
            PASSING_SKB: BARE, Bulk("skb", str(SKB)): PASSING_SKB}
WAYS = (("to the server", ()), ("from the server", ("-R",)))


def transfer(env, flags, seconds):
    """Gigabits received per second of core time."""
    ksoftirqd = pids_named("ksoftirqd/")
    before = ran_s(ksoftirqd)
    out = env.client.run(
        ["taskset", "-c", OTHER_CPU, "iperf3", "-J", "-c", env.server.ip4,
         "-p", PORT, "-t", seconds, *flags], timeout=seconds + 10).stdout
    end = json.loads(out)["end"]
    ran = end["cpu_utilization_percent"]
    core_s = (ran["host_total"] + ran["remote_total"]) / 100 * seconds + \
        ran_s(ksoftirqd) - before
    return end["sum_received"]["bytes"] * 8 / 1e9 / core_s


def bulk_part(plan):
    if not any(plan.wants(f"bulk {way}: {d}") for way, _ in WAYS
               for d in (BARE, *COMPARED)):
        return
    if not shutil.which("iperf3"):
        rows.emit(rows.skipped("bulk", "all", "iperf3 is not installed"))
        return
    results = {(d, way): [] for d in (BARE, *COMPARED) for way, _ in WAYS}
    with Beds((BARE, *COMPARED), CPU) as beds:
        for i in range(plan.client_rounds):
            progress(f"  bulk: round {i + 1}")
            for way, flags in WAYS:
                for d in beds.present():
                    results[d, way].append(transfer(beds[d], flags, 1))
    for way, _ in WAYS:
        for d in (BARE, *COMPARED):
            base = COMPARED.get(d)
            compare = {"baseline": str(base), "base_values":
                       results[base, way]} if base else {}
            rows.emit(rows.row("bulk", f"{way}: {d}", "Gbit/core-s",
                               results[d, way], digits=2, **compare,
                               case=way, defence=str(d)))
