# SPDX-License-Identifier: GPL-2.0-only
"""Idle sessions: each state has its time-out, which packets restart.

Theory of operation: the time-outs are set to their minimum. A session that was
silent for that long ends as `timeout`, though its socket may still exist; then
the next packet opens a new one, and the bytes that follow arrive. Where the
kernel silently dropped the socket, the session ends once the kernel is asked.
"""
import contextlib
import socket
import time

from namespace import wait_for
from nettest import net_test
from scapytools import Peer
from session_stats import protect, sessions
from sockets import Pattern, Task, accept, connect, listen, move, receive
from teardown import (BOTH, CLIENT_FIRST, OPENED, SERVER_FIRST, Watch,
                      client_of, end_of, family, kernel_state, life, open_flow,
                      open_pair, send_fin, stage, stats_agree, take_fin,
                      wait_kernel, wait_state)

PENDING_S, IDLE_S, HALF_S, CLOSING_S = 1, 3, 2, 2
CONFIG = f"""[sessions]
pending-timeout = {PENDING_S}s
idle-timeout = {IDLE_S}s
half-closed-timeout = {HALF_S}s
closing-timeout = {CLOSING_S}s
"""
LATE_S = 5  # the reaper comes at most this long after the time-out
FIN_WAIT2 = b"\5"  # tcp_states.h
NOBODY = "02:00:00:00:00:99"


def row(env, client):
    found = [r for r in sessions(env) if r["client"] == client]
    assert len(found) == 1, f"{client}: expected one row, got {found}"
    return found[0]


def timed_out(env, watch, client, name, seconds, left):
    """Waits for the event; it may be neither early nor much too late."""
    wait_state(env, client, None, name, seconds + LATE_S)
    watch.wait(client, "timeout")
    told = [e for e in watch.events(client) if e["event"] == "timeout"]
    got = (told[-1]["left"], len(told))
    assert got == (left, 1), f"{name}: expected one time-out of a session " \
        f"{left}, got {told}"
    assert told[-1]["duration_s"] >= seconds - 0.1, \
        f"{name}: expected a life of {seconds} s at least, got {told[-1]}"


def vanish(env, v6):
    """What the server sends to the client is lost."""
    env.neighbour(env.client.ip6 if v6 else env.client.ip4, NOBODY)


# -- each state

@net_test
def test_pending(env):
    """The socket is never created: the accept queue is full."""
    with listen(env, backlog=1) as listener:
        protect(env, config="[sessions]\npending-timeout = 1s\n")
        watch = Watch(env)
        for v6 in BOTH:
            name = f"{family(v6)}, pending"
            with Peer(env, v6) as peer:
                flow = peer.flow()
                flow.syn()  # a full queue would ignore it
            held = [connect(env) for _ in range(2)]
            wait_for(lambda: env.server.ss("-ltn", "sport = :80")[0]["recv_q"]
                     == 2, 2, "two connections in the accept queue")
            with Peer(env, v6) as peer, life(env, name, timeout=1, admitted=1):
                flow.peer = peer
                flow.send("A")
                client = client_of(flow)
                wait_state(env, client, "pending", name)
                timed_out(env, watch, client, name, PENDING_S, "pending")
                watch.expect(client, "admitted", "timeout")
            for c in held:
                with c, accept(listener) as s:
                    move(c, s, 1 << 12)
            stats_agree(env, f"{name}: those that were in the queue")


@net_test
def test_established(env):
    """Both families at once. Afterwards the client, or the server, sends data,
    which arrives."""
    with stage(env, CONFIG) as (listener, watch):
        name = "idle and established"
        pairs = [open_pair(env, listener, v6) for v6 in BOTH]
        with life(env, name, opened=0, timeout=2,
                  without_row=[client for _, _, client in pairs]):
            for _, _, client in pairs:
                timed_out(env, watch, client, name, IDLE_S, "established")
                got = kernel_state(env, client)
                assert got == "ESTAB", f"{name}: expected the socket to " \
                    f"persist, got {got}"
        with life(env, "adopted again", opened=2, adopted=2, closed=2):
            for i, (c, s, client) in enumerate(pairs):
                with c, s:
                    first, other = (c, s) if i else (s, c)
                    first.sendall(b"where was I")
                    got = receive(other, 11)
                    assert got == b"where was I", f"{name}: got {got!r}"
                    move(c, s)
                    wait_state(env, client, "established", "adopted again")
                    c.close()
                    end_of(s, "adopted again")
        for _, _, client in pairs:
            watch.expect(client, *OPENED, "timeout", "adopted",
                         *CLIENT_FIRST[2:])


