#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""42: segments of connections that the server does not have.

Theory of operation: see trials.py. A connection is lost without a word by
closing its socket in repair mode.
"""
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import looks  # noqa: E402
import trials  # noqa: E402
from bed import SILENCE, word  # noqa: E402
from trials import each  # noqa: E402

REPAIR = 19
STRAYS = (
    ("ack", "an ACK", "a client after the server's reboot; ACK scans", "A"),
    ("data", "data", "a client after the server's reboot", "PA"),
    ("fin", "a FIN with ACK", "a client that closes after the server's "
     "reboot; Maimon scans", "FA"),
    ("bare_fin", "a FIN alone", "FIN scans", "F"),
    ("syn_ack", "a SYN-ACK", "backscatter of a flood, idle scans", "SA"),
    ("rst", "a RST", "stray resets", "R"),
    ("rst_ack", "a RST with ACK", "stray resets", "RA"),
    ("null", "no flags", "null scans", ""),
    ("xmas", "FIN, PSH, URG", "Xmas scans", "FPU"),
    ("psh", "PSH alone", "odd scanners", "P"),
    ("urg_ack", "ACK with URG", "odd scanners", "UA"),
    ("syn_fin", "SYN and FIN", "old scanners", "SF"),
    ("syn_rst", "SYN and RST", "odd scanners", "SR"),
    ("all", "all flags", "odd scanners", "SFRPAUEC"),
    ("ecn_ack", "an ACK with ECE and CWR", "a client with ECN after the "
     "server's reboot", "AEC"),
)


@each(42, STRAYS)
def stray(bed, flags):
    talk = bed.shared_hand().talk(isn=1000000)
    talk.ack = 2000000
    talk.send(flags, b"hello" if flags == "PA" else b"", ack=2000000)
    answers = talk.came()
    if not answers:
        return {"answer": "none"}
    talk.send("R", seq=1000001)  # of a connection that began
    seen = looks.header(answers[-1])
    seen.pop("flow label", None)
    numbers = {0: "0", 1000000: "the SEQ", 1000001: "the SEQ + 1",
               1000005: "the SEQ + data", 2000000: "the ACK"}
    return seen | {"seq": numbers.get(answers[-1].seq, "its own"),
                   "ack": numbers.get(answers[-1].ack, answers[-1].ack)}


def forget(s):
    """The server's socket is gone, and says nothing."""
    s.setsockopt(socket.IPPROTO_TCP, REPAIR, 1)
    s.close()


def connected(bed):
    listener = bed.listen()
    c = bed.connect()
    s, _ = listener.accept()
    c.settimeout(SILENCE)
    return c, s


def fresh(bed):
    """A connection of which only the handshake has been seen."""
    c, s = connected(bed)
    forget(s)
    return c


def idle(bed):
    """One that has said nothing for a while."""
    c, s = connected(bed)
    bed.settled(c)
    forget(s)
    return c


def used(bed):
    """One with data in both directions."""
    c, s = connected(bed)
    c.sendall(b"ping")
    s.sendall(s.recv(4))
    c.recv(4)
    forget(s)
    return c


def heard(bed):
    """One in which only the server has spoken."""
    c, s = connected(bed)
    s.sendall(b"220 ")
    c.recv(4)
    forget(s)
    return c


KINDS = (
    ("lost", "a connection that the server has lost at once", fresh),
    ("lost_idle", "an idle connection that the server has lost", idle),
    ("lost_used", "a connection that the server has lost after data", used),
    ("lost_heard", "a connection that the server has lost after a banner",
     heard),
)


@each(42, [(name + "_data", kind + ": data", "clients after a reboot, a "
            "failover", start) for name, kind, start in KINDS])
def lost_data(bed, start):
    c = start(bed)
    c.sendall(b"hello")
    return {"the client": looks.error_of(c.recv, 1)}


@each(42, [(name + "_end", kind + ": the end", "the same, by a client that is "
            "done", start) for name, kind, start in KINDS])
def lost_end(bed, start):
    c = start(bed)
    c.shutdown(socket.SHUT_WR)
    try:
        got = c.recv(1)
    except OSError as e:
        got = word(e)
    return {"the client": got or "the end"}


if __name__ == "__main__":
    sys.exit(trials.main(__file__, sys.argv[1:]))
