#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""40: tuples that are used again.

Theory of operation: see trials.py. By hand, the client chooses port, ISN and
timestamps of its next SYN; the last trial is a real one with a fixed port.
"""
import errno
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import trials  # noqa: E402
import sockets  # noqa: E402
import wire  # noqa: E402
from bed import word  # noqa: E402
from namespace import wait_for  # noqa: E402
from trials import each, trial  # noqa: E402


def offer(tsval):
    return wire.mss(1400) + wire.SACK_OK + (wire.stamps(tsval) if tsval else
                                            wire.NOPS * 2) + \
        wire.NOPS + wire.wscale(7)


def flags(segments):
    return [s.flags for s in segments]


def connected(bed, listener, talk):
    """Finishes a handshake and exchanges data. Whether it worked."""
    talk.send("A")
    s = sockets.accept(listener)
    with s:
        said = talk.say(b"hello") and s.recv(5) == b"hello"
        talk.send("R")
        return said


def again(talk, tsval, isn):
    """A new SYN of the same tuple: flags of the answers."""
    talk.isn, talk.clock = isn & 0xffffffff, tsval
    talk.options, talk.synack = b"", None
    talk.send("S", options=offer(tsval), seq=talk.isn, ack=0)
    answers = talk.came()
    for a in answers:
        if set("SA") <= set(a.flags):
            talk.took(a)
    return flags(answers)


def into_time_wait(bed, listener, talk):
    """The server closes first; its kernel is in TIME-WAIT then."""
    s = sockets.accept(listener)
    s.close()
    fin = talk.next("F")
    talk.ack = fin.seq + 1
    talk.send("FA")
    talk.came()

    def waiting():
        return any(r["state"] == "TIME-WAIT" for r in bed.server.ss(
            "-tan", f"sport = :{bed.port} and dport = :{talk.sport}"))
    wait_for(waiting, 2, "the server's TIME-WAIT")


@each(40, (
    ("time_wait_newer", "TIME-WAIT, a newer SYN", "clients behind NAT, load "
     "balancers with few ports", 2000, 100000),
    ("time_wait_newer_clock", "TIME-WAIT, a lower ISN and a newer timestamp",
     "Linux clients: the ISN is random, the clock is not", 2000, -100000),
    ("time_wait_older", "TIME-WAIT, an older SYN", "clients behind one NAT "
     "with other clocks", 500, -100000),
    ("time_wait_older_clock", "TIME-WAIT, a higher ISN and an older "
     "timestamp", "the same", 500, 100000),
    ("time_wait_no_clock", "TIME-WAIT, a newer SYN without timestamps",
     "Windows clients", 0, 100000),
    ("time_wait_same", "TIME-WAIT, the same ISN", "devices whose ISN is "
     "constant", 1001, 0),
))
def time_wait(bed, tsval, more):
    listener = bed.listen()
    talk = bed.hand().talk().open(offer(1000 if tsval else 0))
    first = talk.isn
    into_time_wait(bed, listener, talk)
    answer = again(talk, tsval, first + more)
    seen = {"answer": answer}
    if talk.synack:
        seen["then"] = connected(bed, listener, talk)
    return seen


@trial(40, "the same ISN after a reset", "devices that reboot, constant ISNs")
def after_reset(bed):
    listener = bed.listen()
    talk = bed.hand().talk().open(offer(1000))
    sockets.accept(listener).close()
    talk.send("R", seq=talk.isn + 1)
    answer = again(talk, 2000, talk.isn)
    return {"answer": answer,
            "then": bool(talk.synack) and connected(bed, listener, talk)}


@trial(40, "a reset before the ACK", "half-open scanners, impatient clients")
def reset_half_open(bed):
    listener = bed.listen()
    talk = bed.hand().talk()
    talk.syn(offer(1000))
    talk.send("R")
    answer = again(talk, 2000, talk.isn)
    return {"answer": answer,
            "then": bool(talk.synack) and connected(bed, listener, talk)}


@trial(40, "a lost SYN-ACK", "every client on a lossy path")
def lost_answer(bed):
    listener = bed.listen()
    talk = bed.hand().talk()
    first = talk.syn(offer(1000))
    answer = again(talk, 2000, talk.isn)
    return {"answer": answer, "the same ISN": talk.synack.seq == first.seq,
            "then": connected(bed, listener, talk)}


@trial(40, "another ISN while half-open", "clients that reboot, old "
       "duplicates")
def other_isn(bed):
    listener = bed.listen()
    talk = bed.hand().talk()
    talk.syn(offer(1000))
    answer = again(talk, 2000, talk.isn + 100000)
    talk.synack = None if not answer else talk.synack
    return {"answer": answer,
            "then": bool(talk.synack) and talk.synack.ack ==
            talk.isn + 1 & 0xffffffff and connected(bed, listener, talk)}


@each(40, (
    ("established_other", "a SYN of an established connection", "clients that "
     "lost power", 100000),
    ("established_same", "the same with the same ISN", "devices whose ISN is "
     "constant", 0),
))
def established(bed, more):
    listener = bed.listen()
    talk = bed.hand().talk().open(offer(1000))
    s = sockets.accept(listener)
    with s:
        challenge = again(talk, 2000, talk.isn + more)
        number = talk.ack
        talk.send("R", seq=talk.seq if not more else
                  talk.isn - more + 1, ack=number)
        after = again(talk, 3000, talk.isn + 200000)
        return {"answer": challenge, "after the reset": after,
                "then": bool(talk.synack) and connected(bed, listener, talk)}


@trial(40, "a port used ten times", "health checks and proxies with a fixed "
       "source port")
def real_client(bed):
    listener = bed.listen()
    seen = []
    for _ in range(10):
        def once():
            try:
                return bed.connect(sport=bed.port + 1000)
            except OSError as e:
                # the client's own kernel, for a moment
                if e.errno not in (errno.EADDRNOTAVAIL, errno.EADDRINUSE):
                    return word(e)
            return None
        c = wait_for(once, 3, "the client's port to be free")
        if isinstance(c, str):
            seen.append(c)
            continue
        s = sockets.accept(listener)
        s.close()  # first: TIME-WAIT is the server's
        c.recv(1)
        c.close()
        seen.append("served")
    return {"answers": sorted(set(seen)), "served": seen.count("served")}


if __name__ == "__main__":
    sys.exit(trials.main(__file__, sys.argv[1:]))
