#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""32: to which MAC address the answer goes.

Theory of operation: a SYN comes from the MAC of a director, while the client's
neighbour entry, or the route, names another. The bed is one wire, so a frame to
anybody reaches the sniffer; its destination is what is compared.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import trials  # noqa: E402
from bed import DIRECTOR  # noqa: E402
from hand import Hand  # noqa: E402
from trials import each, trial  # noqa: E402

GATEWAY = "02:00:00:00:00:0e"
NAMES = {DIRECTOR: "the SYN's sender", GATEWAY: "the route's gateway"}


def name(bed, mac):
    return NAMES.get(mac) or ("the client" if mac == bed.client.mac else mac)


def whereto(bed, listener, hand, to=None, src_mac=DIRECTOR):
    """Of a handshake and the first data: which MAC each goes to."""
    talk = hand.talk(to=to)
    answer = talk.syn(src_mac=src_mac)
    if not answer:
        return {"SYN-ACK to": "nobody"}
    talk.send("A", src_mac=src_mac)
    s, _ = listener.accept()
    with s:
        s.sendall(b"hello")
        data = talk.next("P")
    talk.send("R", src_mac=src_mac)
    return {"SYN-ACK to": name(bed, answer.dst_mac),
            "from the server's MAC": answer.src_mac == bed.server.mac,
            "data to": data and name(bed, data.dst_mac)}


@trial(32, "LVS direct routing", "keepalived and IPVS in DR mode: a virtual "
       "address on lo, SYNs from the director")
def lvs_dr(bed):
    vip = f"2001:db8::{bed.port}" if bed.v6 else f"192.0.2.{250 + bed.port % 4}"
    bed.server.ip("addr", "add", f"{vip}/{bed.bits}", "dev", "lo")
    bed.undo(bed.server.ip, "addr", "del", f"{vip}/{bed.bits}", "dev", "lo")
    listener = bed.listen()
    return bed.learned(lambda: whereto(bed, listener, bed.hand(), vip))


@trial(32, "a static neighbour", "directors and firewalls that forward by MAC "
       "on the same wire")
def static_neighbour(bed):
    listener = bed.listen()
    return bed.learned(lambda: whereto(bed, listener, bed.hand()))


@trial(32, "a learned neighbour", "the same with ARP and neighbour discovery")
def learned_neighbour(bed):
    listener = bed.listen()
    source = bed.source(known=False)
    silence(bed)
    hand = Hand(bed, address=source)
    hand.came()  # the reply to its ping needs the neighbour
    return bed.learned(lambda: whereto(bed, listener, hand))


@trial(32, "a neighbour not yet known", "the first packet of a client on the "
       "wire")
def unknown_neighbour(bed):
    listener = bed.listen()
    source = bed.source(known=False)
    silence(bed)
    return whereto(bed, listener, Hand(bed, address=source))


def silence(bed):
    """The client's kernel owns the address and must not reset what the hand
    connects with it."""
    bed.nft("chain c { type filter hook output priority 0; tcp dport PORT tcp "
            "flags rst drop; }", bed.client)


def far(bed, *via):
    """A client behind a router; @via: how the server reaches it."""
    n = bed.port % 200 + 1
    address = f"2001:db8:9::{n}" if bed.v6 else f"203.0.113.{n}"
    if via:
        family = "-6" if bed.v6 else "-4"
        where = [f"{address}/{bed.bits}", *via]
        bed.server.ip(family, "route", "add", *where)
        bed.undo(bed.server.ip, family, "route", "del", *where)
    return Hand(bed, address=address)


def gateway(bed, v6):
    """A router that is not the SYN's sender."""
    address = "2001:db8::fe" if v6 else "192.0.2.254"
    bed.server.ip("neigh", "replace", address, "lladdr", GATEWAY, "dev",
                  bed.server.iface, "nud", "permanent")
    return address


@trial(32, "a router's other MAC", "VRRP and HSRP: packets come from the "
       "router's own MAC, and leave to the virtual one")
