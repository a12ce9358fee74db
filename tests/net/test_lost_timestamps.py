# SPDX-License-Identifier: GPL-2.0-only
"""Clients whose timestamps vanish or change on the way.

Theory of operation: the client's firewall plays the middlebox. What both ends
agree on is seen in `ss`; megabytes then move both ways, since a window scale
that only one side believes in opens a connection, but stalls it. Where the
middlebox rewrites timestamps, a hand-made client watches the server's.
"""
from backend import needs_own_cookies
from nettest import net_test
from scapytools import LINUX, Peer
from scapy.layers.inet import TCP
from session_stats import counted, protect
from sockets import accept, listen, move, pair, receive, tcp_info

SYN_ACK = "input", "tcp flags & (syn|ack) == (syn|ack)"
OWN = "output", "tcp flags & syn == 0"
SCALE_7 = "4096 131072 6291456"  # of tcp_rmem


def strip(env, hook, which):
    env.client.run(["nft", "-f", "-"], input=f"""
table inet middlebox {{
	chain strip {{
		type filter hook {hook} priority mangle
		meta l4proto tcp {which} reset tcp option timestamp
	}}
}}
""")


def full_speed_without(env, where):
    needs_own_cookies("the kernel's have no options without timestamps")
    env.client.sysctl("net.ipv4.tcp_rmem", SCALE_7)
    strip(env, *where)
    with listen(env) as listener:
        protect(env)
        for v6 in (False, True):
            name = f"IPv{6 if v6 else 4}"
            with counted(env, name, answered=1, admitted=1, bad_cookie=0):
                c, s = pair(env, listener, v6=v6)
                with c, s:
                    move(c, s, 8 << 20)
                    got = tcp_info(env.server, s)
                    peer = tcp_info(env.client, c)
            ours, theirs = got["wscale"].split(",")[0], \
                peer["wscale"].split(",")[1]
            assert ours == theirs == "7", f"{name}: expected scale 7 " \
                f"on both sides, got {got}, {peer}"
            assert "ts" not in got and "sack" in got, \
                f"{name}: expected SACK and no timestamps, got {got}"


@net_test
def test_stripped_from_the_syn_ack(env):
    full_speed_without(env, SYN_ACK)


@net_test
def test_stripped_from_its_own_ack(env):
    full_speed_without(env, OWN)


@net_test
def test_stripped_with_ecn(env):
    """A scale of 7 is one of those that are rounded, to 6."""
    needs_own_cookies("the kernel's have no options without timestamps")
    env.client.sysctl("net.ipv4.tcp_ecn", 1)
    env.client.sysctl("net.ipv4.tcp_rmem", SCALE_7)
    strip(env, *SYN_ACK)
    with listen(env) as listener:
        protect(env)
        c, s = pair(env, listener)
        with c, s:
            got = tcp_info(env.server, s)
            assert got["wscale"].startswith("6,") and "ecn" in got, \
                f"expected the client's scale as 6 and ECN, got {got}"
            move(c, s, 8 << 20)


@net_test
def test_another_tsecr(env):
    """TSecr is not what the SYN-ACK carried: timestamps stay on, and what the
    server sends next is not older than the SYN-ACK."""
    needs_own_cookies("the kernel's decode options from it")
    with listen(env) as listener, Peer(env) as peer:
        protect(env)
        for wrong in (0, 1, 0x7fffffff, 0x80000000, 0xffffffff):
            name = f"TSecr {wrong:#x}"
            flow = peer.flow()
            with counted(env, name, answered=1, admitted=1, bad_cookie=0):
                synack = flow.syn(LINUX, what=name)
                sent, flow.tsecr = flow.tsecr, wrong
                flow.send("PA", b"there")
                flow.seq += 5
                with accept(listener, name) as s:
                    got = receive(s, 5)
                    assert got == b"there", \
                        f"{name}: expected the data, got {got!r}"
                    s.sendall(b"back")
                    frame = flow.recv(f"{name}: the answer", "PA")
            stamps = dict(frame[TCP].options).get("Timestamp")
            assert stamps, f"{name}: expected timestamps, got {frame.summary()}"
            ahead = (stamps[0] - sent) % (1 << 32)
            assert ahead < 1 << 21, f"{name}: expected the server's " \
                f"timestamps to continue from {sent}, got {stamps[0]}"
            assert synack[TCP].options, "test set-up"
