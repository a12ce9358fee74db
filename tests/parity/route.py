#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""31: what the route, the interface and the firewall make of the answer.

Theory of operation: see trials.py. A route leads to the trial's own clients
only, so the trials do not meet.
"""
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import looks  # noqa: E402
import trials  # noqa: E402
import wire  # noqa: E402
from hand import Hand  # noqa: E402
from trials import each, trial  # noqa: E402


def answered(bed, **kwargs):
    """Of a SYN-ACK what routes and interfaces decide."""
    answer = bed.hand().talk().syn(**kwargs)
    seen = {"mss": answer.mss(), "window": answer.window,
            "scale": answer.wscale(), "ttl": answer.ttl,
            "flags": answer.flags}
    return seen if bed.v6 else seen | {"df": answer.df}


@each(31, (
    ("advmss", "advmss", "tunnels and PPPoE behind the router", "advmss",
     1200),
    ("mtu", "mtu", "a VPN's route; `ip route ... mtu`", "mtu", 1300),
    ("mtu_lock", "mtu lock", "paths where path MTU discovery is broken",
     "mtu", "lock", 1300),
    ("hoplimit", "hoplimit", "services that must stay near", "hoplimit", 7),
    ("initrwnd", "initrwnd", "CDNs that let uploads start fast", "initrwnd",
     20),
    ("window", "window", "hosts with little memory", "window", 3000),
    ("rto_min", "rto_min and quickack", "data centres", "rto_min", "5ms",
     "quickack", 1),
))
def a_route(bed, *words):
    bed.route(*words)
    listener = bed.listen()
    return bed.learned(lambda: answered(bed) | looks.exchange(bed, listener))


@trial(31, "features ecn", "a data centre's route with ECN, tcp_ecn = 0 "
       "otherwise")
def ecn(bed):
    bed.sysctl("net.ipv4.tcp_ecn", 0)
    bed.listen()
    hand = bed.hand()

    def flags():
        return hand.talk().syn(flags="SEC").flags
    off = bed.learned(lambda: {"without it": flags(), "with it": "SAE"})
    bed.route("features", "ecn")
    return bed.learned(lambda: off | {"with it": flags()})


@trial(31, "initcwnd", "CDNs; the first flight of a response")
def initcwnd(bed):
    bed.route("initcwnd", 4)
    listener = bed.listen()

    def measure():
        talk = bed.hand().talk().open()
        s, _ = listener.accept()
        with s:
            s.sendall(b"x" * 60000)
            flight = [a for a in talk.came() if a.data]
        talk.send("R")
        return {"segments": len({a.seq for a in flight}),
                "size": looks.largest(flight)}
    return bed.learned(measure)


@trial(31, "route of a gateway", "servers whose default route has advmss")
def gateway(bed):
    net = "2001:db8:9::1" if bed.v6 else "203.0.113.1"
    via = bed.client.ip6 if bed.v6 else bed.client.ip4
    family = "-6" if bed.v6 else "-4"
    where = [f"{net}/{bed.bits}", "via", via]
    bed.server.ip(family, "route", "add", *where, "advmss", "1200")
    bed.undo(bed.server.ip, family, "route", "del", *where)
    bed.listen()
    hand = Hand(bed, address=net)
    return bed.learned(lambda: {"mss": hand.talk().syn().mss()})


def ruled(bed, *rule, options=()):
    """The route to the trial's clients that @rule leads to has an MSS."""
    family = "-6" if bed.v6 else "-4"
    rule = [*rule, "lookup", str(bed.port)]
    bed.route("advmss", 1100, table=str(bed.port))
    bed.server.ip(family, "rule", "add", *rule)
    bed.undo(bed.server.ip, family, "rule", "del", *rule)
    bed.listen(*options)
    return bed.learned(lambda: answered(bed))


@trial(31, "policy routing", "hosts with several uplinks: a table per source "
       "or port")
def policy(bed):
    return ruled(bed, "ipproto", "tcp", "sport", str(bed.port))


@trial(31, "policy routing by source", "multihomed hosts: a table per address "
       "of their own")
def policy_source(bed):
    return ruled(bed, "from", bed.address)


@trial(31, "policy routing by client", "hosts with a VPN or an overlay: a "
       "table for its networks")
def policy_client(bed):
    return ruled(bed, "to", f"{bed.hand().ip}/{bed.bits}")


@trial(31, "policy routing by mark", "servers that mark their sockets "
       "(SO_MARK)")
def policy_mark(bed):
    return ruled(bed, "fwmark", str(bed.port),
                 options=[(socket.SOL_SOCKET, socket.SO_MARK, bed.port)])


@trial(31, "the host's or interface's hop limit", "router advertisements (Cur "
       "Hop Limit), ip_default_ttl")
def hop_limit(bed):
    bed.sysctl(f"net.ipv6.conf.{bed.server.iface}.hop_limit" if bed.v6 else
               "net.ipv4.ip_default_ttl", 200)
    bed.listen()
    return bed.learned(lambda: answered(bed))


@trial(31, "ip_no_pmtu_disc", "hosts behind broken path MTU discovery",
       families=(4,))
def no_pmtu_discovery(bed):
    bed.sysctl("net.ipv4.ip_no_pmtu_disc", 1)
    bed.listen()
    return bed.learned(lambda: answered(bed))


@each(31, (
    ("no_timestamps", "tcp_timestamps = 0", "hardening guides",
     "net.ipv4.tcp_timestamps"),
    ("no_sack", "tcp_sack = 0", "the advice against CVE-2019-11477",
     "net.ipv4.tcp_sack"),
    ("no_scaling", "tcp_window_scaling = 0", "broken middleboxes",
     "net.ipv4.tcp_window_scaling"),
))
def option_off(bed, key):
    bed.sysctl(key, 0)
    bed.listen()
    return bed.learned(lambda: {
        "options": wire.shown(bed.hand().talk().syn(), 1000)})


@trial(31, "MSS rewritten on the way out", "nftables or iptables TCPMSS in "
       "postrouting, clamp-mss-to-pmtu")
def maxseg_out(bed):
    bed.nft("chain c { type filter hook postrouting priority 0; tcp sport "
            "PORT tcp flags syn tcp option maxseg size set 1200; }")
    listener = bed.listen()
    return bed.learned(lambda: {"mss": bed.hand().talk().syn().mss(),
                                **looks.exchange(bed, listener)})


@trial(31, "MSS rewritten on the way in", "nftables or iptables TCPMSS in "
       "prerouting")
def maxseg_in(bed):
    bed.nft("chain c { type filter hook prerouting priority -150; tcp dport "
            "PORT tcp flags syn tcp option maxseg size set 1200; }")
    listener = bed.listen()
    return bed.learned(lambda: looks.exchange(bed, listener))


@trial(31, "DSCP set on the way out", "QoS rules of nftables: ip dscp set")
def dscp_out(bed):
    bed.nft("chain c { type filter hook postrouting priority 0; tcp sport "
            f"PORT {'ip6' if bed.v6 else 'ip'} dscp set 46; }}")
    bed.listen()
    return bed.learned(lambda: {"tos": bed.hand().talk().syn().tos})


if __name__ == "__main__":
    sys.exit(trials.main(__file__, sys.argv[1:]))