@net_test
def test_half_closed(env):
    """It has its own time-out; what is adopted again is half-closed again, and
    2 MB arrive."""
    with stage(env, CONFIG) as (listener, watch):
        for v6 in BOTH:
            for by in ("client", "server"):
                half_closed(env, listener, watch, v6, by)


def half_closed(env, listener, watch, v6, by):
    name = f"{family(v6)}, idle and half-closed by the {by}"
    state = f"half-closed-{by}"
    c, s, client = open_pair(env, listener, v6)
    silent, speaks = (c, s) if by == "client" else (s, c)
    with c, s:
        with life(env, name, opened=0, timeout=1, without_row=[client]):
            silent.shutdown(socket.SHUT_WR)
            end_of(speaks, name)
            wait_state(env, client, state, name)
            timed_out(env, watch, client, name, HALF_S, state)
            want = "CLOSE-WAIT" if by == "client" else "FIN-WAIT-2"
            wait_kernel(env, client, want, name)
        with life(env, f"{name}, adopted again", closed=1, adopted=1):
            data = Pattern(2 << 20, name)
            sender = Task(data.send, speaks)
            data.check(silent)
            sender.done()
            wait_state(env, client, state, f"{name}, adopted again")
            stats_agree(env, f"{name}, adopted again")
            speaks.close()
            end_of(silent, name)
            silent.close()
    first = CLIENT_FIRST if by == "client" else SERVER_FIRST
    watch.expect(client, *first[:3], "timeout", "adopted", *first[2:])


@net_test
def test_closing(env):
    """The server waits for the last ACK, which comes late."""
    with stage(env, CONFIG) as (listener, watch):
        for v6 in BOTH:
            name = f"{family(v6)}, idle and closing"
            with Peer(env, v6) as peer, \
                    life(env, name, opened=2, timeout=1, closed=1):
                flow, s, client = open_flow(env, peer, listener)
                send_fin(flow, name)
                s.close()
                take_fin(flow, name)
                wait_state(env, client, "closing", name)
                # its retransmitted FINs are activity, 3.2 s apart in the end
                watch.wait(client, "timeout", CLOSING_S + 3.2 + LATE_S)
                wait_kernel(env, client, "LAST-ACK", name)
                flow.send("A")
                wait_kernel(env, client, None, name)
            told = watch.told(client)
            want = [*CLIENT_FIRST[:-1], "timeout"]
            assert told[:5] == want and told[-1] == "closed", \
                f"{name}: expected {want} and closed at last, got {told}"


# -- what counts as activity

@net_test
def test_keep_alives(env):
    """The client's keep-alives, or its answers to the server's, carry a session
    past its time-out; one without them ends."""
    with stage(env, CONFIG) as (listener, watch):
        kept, ended = [], []
        with life(env, "one of five without keep-alives", opened=5, timeout=1,
                  without_row=ended):
            quiet = open_pair(env, listener)
            ended.append(quiet[2])
            for v6 in BOTH:
                for i in range(2):
                    kept.append(open_pair(env, listener, v6))
                    keep_alive(kept[-1][i])
            timed_out(env, watch, ended[0], "without keep-alives", IDLE_S,
                      "established")
            wait_for(lambda: min(row(env, k)["age_s"] for _, _, k in kept)
                     > 2 * IDLE_S, 2 * IDLE_S,
                     f"all others to be older than {2 * IDLE_S} s")
            for _, _, client in kept:
                idle = row(env, client)["idle_s"]
                assert idle < 2, f"keep-alives, one a second: expected " \
                    f"{client} to be idle for 2 s at most, got {idle}"
                watch.expect(client, *OPENED)
        with life(env, "keep-alives", opened=1, adopted=1, closed=5):
            for c, s, _ in [quiet, *kept]:
                move(c, s, 1 << 12)
                c.close()
                end_of(s, "keep-alives")
                s.close()


