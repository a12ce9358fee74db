# SPDX-License-Identifier: GPL-2.0-only
"""How many packets a core processes, in the time that it had for them.

Theory of operation: the flood's sender and the server's receive path share one
core and take turns: 64 packets are sent, then received. So the flood is as fast
as the receiver allows and nothing is lost; on a dedicated core, packets per
second would be enough. On a shared machine the core is not ours alone.
Therefore packets are divided by the time for which, according to the scheduler,
the sender ran (which includes packets received in its softirqs) and ksoftirqd,
where softirqs may continue. On a quiet machine both are the same. Packets are
counted by the server's veth. Counting starts and ends while the flood is
running, so starting it costs nothing.
"""
import time
from dataclasses import dataclass

import netenv
from namespace import pids_named, wait_for

CPU = 0  # of the flood and the receive path; everything else is on another
WARM_UP_S = 0.1
FLOOD_MAX_S = 60


class VethCounter:
    """The packets that a namespace's veth has received."""

    def __init__(self, ns):
        self._iface = ns.iface + ":"
        with ns.inside():
            # stays in that namespace, wherever it is read
            self._file = open("/proc/thread-self/net/dev", encoding="ascii")

    def close(self):
        self._file.close()

    def __call__(self):
        self._file.seek(0)
        for line in self._file:
            if line.lstrip().startswith(self._iface):
                return int(line.split(":")[1].split()[1])
        raise AssertionError(f"/proc/net/dev has no {self._iface}")


def ran_s(pids):
    """How long these processes ran, softirqs charged to them included."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


@dataclass
class Load:
    """What a core processed in a period of time."""
    packets: int
    core_s: float
    wall_s: float

    @property
    def pps(self):
        """Packets per second of core time."""
        return self.packets / self.core_s

    @property
    def ns(self):
        """Core time per packet, the sender's included."""
        return 1e9 / self.pps

    @property
    def share(self):
        """The share of the core that the flood had."""
        return self.core_s / self.wall_s


class Flood:
    """with Flood(env, "syn") as f: load = f.measure(0.5)"""

    def __init__(self, env, kind, v6=False, rate=None, to=None):
        """@to: a namespace behind the server."""
        self._start = lambda: env.flood(kind, FLOOD_MAX_S, v6=v6, rate=rate,
                                        cpu=CPU, run=None, to=to)
        self._counter = VethCounter(to or env.server)
        self._ksoftirqd = pids_named(f"ksoftirqd/{CPU}")
        self.process = None
        self.sent = 0

    def __enter__(self):
        before = self._counter()
        self.process = self._start()
        wait_for(lambda: self.process.check_alive() or
                 self._counter() > before + 2000, 10, "the flood")
        time.sleep(WARM_UP_S)
        return self

    def __exit__(self, kind, *_):
        self.process.stop()
        self._counter.close()
        if not kind:
            self.sent = netenv.last_json(self.process)["sent"]

    def _look(self):
        return (time.perf_counter(), self._counter(),
                ran_s([self.process.pid, *self._ksoftirqd]))

    def begin(self):
        self._begun = self._look()

    def end(self):
        wall, packets, core = (b - a for a, b in
                               zip(self._begun, self._look()))
        self.process.check_alive()
        return Load(packets, core, wall)

    def measure(self, seconds):
        self.begin()
        time.sleep(seconds)
        return self.end()


def pin_receivers(env):
    """Makes the receive paths of both veths threads on the flood's core, with a
    higher priority than its sender, like an interrupt. All who send to them
    must be on that core, too: waking such a thread from another core takes a
    virtual machine up to 80 µs, in which the sender overruns the queue."""
    for ns in (env.server, env.client):
        ns.thread_receiver(CPU)
