# SPDX-License-Identifier: GPL-2.0-only
"""The holder of a connection sends what the kernel drops.

Theory of operation: the sequence numbers are right and the checksums wrong, so
the kernel drops it all: data, FIN, RST, SYN. No session may end, and each must
match its socket once the daemon has asked the kernel; in the end opened =
ended + alive.
"""
import itertools
import random

import forms
from namespace import wait_for
from strangers import addresses, cookies
from teardown import stats_agree

HOLDERS = 20
DATA = b"x" * 100
WRONG = (("data", forms.ACK | forms.PSH), ("FIN", forms.FIN | forms.ACK),
         ("RST", forms.RST), ("RST-ACK", forms.RST | forms.ACK),
         ("SYN", forms.SYN), ("an ACK", forms.ACK))


def rows(bed):
    near = "[2001:db8:77:" if bed.v6 else "198.51.100."
    return [r["state"] for r in bed.env.json("session", "list")
            if r["client"].startswith(near)]


def hold(bed, found, sock):
    for c in found:
        sock.send(forms.ip(c.packet(bed))[0])
    bed.handshakes += len(found)
    wait_for(lambda: rows(bed).count("established") == len(found), 3,
             f"{len(found)} connections to be established")


def send_wrong(bed, found, sock, what, flags):
    for c in found:
        frame = forms.ip(c.packet(bed, flags, DATA if what == "data" else b"",
                                  wrong=True))[0]
        bed.send(sock, frame)
    bed.barrier()
    assert len(rows(bed)) == len(found), f"{bed.name}: {len(found)} " \
        f"connections, after {what} with a wrong checksum {rows(bed)}"
    wait_for(lambda: rows(bed) == ["established"] * len(found), 5,
             f"{len(found)} sessions to match their sockets, after "
             f"{what} with a wrong checksum")


def wrong(bed):
    with bed.packet_socket() as sock:
        with bed.attack("a holder's segments with wrong checksums"):
            found = cookies(bed, [(a, random.randrange(30000, 40000))
                                  for a in addresses(bed.v6, HOLDERS)])
            hold(bed, found, sock)
            for what, flags in itertools.cycle(WRONG):
                send_wrong(bed, found, sock, what, flags)
                if what == WRONG[-1][0] and not bed.more():
                    break
            for c in found:
                sock.send(forms.ip(c.packet(bed, forms.RST))[0])
            wait_for(lambda: "established" not in rows(bed), 3,
                     "real RSTs to end the connections")
        stats_agree(bed.env, f"{bed.name}, after all")


ATTACKS = [wrong]
COOKIES = ["own", "kernel"]
