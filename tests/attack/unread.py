# SPDX-License-Identifier: GPL-2.0-only
"""SYNs in every form that the kernel accepts, whether or not XDP can parse it.

Theory of operation: first a hundred SYNs in each form: all must be dropped or
answered, and counted as such. Then a flood of all forms, and the same from
denied sources, which get nothing back but the kernel's ICMP errors for
fragments that belong to no TCP.
"""
import random

import forms
from namespace import wait_for
from nettest import skip
from reasons import REASONS
from session_stats import deltas, reasons

SYNS = 100
VARIANTS = 150  # of each form in the flood
PASSED = {r.name for r in REASONS.values() if r.action == "PASS"}
DENIED = "[sources]\ndeny = {0}/denied\n"
DENIED_NETS = "198.18.0.0/15\n2001:db9::/32\n"


def ways(bed):
    return [f for f in forms.FORMS
            if f.v6 == bed.v6 and f.mtu <= bed.mtu]


def stranger(bed):
    return f"2001:db9::{random.randrange(1, 1 << 16):x}" if bed.v6 else \
        f"198.18.{random.randrange(256)}.{random.randrange(1, 255)}"


def syns(bed, form, count):
    """The frames of @n packets."""
    frames = []
    for _ in range(count):
        frames += form.build(bed.packet(
            stranger(bed), random.randrange(1024, 65536), 80,
            random.getrandbits(32), options=forms.OFFER,
            ident=random.getrandbits(32)))
    return frames


def stopped(bed, form):
    """A hundred SYNs in one form are stopped: dropped, or answered by XDP."""
    before = reasons(bed.env)
    frames = syns(bed, form, SYNS)
    got = {}

    def arrived():
        got.clear()
        got.update(deltas(before, reasons(bed.env)))
        return sum(got.values()) >= len(frames)

    with bed.packet_socket() as s:
        for frame in frames:
            bed.send(s, frame)
    wait_for(arrived, 3, f"{form.name}: {len(frames)} frames to be counted")
    past = {k: n for k, n in got.items() if k in PASSED}
    if form.build is forms.snap:
        return past  # the kernel does not see IP
    there = sum(got.values()) - sum(past.values())
    assert there >= SYNS, f"{bed.name}, {form.name}: of {SYNS} SYNs {there} " \
        f"were dropped or answered, and these passed by: {past}"
    return got


def each(bed):
    """Prints what each form is counted as; reports all that pass."""
    wrong = []
    with bed.attack("SYNs of each form", busy=False):
        for form in ways(bed):
            try:
                print(f"{form.name}: {stopped(bed, form)}")
            except AssertionError as e:
                wrong.append(str(e))
        assert not wrong, "\n".join(wrong)


def flood(bed):
    frames = []
    for form in ways(bed):
        frames += syns(bed, form, VARIANTS)
    with bed.attack("a flood of SYNs of all forms"):
        out = bed.flood(frames)
    assert out["rounds"], f"test set-up: {out} of {len(frames)}"


def denied(bed):
    frames = []
    for form in ways(bed):
        frames += syns(bed, form, VARIANTS)
    with bed.attack("SYNs of all forms from denied sources"):
        out = bed.flood(frames)
    assert out["rounds"], f"test set-up: {out} of {len(frames)}"
    assert not bed.back, f"{bed.name}: {bed.back} bytes came back to denied " \
        "denied"


def jumbo(bed):
    """Options so long that the TCP header is in a second buffer."""
    long = [f for f in ways(bed) if f.mtu > 1500]
    if not long:
        skip("IPv4 has no headers that long")
    frames = []
    for form in long:
        print(f"{form.name}: {stopped(bed, form)}")
        frames += syns(bed, form, VARIANTS)
    with bed.attack("SYNs behind 4 KB of options"):
        out = bed.flood(frames, rate=5000)
    assert out["rounds"], f"test set-up: {out} of {len(frames)}"


def deny(env):
    with open(f"{env.dir}/denied", "w", encoding="ascii") as f:
        f.write(DENIED_NETS)
    return DENIED.format(env.dir)


denied.config = deny
jumbo.mtu = 9000
ATTACKS = [each, flood, denied, jumbo]
COOKIES = ["own", "kernel"]
