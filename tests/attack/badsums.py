# SPDX-License-Identifier: GPL-2.0-only
"""Valid cookies that the kernel drops, from many addresses of one network.

Theory of operation: the TCP checksum is wrong, or the headers below TCP are
such that XDP can read them but the kernel drops the packet. Such an ACK must
leave nothing behind: no session, and none that the daemon has to ask the kernel
about. The table has room for a third of them.
"""
import forms
from asked import Asked
from namespace import wait_for
from slack import FACTOR
from strangers import addresses, cookies

ADDRESSES = 200
PORTS = 15
CONFIG = "[sessions]\nmax = 1024\n"
LEFT_MOST_S = 4  # the daemon checks ours after a second, once a second
ASKED_MOST = 50  # requests to the kernel per second, with good clients


def rows(bed):
    """The strangers' sessions."""
    near = ("[2001:db8:77:" if bed.v6 else "198.51.100.")
    return [r for r in bed.env.json("session", "list")
            if r["client"].startswith(near)]


def dropped(bed, what, frames_of):
    env = bed.env
    opened = env.json("session", "totals")["total"]["opened"]
    with bed.attack(what) as good:
        found = cookies(bed, [(a, 30000 + p) for p in range(PORTS)
                              for a in addresses(bed.v6, ADDRESSES)])
        frames = []
        for i, c in enumerate(found):
            frames += frames_of(c, i)
        with Asked(bed) as asked:
            out = bed.flood(frames)
            most = len(rows(bed))
    assert out["rounds"], f"test set-up: {out} of {len(frames)}"
    print(f"{len(found)} cookies, {most} sessions of strangers at the end, "
          f"{asked.count} requests to the kernel")
    wait_for(lambda: not rows(bed), LEFT_MOST_S / FACTOR, f"{bed.name}: "
             f"nothing to remain of {len(found)} ACKs that the kernel "
             f"dropped, {what}; it was {most}, and is {len(rows(bed))}, "
             f"{rows(bed)[:2]}")
    opened = env.json("session", "totals")["total"]["opened"] - opened
    # 11: the long-lived connection, and those afterwards
    assert opened <= good["served"] + 11, f"{bed.name}: {opened} sessions " \
        f"were opened, {good['served']} and 11 were good clients'"
    asked.at_most(ASKED_MOST * bed.seconds, f"{len(found)} of them")


def wrong(bed):
    dropped(bed, "valid cookies with wrong checksums",
            lambda c, i: forms.ip(c.packet(bed, wrong=True)))


def unfit(bed):
    """Correct checksums, in forms that the kernel rejects."""
    ways = [f for f in forms.FORMS if f.v6 == bed.v6 and not f.taken]
    dropped(bed, "valid cookies in what the kernel drops",
            lambda c, i: ways[i % len(ways)].build(c.packet(bed, ident=i)))


wrong.config = unfit.config = lambda env: CONFIG
ATTACKS = [wrong, unfit]
COOKIES = ["own", "kernel"]
