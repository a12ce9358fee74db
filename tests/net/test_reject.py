# SPDX-License-Identifier: GPL-2.0-only
"""A firewall that refuses with a RST is heard by the client.

Theory of operation: the cookie is answered before the firewall sees a packet,
so its reject meets the ACK, or the data behind it. To the kernel that is a RST
before there is a socket, like the ones that are suppressed while the accept
queue is full; but it was not TCP that sent it.
"""
import socket

from namespace import CommandError, wait_for
from nettest import net_test, skip
from scapy.layers.inet import IP, TCP
from scapytools import LINUX, Peer
from session_stats import counted, protect
from sockets import listen

REJECT = """
table inet refusing {{
	chain input {{
		type filter hook {hook} priority filter; policy accept;
		tcp dport 80 reject with tcp reset
	}}
}}
"""


def rules(env, text):
    try:
        env.server.run(["nft", "-f", "-"], input=text)
    except CommandError as e:
        skip(f"no nftables that rejects: {e}")


def rejected(env, what, **segment):
    """The RST after a handshake, in both families."""
    for v6 in (False, True):
        name = f"{what}, IPv{6 if v6 else 4}"
        with Peer(env, v6) as peer, counted(env, name, rst_suppressed=0):
            flow = peer.flow()
            flow.syn(LINUX)
            flow.send(**segment)
            rst = flow.recv(f"{name}: the firewall's RST", "R")[TCP]
            assert rst.seq == flow.ack, f"{name}: expected a RST with " \
                f"sequence number {flow.ack}, got {rst.seq}"


@net_test
def test_rst_of_a_reject_was_withheld(env):
    with listen(env):
        protect(env)
        rules(env, REJECT.format(hook="input"))
        rejected(env, "bare ACK", flags="A")
        rejected(env, "ACK with data", flags="PA", data=b"GET /")


@net_test
def test_rst_of_a_reject_before_routing(env):
    with listen(env):
        protect(env)
        rules(env, REJECT.format(hook="prerouting"))
        rejected(env, "bare ACK", flags="A")


@net_test
def test_rst_from_a_raw_socket(env):
    """As an intrusion prevention system sends it."""
    with listen(env, backlog=0), Peer(env) as peer, \
            Peer(env, host=78) as other:
        protect(env)
        flow = peer.flow()
        flow.syn(LINUX)
        other.flow().open(LINUX)
        wait_for(lambda: env.server.ss("-ltn", "sport = :80")[0]["recv_q"],
                 2, "a connection in the accept queue")
        flow.send("A")
        flow.nothing_came("ACK, the queue is full")
        with counted(env, "RST from a raw socket", rst_suppressed=0):
            with env.server.inside():
                raw = socket.socket(socket.AF_INET, socket.SOCK_RAW,
                                    socket.IPPROTO_RAW)
            with raw:
                raw.sendto(bytes(IP(src=peer.server_ip, dst=peer.ip) /
                                 TCP(sport=80, dport=flow.sport, flags="R",
                                     seq=flow.ack)), (peer.ip, 0))
            flow.recv("RST from a raw socket", "R")

