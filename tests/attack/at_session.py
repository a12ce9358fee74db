# SPDX-License-Identifier: GPL-2.0-only
"""RST, FIN and SYN in every form, aimed at somebody else's connection.

Theory of operation: the attacker knows the 4-tuple but not the sequence
numbers. The connection keeps talking, and its session must not change.
"""
import random

import forms
from goodclients import Held
from unread import ways

VARIANTS = 20  # of each kind in each form
KINDS = (forms.RST, forms.RST | forms.ACK, forms.FIN | forms.ACK, forms.SYN,
         forms.SYN | forms.FIN | forms.RST, 0)


def frames_at(bed, held):
    src, sport = held.socket.getsockname()[:2]
    frames = []
    for form in ways(bed):
        for flags in KINDS:
            for _ in range(VARIANTS):
                frames += form.build(bed.packet(
                    src, sport, 80, random.getrandbits(32),
                    random.getrandbits(32), flags,
                    ident=random.getrandbits(32)))
    random.shuffle(frames)
    return frames


def states(bed, held):
    src, sport = held.socket.getsockname()[:2]
    client = f"[{src}]:{sport}" if bed.v6 else f"{src}:{sport}"
    return [r["state"] for r in bed.env.json("session", "list")
            if r["client"] == client]


def forged(bed):
    held = Held(bed.env, v6=bed.v6)
    with bed.attack("RST, FIN and SYN of all forms at a connection"):
        spray = bed.spray(frames_at(bed, held), rate=5000)
        while spray.alive():
            held.ask("during forged segments")
            bed.look()
        out = bed.sprayed(spray)
        held.ask("after forged segments")
        got = states(bed, held)
    assert out["frames"] > 1000, f"test set-up: {out}"
    assert got == ["established"], f"{bed.name}: after forged segments the " \
        f"session was {got}, expected established"


ATTACKS = [forged]
COOKIES = ["own", "kernel"]
