# SPDX-License-Identifier: GPL-2.0-only
"""What must add up when soak.py is at rest.

Theory of operation: Packets compares what the driver passed to XDP with what
was counted since it was last asked; the others check the figures of the moment.
Each raises an AssertionError that shows them.
"""
import math
import re

import nettest
from namespace import wait_for
from reasons import REASONS

UNSEEN = 256  # packets at most, each time the link comes up: a veth's ring
GROWTH = 4 << 20  # bytes that actions done for the first time may take
PLAIN_ACK_BITS = 25  # of a cookie without timestamps


class Packets:
    def __init__(self, env):
        self.env = env
        self.base = self.look()
        self.links_up = 0  # since then
        self.received = 0

    def look(self):
        """(received, counted). What a veth receives while it is being brought
        up bypasses XDP but is in `ip -s link`, so the driver's own counter is
        used. A monitored service's packets are counted separately."""
        received = sum(map(int, re.findall(
            r"rx_queue_\d+_xdp_packets: (\d+)",
            self.env.server.run(["ethtool", "-S", "server0"]).stdout)))
        return received, sum(
            n for service in self.env.json("stats")["services"]
            for what in ("packets", "monitored")
            for reason, n in service[what].items() if not REASONS[reason].is_later())

    def all_counted(self, when, anyhow):
        """Packets received since last asked, and those that have a reason. The
        driver has no count of what XDP gets in skb mode. @anyhow: a service was
        removed, and its counters with it."""
        if nettest.mode() == "skb":
            return
        got, unseen = None, math.inf if anyhow else UNSEEN * self.links_up

        def agree():
            nonlocal got
            now = self.look()
            got = [n - then for n, then in zip(now, self.base)]
            if not 0 <= got[0] - got[1] <= unseen:
                return False
            self.base = now
            self.links_up = 0
            self.received += got[0]
            return True

        try:
            wait_for(agree, 5, "")
        except AssertionError:
            raise AssertionError(
                f"{when}: {got[0]} packets received, {got[1]} counted: "
                f"{self.env.json('stats')}") from None


def metrics_agree(text):
    """opened = ended + alive in the Prometheus metrics."""
    def total(name, labels=""):
        return sum(int(float(m)) for m in re.findall(
            rf"^{name}(?:{{[^}}]*{labels}[^}}]*}})? (\S+)$", text, re.M))

    opened = total("synkeeper_sessions_opened_total")
    ended = total("synkeeper_sessions_ended_total")
    alive = total("synkeeper_sessions")
    assert opened == ended + alive, f"by the metrics {opened} were opened, " \
        f"{ended} ended, {alive} are alive"


def no_more_guessed(forged, plain_acks):
    """Checks how many connections were admitted beyond those clients opened:
    @forged, in a flood of ACKs without timestamps. The number expected."""
    expected = plain_acks / 2 ** PLAIN_ACK_BITS
    # exceeded only once in 10^6 runs (Poisson)
    most = expected + 6 * expected ** 0.5 + 6
    assert forged <= most, f"{forged} connections were admitted that no " \
        f"client opened; guessing explains {expected:.2f}"
    return expected


def no_growth(half, whole):
    """(bytes, descriptors) of the daemon at half-time and at the end."""
    assert whole[1] == half[1], f"the daemon had {half[1]} descriptors " \
        f"at half-time, and now {whole[1]}"
    assert whole[0] - half[0] <= GROWTH, \
        f"the daemon has grown from {half[0] >> 10} kB at half-time to " \
        f"{whole[0] >> 10} kB"
