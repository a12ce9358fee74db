# SPDX-License-Identifier: GPL-2.0-only
"""A flood of valid cookies for tuples of which the kernel has old sockets.

Theory of operation: the attacker gets a cookie for a tuple, gets another one,
connects with that and lets the server close. That leaves a TIME-WAIT socket,
whose session Synkeeper soon drops (time-wait-timeout is short here). Then he
sends the first cookie over and over: it is valid, and a stale socket is in its
way, which the daemon has to end. How many of these packets cause the daemon to
send a request to the kernel?
"""
import os
import random

import forms
from asked import Asked
from namespace import wait_for
from strangers import Cookie, addresses, cookies

ADDRESSES = 100
PORTS = 5
CONFIG = "[sessions]\ntime-wait-timeout = 1s\n"
REQUEST = b"GET /1k HTTP/1.0\r\n\r\n"
ASKED_MOST = 500  # packets per second and CPU reported to the daemon


def time_waits(bed):
    near = "2001:db8:77:" if bed.v6 else "198.51.100."
    return sum(near in line for line in bed.env.server.run(
        ["ss", "-Htn", "state", "time-wait"]).stdout.splitlines())


def close_by_server(bed, found):
    """Connections that request a page and acknowledge all of it and the
    FIN."""
    with bed.packet_socket() as s:
        for i, c in enumerate(found):
            s.send(forms.ip(c.packet(bed))[0])
            s.send(forms.ip(c.packet(bed, forms.ACK | forms.PSH,
                                     REQUEST))[0])
            if i % 50 == 49:
                bed.barrier()  # nginx has accepted them: the queue is short
        wait_for(lambda: bed.env.server.run(
            ["ss", "-Htn", "state", "fin-wait-1"]).stdout, 3,
            "the server to close first")
        size = answer_size(bed)
        for c in found:
            last = Cookie(c.src, c.sport, c.seq + len(REQUEST),
                          c.ack + size + 1, c.tsecr)
            s.send(forms.ip(last.packet(bed, forms.ACK | forms.FIN))[0])


def answer_size(bed):
    """The length of nginx's response."""
    got, c = 0, bed.connect()
    with c:
        c.sendall(REQUEST)
        while part := c.recv(65536):
            got += len(part)
    return got


def cookies_in_time_wait(bed):
    """Valid cookies whose tuples are in TIME-WAIT."""
    tuples = [(a, 30000 + p) for p in range(PORTS)
              for a in addresses(bed.v6, ADDRESSES)]
    first = cookies(bed, tuples)
    close_by_server(bed, cookies(bed, [(c.src, c.sport) for c in first]))
    wait_for(lambda: time_waits(bed) >= len(first) / 2, 5,
             f"{len(first)} connections to be in TIME-WAIT")
    near = "[2001:db8:77:" if bed.v6 else "198.51.100."
    wait_for(lambda: not any(r["client"].startswith(near) for r in
                             bed.env.json("session", "list")), 8,
             "their sessions to be removed")
    bed.handshakes += 2 * len(tuples)  # what comes from now on is admitted
    return first


def time_wait(bed):
    before = time_waits(bed)
    assert not before, f"test set-up: {before} in TIME-WAIT already"
    with bed.attack("valid cookies into TIME-WAIT"):
        bed.answers_grow = True
        found = cookies_in_time_wait(bed)
        there = time_waits(bed)
        frames = [forms.ip(c.packet(bed))[0] for c in found]
        random.shuffle(frames)
        with Asked(bed) as asked:
            bed.flood(frames, rate=40000)
    stale_socket = bed.reasons.get("stale_socket", 0)
    print(f"{there} in TIME-WAIT, {stale_socket} packets found a stale socket, "
          f"{asked.count} requests, {asked.destroyed} to end one")
    assert stale_socket, "test set-up: there was no stale socket"
    # a budget may be spent at the beginning and at the end of the time; and
    # each socket is ended once
    asked.at_most(ASKED_MOST * os.cpu_count() * (bed.seconds + 1) +
                  len(frames), f"{stale_socket} packets")
    assert not asked.sysctls, f"{bed.name}: the daemon wrote " \
        f"{asked.sysctls} sysctls"


time_wait.config = lambda env: CONFIG
ATTACKS = [time_wait]
COOKIES = ["own"]
