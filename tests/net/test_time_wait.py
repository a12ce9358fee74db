# SPDX-License-Identifier: GPL-2.0-only
"""What lingers of closed sessions, and the same tuple again meanwhile.

Theory of operation: the end that closes first holds the tuple in TIME-WAIT; its
session lingers, too, but is already counted as closed. The client returns from
the same port: if the server's kernel is in TIME-WAIT the SYN passes to it
(RFC 6191), else it gets a cookie. The new session replaces the old one in the
table, and the totals have two.
"""
import os
import signal
import socket

from backend import OWN_COOKIES, keep_timestamps, needs_own_cookies
from namespace import wait_for
from nettest import net_test
from scapytools import LINUX, WINDOWS, Peer
from session_stats import counted, deltas, protect, reasons
from sockets import (accept, client_socket, connect_again, listen, move,
                     receive, server_address)
from teardown import (BOTH, CLIENT_FIRST, OPENED, SERVER_FIRST, client_of,
                      end_of, family, kernel_state, life, open_flow, open_pair,
                      send_fin, stage, states, stats_agree, take_fin,
                      wait_kernel, wait_state)

SPORT = 40321
SHORT = "[sessions]\ntime-wait-timeout = 2s\n"


def close(first, second, what):
    first.close()
    end_of(second, what)
    second.close()


def again(env, listener, v6, name, **counts):
    """Connects, moves data; one row; closes. @counts: of packets."""
    with life(env, name, closed=1):
        with counted(env, name, bad_cookie=0, stale_socket=0, refused=0,
                     **counts):
            c = connect_again(env, v6, SPORT, name)
            client = client_of(c)
            with c, accept(listener, name) as s:
                move(c, s)
                wait_state(env, client, "established", name)
                stats_agree(env, name)
                close(c, s, name)
        wait_state(env, client, "time-wait", name)


@net_test
def test_reopened_by_the_server(env):
    """TIME-WAIT is at the server: its kernel answers the SYN itself, and with a
    cookie where tcp_syncookies must be 2."""
    how, count = (["adopted"], {"admitted": 0}) if OWN_COOKIES else \
        (OPENED, {"kernel_cookie": 1})
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            name = f"{family(v6)}, server closes first"
            with life(env, name, closed=1):
                c, s, client = open_pair(env, listener, v6, SPORT)
                close(s, c, name)
                wait_kernel(env, client, "TIME-WAIT", name)
                wait_state(env, client, "time-wait", name)
            again(env, listener, v6, f"{name}, and again", session_syn=1,
                  answered=0, **count)
            told = watch.told(client)
            want = [*SERVER_FIRST, *how, *CLIENT_FIRST[2:]]
            assert told == want, f"{name}, and again: expected {want}, " \
                f"got {told}"


@net_test
def test_reopened_by_the_server_without_timestamps(env):
    """The larger sequence number alone must do (RFC 9293)."""
    env.client.sysctl("net.ipv4.tcp_timestamps", 0)
    with stage(env) as (listener, _):
        for v6 in BOTH:
            name = f"{family(v6)}, no timestamps, server closes first"
            with life(env, name, closed=1):
                c, s, client = open_pair(env, listener, v6, SPORT)
                close(s, c, name)
                wait_kernel(env, client, "TIME-WAIT", name)
                wait_state(env, client, "time-wait", name)
            again(env, listener, v6, f"{name}, and again", session_syn=1,
                  answered=0)


@net_test
def test_reopened_by_the_client(env):
    """TIME-WAIT is at the client: the server's kernel has no socket any more,
    so the SYN gets a cookie, lingering session or not."""
    keep_timestamps(env.server)  # else the client's kernel keeps the port
    env.client.sysctl("net.ipv4.tcp_tw_reuse", 1)
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            name = f"{family(v6)}, client closes first"
            with life(env, name, closed=1):
                c, s, client = open_pair(env, listener, v6, SPORT)
                close(c, s, name)
                wait_kernel(env, client, None, name)
                wait_state(env, client, "time-wait", name)
            again(env, listener, v6, f"{name}, and again", answered=1,
                  admitted=1, session_syn=0)
            watch.expect(client, *CLIENT_FIRST, *CLIENT_FIRST)


@net_test
def test_reopened_often(env):
    """Not even the tenth use of a tuple leaves a stale session."""
    env.client.sysctl("net.ipv4.tcp_tw_reuse", 1)
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            client = None
            for i in range(10):
                name = f"{family(v6)}, use {i} of the tuple"
                with life(env, name, closed=1):
                    c = connect_again(env, v6, SPORT, name)
                    client = client_of(c)
                    s = accept(listener, name)
                    move(c, s, 1 << 16)
                    wait_state(env, client, "established", name)
                    close(s, c, name)  # so that the client may reuse at once
            told = watch.told(client)
            for what in ("half-closed by server", "closing", "closed"):
                assert told.count(what) == 10, \
                    f"{family(v6)}: expected 10 times {what}, got {told}"
            assert len(states(env, client)) == 1, \
                f"{family(v6)}: expected one row, got {states(env, client)}"


