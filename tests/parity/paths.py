#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""37 to 39: what the path takes away, segment sizes, ECN.

Theory of operation: see trials.py. The client's own firewall plays the
middlebox that removes timestamps. In the trials by hand, the answers to data
show what the server's socket has agreed on.
"""
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import looks  # noqa: E402
import trials  # noqa: E402
import layouts  # noqa: E402
from bed import SILENCE, slack, word  # noqa: E402
from sockets import move  # noqa: E402
from trials import each, trial  # noqa: E402

TCP_INFO = 11
BITS = {1: "timestamps", 2: "sack", 4: "scaling", 8: "ecn"}


def agreed(sock):
    """What a socket has negotiated: struct tcp_info."""
    info = sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 8)
    return {"agreed": [what for bit, what in BITS.items() if info[5] & bit],
            "client's scale": info[6] & 15}


def through(bed, chain):
    """A real client behind a middlebox: megabytes both ways."""
    bed.nft(chain, bed.client)
    listener = bed.listen()
    listener.settimeout(SILENCE)
    try:
        c = bed.connect()
        c.sendall(b"x")
        s, _ = listener.accept()
        s.recv(1)
    except OSError as e:
        return {"served": word(e)}
    with s:
        for sock in (c, s):
            sock.settimeout(slack(5))
        seen = agreed(s)
        move(c, s, 2 << 20)
        return {"served": "2 MB both ways", **seen}


@trial(37, "timestamps vanish from the SYN-ACK", "middleboxes that strip "
       "options in one direction")
def stripped_answer(bed):
    return through(bed, "chain c { type filter hook prerouting priority -300; "
                   "tcp sport PORT tcp flags & (syn|ack) == (syn|ack) reset "
                   "tcp option timestamp; }")


@trial(37, "timestamps vanish from the ACK on", "middleboxes that strip "
       "options behind the handshake")
def stripped_acks(bed):
    return through(bed, "chain c { type filter hook postrouting priority 0; "
                   "tcp dport PORT tcp flags & syn == 0 reset tcp option "
                   "timestamp; }")


@trial(37, "timestamps vanish from the SYN", "middleboxes that strip what "
       "they do not know")
def stripped_syn(bed):
    return through(bed, "chain c { type filter hook postrouting priority 0; "
                   "tcp dport PORT tcp flags & syn == syn reset tcp option "
                   "timestamp; }")


@trial(37, "all options vanish from the SYN", "firewalls of operators")
def stripped_all(bed):
    strip = " ".join(
        f"tcp dport PORT tcp flags & syn == syn reset tcp option {name};"
        for name in ("timestamp", "window", "sack-perm"))
    return through(bed, "chain c { type filter hook postrouting priority 0; "
                   f"{strip} }}")


@each(38, [
    (f"mss_{size}{'' if ts else '_no_timestamps'}",
     f"an MSS of {size}{'' if ts else ', no timestamps'}", cause,
     f"mss:{size} sack ts nop ws:7" if ts else
     f"mss:{size} nop ws:8 nop nop sack")
    for size, cause in ((1401, "VPNs with odd sizes"),
                        (1300, "tunnels"), (1221, "IPv6 over tunnels"),
                        (536, "the least that every host accepts"),
                        (265, "modems of old, attackers (CVE-2019-11479)"),
                        (92, "attackers"), (8960, "jumbo frames"))
    for ts in (True, False)])
def segment_size(bed, text):
    listener = bed.listen()
    talk = bed.hand().talk().open(
        layouts.L("", "", text).options(bed.v6), window=64240)
    s, _ = listener.accept()
    with s:
        s.setblocking(False)
        s.send(b"x" * 20000)
        sizes = looks.largest(talk.came())
    talk.send("R")
    return {"server sends": sizes}


@each(39, (
    ("ecn", "classic ECN", "macOS, iOS, Windows Server", "SEC", 0, "PA", 2),
    ("ecn_cwr", "CWR on the first segment", "a lost ACK, then data after a "
     "reduction", "SEC", 0, "PAC", 2),
    ("ecn_ce", "CE on data", "a congested router", "SEC", 0, "PA", 3),
    ("ecn_ect0", "a SYN with ECT(0)", "ECN++ (RFC 8311), old bugs", "SEC", 2,
     "PA", 2),
    ("ecn_ect1", "a SYN with ECT(1)", "L4S experiments", "SEC", 1, "PA", 2),
    ("ecn_marked", "a SYN with CE", "ECN++ over a congested router", "SEC", 3,
     "PA", 2),
    ("no_ecn_ect", "a SYN with ECT, no ECN", "clients of odd stacks", "S", 2,
     "PA", 0),
    ("accecn", "Accurate ECN (RFC 9768)", "Apple, Linux 7", "SECN", 0, "PA",
     2),
    ("accecn_marked", "Accurate ECN, a SYN with CE", "the same, congested",
     "SECN", 3, "PA", 2),
))
def ecn(bed, syn_flags, syn_tos, first_flags, first_tos):
    """Handshake, a segment of data as the first to arrive, the server's."""
    listener = bed.listen()
    talk = bed.hand().talk()
    answer = talk.syn(flags=syn_flags, tos=syn_tos)
    if not answer:
        return {"SYN-ACK": "none"}
    talk.send(first_flags, b"hello", tos=first_tos)
    talk.seq += 5
    s, _ = listener.accept()
    with s:
        first = talk.next("A")
        s.sendall(b"x" * 100)
        data = talk.next("P")
        talk.send("R")
        return {"SYN-ACK": answer.flags, "its tos": answer.tos,
                "ACK": first and first.flags, "data": data and data.flags,
                "its ecn": data and data.tos & 3,
                "agreed": agreed(s)["agreed"]}


if __name__ == "__main__":
    sys.exit(trials.main(__file__, sys.argv[1:]))
