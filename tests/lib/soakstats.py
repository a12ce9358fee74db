# SPDX-License-Identifier: GPL-2.0-only
"""What must add up when soak.py is at rest.

Theory of operation: Packets compares what the driver gave to XDP with what was
counted, since it was last asked; the others look at figures of a moment. Each
raises an AssertionError that names them.
"""
import math
import re

import nettest
from namespace import wait_for
from reasons import REASONS

UNSEEN = 256  # packets at most, each time that the link comes up: a veth's ring
GROWTH = 4 << 20  # bytes that actions done for the first time may have taken
PLAIN_ACK_BITS = 25  # of a cookie without timestamps


class Packets:
    def __init__(self, env):
        self.env = env
        self.base = self.look()
        self.links_up = 0  # since then
        self.received = 0

    def look(self):
        """(received, counted). What a veth receives while it is being brought
        up does not pass XDP, but is in `ip -s link`: so the driver's own
        count is taken. A monitored service counts some apart."""
        received = sum(map(int, re.findall(
            r"rx_queue_\d+_xdp_packets: (\d+)",
            self.env.server.run(["ethtool", "-S", "server0"]).stdout)))
        return received, sum(
            n for service in self.env.json("stats")["services"]
            for what in ("packets", "monitored")
            for reason, n in service[what].items() if not REASONS[reason].is_later())

    def all_counted(self, when, anyhow):
        """Packets received since last asked, and those that have a reason.
        Of what XDP gets in skb mode the driver does not tell. @anyhow: a
        service has gone and taken its counters with it."""
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
    """opened = ended + alive of what Prometheus is told."""
    def total(name, labels=""):
        return sum(int(float(m)) for m in re.findall(
            rf"^{name}(?:{{[^}}]*{labels}[^}}]*}})? (\S+)$", text, re.M))

    opened = total("synkeeper_sessions_opened_total")
    ended = total("synkeeper_sessions_ended_total")
    alive = total("synkeeper_sessions")
    assert opened == ended + alive, f"by the metrics {opened} were opened, " \
        f"{ended} ended, {alive} are alive"


def no_more_guessed(forged, plain_acks):
    """@forged connections were admitted beyond those that clients opened, in a
    flood of so many ACKs without timestamps. How many may be expected."""
    expected = plain_acks / 2 ** PLAIN_ACK_BITS
    # more than that only once in 10^6 runs (Poisson)
    most = expected + 6 * expected ** 0.5 + 6
    assert forged <= most, f"{forged} connections were admitted that no " \
        f"client opened; {expected:.2f} expected to be guessed"
    return expected


def no_growth(half, whole):
    """(bytes, descriptors) of the daemon at half-time and at the end."""
    assert whole[1] == half[1], f"the daemon had {half[1]} descriptors " \
        f"at half-time, and now {whole[1]}"
    assert whole[0] - half[0] <= GROWTH, \
        f"the daemon has grown from {half[0] >> 10} kB at half-time to " \
        f"{whole[0] >> 10} kB"
