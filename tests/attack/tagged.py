# SPDX-License-Identifier: GPL-2.0-only
"""Complete connections in VLAN 0 tags.

Theory of operation: the kernel removes the tags and serves the connection, so a
client behind two of them must be served, too, and the service keeps its
cookies. tc sees such a packet with one tag left, where no socket can be
assigned.
"""
from scapy.layers.inet import TCP
from scapy.layers.l2 import Dot1Q
from scapy.packet import Raw

from scapytools import LINUX, Peer

REQUEST = b"GET /1k HTTP/1.0\r\n\r\n"


def one(bed, peer, tags):
    """Handshake, request and response; everything sent in @tags tags."""
    flow, name = peer.flow(), f"a client in {tags} tags of VLAN 0"
    outer = peer.ether()
    for _ in range(tags):
        outer = outer / Dot1Q(vlan=0)
    ip = outer / peer.ip_header()
    flow.syn(LINUX, what=name, ip=ip)
    flow.send("A", ip=ip)
    flow.send("PA", REQUEST, ip=ip)
    try:
        answer = peer.recv(lambda f: flow.matches(f) and
                           ("R" in f[TCP].flags or Raw in f), 3,
                           f"{name}: a response to its request")
        assert "R" not in answer[TCP].flags and \
            b" 200 " in bytes(answer[TCP].payload), \
            f"{name}: expected HTTP 200, got {answer.summary()}"
        bed.handshakes += 1
    finally:
        flow.send("RA", ip=ip, seq=flow.seq + len(REQUEST))


def clients(bed):
    served, why = 0, []
    with bed.attack("clients in tags of VLAN 0"), \
            Peer(bed.env, bed.v6) as peer:
        bed.answers_grow = True  # the page is larger than the request
        while bed.more():
            for tags in (1, 2):
                try:
                    one(bed, peer, tags)
                    served += 1
                except AssertionError as e:
                    why.append(str(e))
    print(f"{served} clients in tags were served, {len(why)} were not")
    assert not why, f"{bed.name}: {len(why)} of {len(why) + served} clients " \
        f"in tags were not served; the first: {why[0]}"
    assert served >= 4, f"test set-up: {served} clients in tags"


ATTACKS = [clients]
COOKIES = ["auto", "own", "kernel"]
