# SPDX-License-Identifier: GPL-2.0-only
"""Rules on the way out that rewrite a SYN-ACK: a smaller MSS, another DSCP.

Theory of operation: the rules hold for two ports. Behind one is the plain
kernel, whose SYN-ACK meets them, so it is what the other, protected one must
send. Rules come and go while the daemon runs, which follows them.
"""
from namespace import wait_for
from nettest import net_test
from rulesets import chain, iptables, nft
from scapytools import Peer, synack
from session_stats import counted, protect
from sockets import listen

PLAIN = 81
OUT = "type filter hook postrouting priority 0"
LOCAL = "type filter hook output priority 0"
CLAMP = "tcp flags syn tcp option maxseg size set"

# what, hook, rules; "FROM": the two ports
RULESETS = (
    ("a smaller MSS", OUT, (f"FROM {CLAMP} 1200",)),
    ("no smaller one", OUT, (f"FROM {CLAMP} 8000",)),
    ("the route's", OUT, (f"FROM {CLAMP} rt mtu",)),
    ("the smaller of two", LOCAL, (f"FROM {CLAMP} 1300",
                                   f"FROM {CLAMP} 1100")),
    ("of SYN-ACKs", OUT, ("FROM tcp flags & (syn|ack) == syn|ack tcp option "
                          "maxseg size set 1000",)),
    ("of the others' SYNs", OUT, (f"tcp dport 80 {CLAMP} 900",)),
    ("behind what ends the chain", OUT, ("FROM accept", f"FROM {CLAMP} 900")),
    ("by this interface", OUT, (f"oifname server0 FROM {CLAMP} 1250",)),
    ("by another", OUT, (f"oifname other0 FROM {CLAMP} 900",)),
    ("a DSCP", OUT, ("FROM ip dscp set 46", "FROM ip6 dscp set 10")),
    ("both, later", OUT, ("FROM ip dscp set 12",
                          f"ct state established FROM {CLAMP} 1150")),
)
IPTABLES = (
    ("TCPMSS", "-t mangle -A POSTROUTING -p tcp --tcp-flags SYN,RST SYN "
     "-j TCPMSS --set-mss 1180"),
    ("--clamp-mss-to-pmtu", "-t mangle -A POSTROUTING -p tcp --tcp-flags "
     "SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu"),
    ("DSCP", "-t mangle -A POSTROUTING -p tcp -m multiport --sports 80,81 "
     "-j DSCP --set-dscp 34"),
)


def same(env, what, families=(False, True)):
    """Both ports' SYN-ACKs, until they are the same."""
    got = {}

    def equal():
        for v6 in families:
            with Peer(env, v6) as peer:
                got[v6] = [synack(peer, port) for port in (PLAIN, 80)]
        return all(plain == ours for plain, ours in got.values())

    try:
        wait_for(equal, 3, "the daemon to follow")
    except AssertionError:
        raise AssertionError(f"{what}: {{IPv6: [kernel's SYN-ACK, ours]}}: "
                             f"expected the same, got {got}") from None
    with counted(env, what, answered=len(families)):
        assert equal(), f"{what}: no longer the same: {got}"


@net_test
def test_by_nft(env):
    with listen(env), listen(env, port=PLAIN):
        protect(env)
        for what, hook, rules in RULESETS:
            nft(env, chain(*(r.replace("FROM", "tcp sport { 80, 81 }")
                             for r in rules), hook=hook))
            same(env, what)
        nft(env, "")
        same(env, "no rules")


@net_test
def test_by_iptables(env):
    with listen(env), listen(env, port=PLAIN):
        protect(env)
        for what, rule in IPTABLES:
            iptables(env, rule)
            same(env, what, families=(False,))


@net_test
def test_there_before_the_daemon(env):
    """The first client meets them already."""
    with listen(env), listen(env, port=PLAIN):
        nft(env, chain(f"{CLAMP} 1200", hook=OUT))
        protect(env)
        with Peer(env) as peer:
            plain, ours = [synack(peer, port) for port in (PLAIN, 80)]
        assert ours == plain, f"the kernel's SYN-ACK: {plain}, ours: {ours}"
