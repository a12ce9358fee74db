# SPDX-License-Identifier: GPL-2.0-only
"""One address that wants a service disarmed.

Theory of operation: SYN, cookie; an ACK with the valid cookie that the kernel
drops, for its TCP checksum; then the same ACK, or one with another number, in
a form that XDP might not read, so that the listener sees it, knows nothing of
it and answers RST. To egress it looks as if NAT had hidden the socket. Port
after port, all forms in turn, at times so fast that no good client comes in
between; whether anybody else uses the service or nobody does.
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


def strike(bed, ports, form, sock, ident, pause):
    frames = []
    for c in cookies(bed, [(address(bed), p) for p in ports]):
        wrong = forms.ip(c.packet(bed, wrong=True))
        c.ack += OTHER if c.sport % 2 else 0
        frames.append(wrong + form.build(c.packet(bed, ident=next(ident))))
    for of_one in frames:
        bed.handshakes += 1  # in a form that is read, he gets in
        for frame in of_one:
            bed.send(sock, frame)
        time.sleep(pause)


def disarm(bed, busy):
    reach(bed)
    ports, ident = itertools.count(20000), itertools.count(1)
    pauses = itertools.cycle(PAUSES_S)
    ways = [f for f in forms.FORMS if f.v6 == bed.v6 and f.mtu == 1500]
    what = f"disarming a{' busy' if busy else 'n unused'} service"
    with bed.attack(what, busy), bed.packet_socket() as sock:
        for form, pause in zip(itertools.cycle(ways), pauses):
            if not bed.more():
                break
            strike(bed, itertools.islice(ports, PORTS), form, sock, ident,
                   pause)
    assert next(ident) > 2 * PORTS, "the test itself: hardly any attack"


def unused(bed):
    disarm(bed, False)


def busy(bed):
    disarm(bed, True)


ATTACKS = [unused, busy]
COOKIES = ["auto", "own", "kernel"]
