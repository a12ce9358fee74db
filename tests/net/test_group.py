# SPDX-License-Identifier: GPL-2.0-only
"""Listeners in one SO_REUSEPORT group that differ from each other.

Theory of operation: the kernel picks any member for a client, so what XDP
offers must suit each: kernel cookies if one is MPTCP, no cookie if one signs,
the window of the smallest buffer. The groups are real, and megabytes move both
ways through every member.
"""
import select
import socket
import time

import attached
from backend import needs_own_cookies
from goodclients import GoodClients, file_1k
from namespace import wait_for
from nettest import net_test, skip
from session_stats import counted, protect, service, wait_armed
from slack import slack
from sockets import Server, connect, listen, move, sign


def member(env, mptcp=False, address="::", rcvbuf=0):
    try:
        s = listen(env, address, reuseport=True,
                   proto=socket.IPPROTO_MPTCP if mptcp else 0)
    except OSError as e:
        if not mptcp:
            raise
        skip(f"no MPTCP: {e}")
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    return s


def through_each(env, group, what, size=1 << 20):
    """Connects until each member has had three; bytes both ways."""
    had = dict.fromkeys(group, 0)
    for i in range(200):
        c = connect(env, v6=i % 2 == 1)
        ready, _, _ = select.select(group, [], [], slack(5))
        assert ready, f"{what}: connection {i} came to no member: " \
            f"{service(env, '*:80')}"
        s, _ = ready[0].accept()
        s.settimeout(slack(5))
        with c, s:
            move(c, s, size)
        had[ready[0]] += 1
        if min(had.values()) >= 3:
            return
    raise AssertionError(f"{what}: of 200 connections came {had.values()}")


@net_test
def test_mptcp_member_refused_its_clients(env):
    """The oldest member is plain, but not all are like it."""
    plain, mptcp = member(env), member(env, mptcp=True)
    with plain, mptcp:
        protect(env)
        row = service(env, "*:80")
        assert row["armed"] and row["cookies"] == "kernel", \
            f"a group with an MPTCP member: expected the kernel's, got {row}"
        with counted(env, "a mixed group", refused=0, rst_suppressed=0):
            through_each(env, [plain, mptcp], "a mixed group")


@net_test
def test_mptcp_member_at_an_address(env):
    """...and only there: the wildcard's group stays as it was."""
    needs_own_cookies("all are the kernel's")
    with member(env, address=env.server.ip4) as plain, \
            member(env, mptcp=True, address=env.server.ip4) as mptcp, \
            member(env) as other:
        protect(env)
        row = service(env, "*:80")
        assert row["armed"] and row["cookies"] == "own, kernel", row
        with counted(env, "a mixed group at an address", refused=0,
                     rst_suppressed=0):
            through_each(env, [plain, mptcp, other], "a mixed group")


def answer(sock):
    sock.recv(4096)
    sock.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + answer.body)


@net_test
def test_rolling_upgrade_to_mptcp_and_back(env):
    """Clients with one of our cookies in flight when the first MPTCP member
    appears may be refused, and none later."""
    needs_own_cookies("all are the kernel's")
    env.nginx(port=81)  # for what it serves
    answer.body = file_1k(env)
    old = member(env)
    Server(old, answer)
    protect(env)
    with GoodClients(env, threads=2) as four, \
            GoodClients(env, v6=True, threads=2) as six:
        new = member(env, mptcp=True)
        Server(new, answer)
        wait_for(lambda: service(env, "*:80")["cookies"] == "kernel", 3,
                 "the kernel's cookies for a mixed group")
        for good in (four, six):
            want = good.done + 50
            wait_for(lambda: good.done >= want, 30, "50 good clients")
            lost = len(good.errors)
            good.errors.clear()
            assert lost <= 20, f"the upgrade began: {lost} of 2 at a time lost"
        plain = member(env)
        Server(plain, answer)
        for good in (four, six):
            good.wait_more(50)
    for s in (old, new):
        s.shutdown(socket.SHUT_RDWR)  # or its accept() keeps it
        s.close()
    wait_for(lambda: service(env, "*:80")["cookies"] == "own", 3,
             "own cookies for a plain group")
    with plain:
        wait_armed(env)


def window(env):
    return attached.map_value(env, "ports", 80, 0, 0, 0)["any4"]["window"]


def uploads(env, group, n=60):
    """How long those took that took longer than a retransmission."""
    slow = []
    for i in range(n):
        with connect(env, v6=i % 2 == 1) as c:
            start = time.monotonic()
            c.sendall(b"x" * 60000)
            c.shutdown(socket.SHUT_WR)
            ready, _, _ = select.select(group, [], [], slack(5))
            s, _ = ready[0].accept()
            with s:
                s.settimeout(slack(5))
                while s.recv(65536):
                    pass
            took = time.monotonic() - start
        if took > 0.18:
            slow.append(took)
    return slow


@net_test
def test_uploads_to_the_smaller_buffer_stalled(env):
    """Windows for the larger one overran it: retransmitted after 0.2 s."""
    started = False
    for sizes in ((0, 16384), (16384, 0)):
        first, second = (member(env, rcvbuf=size) for size in sizes)
        with first, second:
            if not started:
                protect(env)
            started = True
            wait_for(lambda: 0 < window(env) <= 16384, 3, "the window of the "
                     f"smaller buffer, 32768 bytes: {window(env)}")
            through_each(env, [first, second], f"buffers of {sizes}")
            slow = uploads(env, [first, second])
            # a shared machine stalls now and then by itself
            assert len(slow) <= 6, f"{len(slow)} of 60 uploads stalled: {slow}"


@net_test
def test_a_member_that_signs(env):
    with member(env, address="0.0.0.0") as plain, \
            member(env, address="0.0.0.0") as signed:
        Server(plain)
        protect(env)
        sign(signed, env.client.ip4)
        wait_for(lambda: "MD5" in service(env, "*:80")["why"], 3,
                 "*:80 to be disarmed because a member has a key")