def default_route(bed):
    listener = bed.listen()
    return bed.learned(lambda: whereto(bed, listener, far(bed)))


@trial(32, "asymmetric gateways", "two routers: one in, the other out")
def asymmetric(bed):
    hand = far(bed, "via", gateway(bed, bed.v6), "dev", bed.server.iface)
    listener = bed.listen()
    return bed.learned(lambda: whereto(bed, listener, hand,
                                       src_mac=bed.client.mac))


@each(32, (
    ("multipath", "several gateways at once", "hosts with two uplinks, ECMP by "
     "address", 0),
    ("multipath_ports", "several gateways, by ports as well",
     "fib_multipath_hash_policy = 1", 1),
))
def multipath(bed, policy):
    """Which gateway each of eight clients is answered through."""
    family = "6" if bed.v6 else "4"
    bed.sysctl(f"net.ipv{family}.fib_multipath_hash_policy", policy)
    net = "2001:db8:a::" if bed.v6 else "198.51.100."
    second = "2001:db8::fd" if bed.v6 else "192.0.2.253"
    bed.server.ip("neigh", "replace", second, "lladdr", DIRECTOR, "dev",
                  bed.server.iface, "nud", "permanent")
    where = [net + ("/64" if bed.v6 else "0/24")]
    for via in (gateway(bed, bed.v6), second):
        where += ["nexthop", "via", via, "dev", bed.server.iface]
    bed.server.ip(f"-{family}", "route", "add", *where)
    bed.undo(bed.server.ip, f"-{family}", "route", "del", where[0])
    bed.listen()
    hand = Hand(bed, address=f"{net}1")

    def answers():
        seen = {}
        for n in range(1, 9):
            hand.use(f"{net}{n}")
            answer = hand.talk(sport=20000 + n).syn(src_mac=bed.client.mac)
            seen[f"client {n}"] = NAMES.get(answer.dst_mac, answer.dst_mac) \
                if answer else "nobody"
        return seen
    return bed.learned(answers)


@trial(32, "a nexthop object", "FRR and systemd-networkd: routes with nhid")
def nexthop_object(bed):
    family = "-6" if bed.v6 else "-4"
    bed.server.ip(family, "nexthop", "add", "id", str(bed.port), "via",
                  gateway(bed, bed.v6), "dev", bed.server.iface)
    bed.undo(bed.server.ip, "nexthop", "del", "id", str(bed.port))
    hand = far(bed, "nhid", str(bed.port))
    listener = bed.listen()
    return bed.learned(lambda: whereto(bed, listener, hand,
                                       src_mac=bed.client.mac))


@trial(32, "IPv4 by an IPv6 gateway", "BGP unnumbered (RFC 5549)",
       families=(4,))
def mixed_families(bed):
    hand = far(bed, "via", "inet6", gateway(bed, True), "dev",
               bed.server.iface)
    listener = bed.listen()
    return bed.learned(lambda: whereto(bed, listener, hand,
                                       src_mac=bed.client.mac))


@trial(32, "policy routing by port", "hosts with an uplink per service")
def policy(bed):
    hand = far(bed)
    family = "-6" if bed.v6 else "-4"
    rule = ["ipproto", "tcp", "sport", str(bed.port), "lookup", str(bed.port)]
    bed.server.ip(family, "route", "add", "default", "via",
                  gateway(bed, bed.v6), "dev", bed.server.iface, "table",
                  str(bed.port))
    bed.undo(bed.server.ip, family, "route", "flush", "table", str(bed.port))
    bed.server.ip(family, "rule", "add", *rule)
    bed.undo(bed.server.ip, family, "rule", "del", *rule)
    listener = bed.listen()
    return bed.learned(lambda: whereto(bed, listener, hand,
                                       src_mac=bed.client.mac))


if __name__ == "__main__":
    sys.exit(trials.main(__file__, sys.argv[1:]))
