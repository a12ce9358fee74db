# SPDX-License-Identifier: GPL-2.0-only
"""One address that tries to get a service disarmed.

Theory of operation: SYN, cookie; an ACK with the valid cookie that the kernel
drops because of its TCP checksum or the headers below TCP; sometimes data right
behind it, which XDP may attribute to that connection; then the ACK again, or
one with another number, in a form that XDP might fail to parse. The listener
knows nothing of it and answers RST. At egress this looks as if NAT had hidden
the socket. One port after another, all forms in turn, partly so fast that no
good client comes in between; with other clients using the service, or without.
"""
import itertools
import time

import forms
from strangers import cookies

PORTS = 8  # per round
OTHER = 100000  # offset from the cookie's number
PAUSES_S = 0, 0.0015, 0.0015, 0.003  # between them: the daemon gets to look


def address(bed):
    return "2001:db8::77" if bed.v6 else "192.0.2.77"


def reach(bed):
    """His neighbour entry, as he does not answer ARP."""
    env = bed.env
    env.server.ip("neigh", "replace", address(bed), "lladdr", env.client.mac,
                  "dev", env.server.iface, "nud", "permanent")


def dropped(bed, cookie, form, ident):
    """Frames of the ACK that the kernel drops; @form None: wrong checksum."""
    if form:
        return form.build(cookie.packet(bed, ident=ident))
    return forms.ip(cookie.packet(bed, wrong=True))


def strike(bed, ports, first, then, ident):
    """The frames for each port."""
    strikes = []
    for c in cookies(bed, [(address(bed), p) for p in ports]):
        frames = dropped(bed, c, first, next(ident))
        if c.sport % 4 == 0:
            frames += forms.ip(c.packet(bed, forms.ACK | forms.PSH, b"G"))
        c.ack += OTHER if c.sport % 2 else 0
        frames += then.build(c.packet(bed, ident=next(ident)))
        strikes.append(frames)
        bed.handshakes += 1  # in a form that XDP parses, he is admitted
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
    assert next(ident) > 4 * PORTS, "test set-up: hardly any attack"


def unused(bed):
    disarm(bed, False)


def busy(bed):
    disarm(bed, True)


ATTACKS = [unused, busy]
COOKIES = ["auto", "own", "kernel"]