def keep_alive(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
        sock.setsockopt(socket.IPPROTO_TCP, option, 1)


@net_test
def test_trickle_half_closed(env):
    """A few bytes now and then, only one way, for three times the time-out."""
    with stage(env, CONFIG) as (listener, watch):
        pairs = []
        with life(env, "trickling", closed=4, admitted=4):
            for v6 in BOTH:
                for by in ("client", "server"):
                    c, s, client = open_pair(env, listener, v6)
                    silent, speaks = (c, s) if by == "client" else (s, c)
                    silent.shutdown(socket.SHUT_WR)
                    end_of(speaks, client)
                    pairs.append((silent, speaks, client, f"half-closed-{by}"))
            end = time.monotonic() + 3 * HALF_S
            while time.monotonic() < end:
                for silent, speaks, client, state in pairs:
                    speaks.sendall(b".")
                    assert receive(silent, 1) == b".", "expected the byte"
                    wait_state(env, client, state, "trickling", 0)
                time.sleep(HALF_S / 8)
            stats_agree(env, "trickling")
            for silent, speaks, client, _ in pairs:
                speaks.close()
                end_of(silent, client)
                silent.close()


# -- sockets that the kernel dropped silently

@net_test
def test_user_timeout(env):
    """The client is gone and the server's data is lost (TCP_USER_TIMEOUT)."""
    with stage(env, CONFIG) as (listener, watch):
        name = "the client has vanished"
        with life(env, name, timeout=2):
            pairs = [open_pair(env, listener, v6) for v6 in BOTH]
            for v6, (_, s, client) in zip(BOTH, pairs):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 500)
                vanish(env, v6)
                s.sendall(b"anybody?")
            for _, s, client in pairs:
                wait_kernel(env, client, None, name, 5)
                with contextlib.suppress(TimeoutError):
                    s.recv(1)
                s.close()
            for _, _, client in pairs:
                timed_out(env, watch, client, name, IDLE_S, "established")


@net_test
def test_fin_wait_2_expires(env):
    """The server has closed, the client never does, and the kernel drops its
    FIN-WAIT-2 (tcp_fin_timeout)."""
    env.server.sysctl("net.ipv4.tcp_fin_timeout", 1)
    with stage(env, CONFIG) as (listener, watch):
        for v6 in BOTH:
            name = f"{family(v6)}, FIN-WAIT-2 expires"
            with life(env, name, timeout=1):
                c, s, client = open_pair(env, listener, v6)
                s.close()
                end_of(c, name)
                wait_state(env, client, "half-closed-server", name)
                wait_kernel(env, client, None, name, 5)
                timed_out(env, watch, client, name, HALF_S,
                          "half-closed-server")
            vanish(env, v6)
            c.close()


@net_test
def test_last_ack_is_given_up(env):
    """Both have closed, and the kernel stops waiting for the last ACK
    (tcp_orphan_retries): that counts as closed."""
    env.server.sysctl("net.ipv4.tcp_orphan_retries", 1)
    with stage(env, CONFIG) as (listener, watch):
        for v6 in BOTH:
            name = f"{family(v6)}, LAST-ACK given up"
            with Peer(env, v6) as peer, \
                    life(env, name, closed=1, within=CLOSING_S + LATE_S):
                flow, s, client = open_flow(env, peer, listener)
                send_fin(flow, name)
                s.close()
                take_fin(flow, name)
                wait_state(env, client, "closing", name)
                wait_kernel(env, client, None, name, 5)
            watch.expect(client, *CLIENT_FIRST)


@net_test
def test_kernel_lets_go_of_an_old_half_close(env):
    """The client vanishes after its FIN, the server's data is lost."""
    with stage(env, CONFIG) as (listener, watch):
        for v6 in BOTH:
            name = f"{family(v6)}, vanished and half-closed"
            with life(env, name, timeout=1):
                c, s, client = open_pair(env, listener, v6)
                c.shutdown(socket.SHUT_WR)
                end_of(s, name)
                wait_state(env, client, "half-closed-client", name)
                wait_for(lambda c=c: c.getsockopt(
                    socket.IPPROTO_TCP, socket.TCP_INFO, 1) == FIN_WAIT2, 2,
                    f"{name}: the FIN to be acknowledged")
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 500)
                vanish(env, v6)
                s.sendall(b"anybody?")
                wait_kernel(env, client, None, name, 5)
                s.close()
                timed_out(env, watch, client, name, HALF_S,
                          "half-closed-client")