@net_test
def test_syn_by_hand(env):
    """Larger numbers reopen TIME-WAIT, smaller ones do not; a SYN that does not
    leaves the row and the totals alone."""
    with stage(env) as (listener, _):
        for v6 in BOTH:
            with Peer(env, v6) as peer:
                for options in (LINUX, WINDOWS):
                    syn_by_hand(env, listener, peer, options,
                                f"{family(v6)}, {len(options)} options")


def syn_by_hand(env, listener, peer, options, name):
    with life(env, name, closed=1):
        flow, s, client = open_flow(env, peer, listener, options)
        s.close()
        take_fin(flow, name)
        send_fin(flow, name)
        wait_kernel(env, client, "TIME-WAIT", name)
        wait_state(env, client, "time-wait", name)
    with life(env, f"{name}, old SYN", opened=0):
        old = peer.flow(sport=flow.sport)
        old.send("S", seq=flow.seq - 1000,
                 options=[] if options is WINDOWS else
                 [("Timestamp", (1, 0))])
        peer.barrier()
        wait_kernel(env, client, "TIME-WAIT", f"{name}, old SYN")
    with life(env, f"{name}, new SYN", closed=1):
        new = peer.flow(sport=flow.sport, isn=(flow.seq + 70000) & 0xffffffff)
        with counted(env, f"{name}, new SYN", session_syn=1, answered=0):
            new.send("S", seq=new.isn, options=newer(options))
            new.took(new.recv(f"{name}, new SYN", "SA")["TCP"])
        new.send("A", options=stamps(new))
        with accept(listener, name) as s:
            s.sendall(b"welcome")
            new.recv(f"{name}, new SYN: data", "PA")
            new.ack += 7
            new.send("A", options=stamps(new))
            wait_state(env, client, "established", f"{name}, new SYN")
        take_fin(new, name)
        new.send("FA", options=stamps(new))
        new.seq += 1
        new.expect_ack(f"{name}, new SYN: FIN")
        wait_state(env, client, "time-wait", f"{name}, new SYN")


def newer(options):
    """The options of a SYN, later than those of all scapytools' segments."""
    return [(name, (9000, 0) if name == "Timestamp" else value)
            for name, value in options]


def stamps(flow):
    return [("NOP", None), ("NOP", None),
            ("Timestamp", (9000, flow.tsecr))] if flow.ts else []


# -- how long

@net_test
def test_lingers_as_long_as_configured(env):
    """Then it is gone, silently: it was counted when it closed."""
    with stage(env, SHORT) as (listener, watch):
        clients = []
        with life(env, "two sessions closed", closed=2):
            for v6 in BOTH:
                c, s, client = open_pair(env, listener, v6)
                close(c, s, client)
                wait_state(env, client, "time-wait", client)
                clients.append(client)
        with life(env, "two sessions have lingered", opened=0):
            for client in clients:
                wait_state(env, client, None, "2 s in time-wait", 5)
        for client in clients:
            watch.expect(client, *CLIENT_FIRST)


@net_test
def test_not_shorter_than_configured(env):
    with stage(env, SHORT) as (listener, _):
        c, s, client = open_pair(env, listener)
        close(c, s, client)
        wait_state(env, client, "time-wait", client)
        idle = 0.0

        def gone():
            nonlocal idle
            rows = [r for r in env.json("session", "list")
                    if r["client"] == client]
            idle = max([idle, *(r["idle_s"] for r in rows)])
            return not rows

        wait_for(gone, 6, "the row to leave")
        assert 1.5 < idle < 4, f"time-wait-timeout of 2 s: expected the row " \
            f"to leave after slightly over 2 s, it was last seen at {idle}"
        stats_agree(env, "a row has lingered")


@net_test
def test_lingers_longer_in_the_kernel(env):
    """The row has left, the kernel's TIME-WAIT has not: the client's next SYN
    must not start a handshake that the kernel then refuses."""
    with stage(env, SHORT) as (listener, _):
        for v6 in BOTH:
            name = f"{family(v6)}, row gone, TIME-WAIT not"
            with life(env, name, closed=1):
                c, s, client = open_pair(env, listener, v6, SPORT)
                close(s, c, name)
                wait_kernel(env, client, "TIME-WAIT", name)
            wait_state(env, client, None, name, 6)
            assert kernel_state(env, client) == "TIME-WAIT", \
                f"{name}: test set-up: TIME-WAIT is gone, too"
            with life(env, f"{name}, and again", closed=1):
                c = connect_again(env, v6, SPORT, name)
                with c, accept(listener, name) as s:
                    move(c, s)
                    wait_state(env, client, "established", name)
                    close(c, s, name)
                wait_kernel(env, client, None, name)


def forgotten_time_wait(env, listener, v6, name):
    """The server's TIME-WAIT of SPORT, whose session has left the table."""
    c, s, client = open_pair(env, listener, v6, SPORT)
    close(s, c, name)
    wait_kernel(env, client, "TIME-WAIT", name)
    wait_state(env, client, None, name, 6)
    return client


