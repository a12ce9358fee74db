# SPDX-License-Identifier: GPL-2.0-only
"""One address that wants a service disarmed.

Theory of operation: SYN, cookie; an ACK with the valid cookie that the kernel
drops, for its TCP checksum or for what is below TCP; at times data on its
heels, which XDP may take for that connection's; then the ACK once more, or one
with another number, in a form that XDP might not read. The listener knows
nothing of it and answers RST. To egress it looks as if NAT had hidden the
socket. Port after port, all forms in turn, at times so fast that no good client
comes in between; whether anybody else uses the service or nobody does.
"""
import itertools
import time

import forms
from strangers import cookies

PORTS = 8  # a round
OTHER = 100000  # off the cookie's number
PAUSES_S = 0, 0.0015, 0.0015, 0.003  # between them: time for the daemon to look


def address(bed):
    return "2001:db8::77" if bed.v6 else "192.0.2.77"


def reach(bed):
    """His neighbour entry, as he answers no ARP."""
    env = bed.env
    env.server.ip("neigh", "replace", address(bed), "lladdr", env.client.mac,
                  "dev", env.server.iface, "nud", "permanent")


def dropped(bed, cookie, form, ident):
    """Frames of the ACK that the kernel drops; @form None: for its sum."""
    if form:
        return form.build(cookie.packet(bed, ident=ident))
    return forms.ip(cookie.packet(bed, wrong=True))


def strike(bed, ports, first, then, ident):
    """For each port, the frames of it."""
    strikes = []
    for c in cookies(bed, [(address(bed), p) for p in ports]):
        frames = dropped(bed, c, first, next(ident))
        if c.sport % 4 == 0:
            frames += forms.ip(c.packet(bed, forms.ACK | forms.PSH, b"G"))
        c.ack += OTHER if c.sport % 2 else 0
        frames += then.build(c.packet(bed, ident=next(ident)))
        strikes.append(frames)
        bed.handshakes += 1  # in a form that is read, he gets in
    return strikes


def disarm(bed, busy):
    reach(bed)
    ports, ident = itertools.count(20000), itertools.count(1)
    pauses = itertools.cycle(PAUSES_S)
    ways = [f for f in forms.FORMS if f.v6 == bed.v6 and f.mtu == 1500]
    firsts = itertools.cycle([None, *(f for f in ways if not f.taken)])
    thens = itertools.cycle([f for f in ways if f.taken])
    what = f"disarming a{' busy' if busy else 'n unused'} service"
    with bed.attack(what, busy), bed.packet_socket() as sock:
        while bed.more():
            pause = next(pauses)
            for frames in strike(bed, itertools.islice(ports, PORTS),
                                 next(firsts), next(thens), ident):
                for frame in frames:
                    bed.send(sock, frame)
                time.sleep(pause)
    assert next(ident) > 4 * PORTS, "the test itself: hardly any attack"


def unused(bed):
    disarm(bed, False)


def busy(bed):
    disarm(bed, True)


ATTACKS = [unused, busy]
COOKIES = ["auto", "own", "kernel"]
