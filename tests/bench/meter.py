# SPDX-License-Identifier: GPL-2.0-only
"""How many packets a core takes, in the time that it had for them.

Theory of operation: the flood's sender and the server's receive path share
one core, and take turns: 64 packets are sent, then received. So the flood is
as fast as the receiver lets it be and none is lost, and on a core of its own
packets a second say all. On a machine that is used otherwise the core is not
its own: therefore the scheduler is asked how long the sender ran (packets
received in its softirqs are part of that) and ksoftirqd, where a softirq may
go on, and packets are divided by that time. On a quiet machine it is the same.
Packets are counted by the server's veth. Counting begins when the flood runs
and ends while it runs; starting it costs nobody anything.
"""
import time
from dataclasses import dataclass

import netenv
from namespace import pids_named, wait_for

CPU = 0  # of the flood and the receive path; all else is on another
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
        raise AssertionError(f"/proc/net/dev does not know {self._iface}")


def ran_s(pids):
    """How long these processes ran, softirqs on their account included."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


@dataclass
class Load:
    """What a core took in a window of time."""
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
        """How much of the core was there for the flood."""
        return self.core_s / self.wall_s


class Flood:
    """with Flood(env, "syn") as f: load = f.measure(0.5)"""

    def __init__(self, env, kind, v6=False, rate=None):
        self._start = lambda: env.flood(kind, FLOOD_MAX_S, v6=v6, rate=rate,
                                        cpu=CPU, run=None)
        self._counter = VethCounter(env.server)
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
    """Makes the receive paths of both veths threads on the flood's core, more
    urgent than its sender, as an interrupt would be. All who send to them must
    be on that core, too: waking such a thread from another takes a virtual
    machine up to 80 µs, in which the sender overruns the queue."""
    for ns in (env.server, env.client):
        ns.thread_receiver(CPU)
