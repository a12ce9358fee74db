# SPDX-License-Identifier: GPL-2.0-only
"""Valid cookies with wrong checksums, from many addresses of one network.

Theory of operation: the kernel drops each such ACK, so nothing may stay of it:
no session, and none that the daemon asks anybody about. The table has room for
a tenth of them.
"""
import forms
from asked import Asked
from namespace import wait_for
from strangers import addresses, cookies

ADDRESSES = 200
PORTS = 15
CONFIG = "[sessions]\nmax = 1024\n"
LEFT_MOST_S = 2
ASKED_MOST = 50  # requests to the kernel a second, with good clients


def rows(bed):
    """Sessions of the strangers'."""
    near = ("[2001:db8:77:" if bed.v6 else "198.51.100.")
    return [r for r in bed.env.json("session", "list")
            if r["client"].startswith(near)]


def wrong(bed):
    env = bed.env
    opened = env.json("session", "totals")["total"]["opened"]
    with bed.attack("valid cookies with wrong checksums") as good:
        found = cookies(bed, [(a, 30000 + p) for p in range(PORTS)
                              for a in addresses(bed.v6, ADDRESSES)])
        frames = [forms.ip(c.packet(bed, wrong=True))[0] for c in found]
        with Asked(bed) as asked:
            out = bed.flood(frames)
            most = len(rows(bed))
    assert out["rounds"], f"the test itself: {out} of {len(frames)}"
    print(f"{len(found)} cookies, {most} sessions of strangers at the end, "
          f"{asked.count} requests to the kernel")
    wait_for(lambda: not rows(bed), LEFT_MOST_S, f"{bed.name}: nothing to be "
             f"left of {len(found)} ACKs that the kernel dropped; it was "
             f"{most}, and is {len(rows(bed))}, {rows(bed)[:2]}")
    opened = env.json("session", "totals")["total"]["opened"] - opened
    # 11: the connection that stays, and those afterwards
    assert opened <= good["served"] + 11, f"{bed.name}: {opened} sessions " \
        f"were opened, {good['served']} and 11 were good clients'"
    asked.at_most(ASKED_MOST * bed.seconds, f"{len(found)} of them")


wrong.config = lambda env: CONFIG
ATTACKS = [wrong]
COOKIES = ["own", "kernel"]