@net_test
def test_fin_behind_a_cookie_became_a_reset(env):
    """The same, but the client has sent all its data and FIN by the time that
    the daemon removes the stale socket: the FIN is the new connection's, and
    must not turn it into a TIME-WAIT session that is never admitted again."""
    needs_own_cookies("kernel cookies have no stale sockets")
    with listen(env) as listener:
        daemon = protect(env, config=SHORT)
        for v6 in BOTH:
            name = f"{family(v6)}, FIN on its heels"
            client = forgotten_time_wait(env, listener, v6, name)
            with counted(env, name, admitted=1):
                os.kill(daemon.pid, signal.SIGSTOP)
                try:
                    c = connect_again(env, v6, SPORT, name)
                    c.sendall(b"all there is")
                    c.shutdown(socket.SHUT_WR)
                    wait_kernel(env, client, "TIME-WAIT", name)
                finally:
                    os.kill(daemon.pid, signal.SIGCONT)
                with c, accept(listener, name) as s:
                    got = receive(s, 100)
                    assert got == b"all there is", f"{name}: got {got!r}"
                    s.sendall(b"thank you")
                    s.close()
                    got = receive(c, 100)
                    assert got == b"thank you", f"{name}: got {got!r}"
            wait_kernel(env, client, None, name)
        stats_agree(env, "FIN on its heels")


@net_test
def test_late_request_reset_a_good_client(env):
    """There are stale TIME-WAIT sockets of two clients while the daemon is
    stopped. The first is gone, and the client in, by the time that the daemon
    reads of it; that the second gets in then shows that it has read."""
    needs_own_cookies("kernel cookies have no stale sockets")
    with listen(env) as listener:
        daemon = protect(env, config=SHORT)
        for v6 in BOTH:
            forgotten_time_wait(env, listener, v6, f"{family(v6)}, before")
        before = reasons(env)
        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            first = connect_again(env, True, SPORT, "first")
            first.sendall(b"1")
            env.server.run(["ss", "-Ktn", "state", "time-wait", "dst",
                            f"[{env.client.ip6}]"])
            s1 = accept(listener, "first")
            second = connect_again(env, False, SPORT, "second")
            second.sendall(b"2")
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
        with accept(listener, "second") as s2, s1, first, second:
            got = deltas(before, reasons(env)).get("stale_socket", 0)
            assert got >= 2, f"test set-up: {got} packets of two clients " \
                "found a stale TIME-WAIT"
            assert receive(s2, 1) == b"2" and receive(s1, 1) == b"1"
            move(first, s1)
            move(second, s2)


@net_test
def test_stale_fin_wait_2_was_left(env):
    """The kernel keeps FIN-WAIT-2 of a process that is gone like a TIME-WAIT,
    under another name."""
    needs_own_cookies("kernel cookies have no stale sockets")
    short = "[sessions]\nhalf-closed-timeout = 1s\n"
    with listen(env) as listener, Peer(env) as peer:
        protect(env, config=short)
        name = "FIN-WAIT-2"
        flow = peer.flow()
        flow.syn(LINUX)
        again = flow.segment("A")
        flow.send("A")
        with accept(listener, name) as s:
            client = f"{peer.ip}:{flow.sport}"
            s.close()
            take_fin(flow, name)
            flow.send("A")
            wait_kernel(env, client, "FIN-WAIT-2", name)
        wait_state(env, client, None, name, 6)
        with counted(env, name, stale_socket=1):
            peer.send(peer.ip_header() / again)
        wait_kernel(env, client, None, name)
        before = reasons(env)["admitted"]

        def admitted():
            """Not at once: behind another ACK it would be recirculated."""
            peer.send(peer.ip_header() / again)
            return reasons(env)["admitted"] > before

        wait_for(admitted, 3, f"{name}: the retransmitted ACK to be admitted")
        accept(listener, name).close()


@net_test
def test_time_wait_rows_hold_no_place(env):
    """Thousands linger, and the table has room for 2048: they are dropped
    first, and nothing that is alive is evicted."""
    with stage(env, "[sessions]\nmax = 1024\n") as (listener, _):
        kept = [open_pair(env, listener, v6=i % 2 == 1) for i in range(10)]
        with life(env, "3000 short sessions", closed=3000, within=10):
            for i in range(3000):
                c = client_socket(env, v6=i % 2 == 1)
                c.connect(server_address(env, v6=i % 2 == 1))
                with accept(listener) as s:
                    c.sendall(b"x")
                    receive(s, 1)
                    c.close()
                    end_of(s, f"short session {i}")
        for c, s, client in kept:
            assert states(env, client) == ["established"], \
                f"{client}: expected established, got {states(env, client)}"
            move(c, s, 1 << 12)
        with life(env, "the long ones", opened=0, closed=10):
            for c, s, client in kept:
                close(c, s, client)
