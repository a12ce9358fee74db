# SPDX-License-Identifier: GPL-2.0-only
"""Half-closed connections: one side has finished, the other continues.

Theory of operation: after shutdown(SHUT_WR) at one end, 10 MB go the other way,
with every byte compared. The session must be half-closed at the beginning, in
the middle and at the end of them, and the kernel's socket must agree.
"""
import socket

from nettest import net_test
from scapytools import LINUX, WINDOWS, Peer
from sockets import Pattern, Task, receive
from teardown import (BOTH, CLIENT_FIRST, SERVER_FIRST, end_of, family, life,
                      open_flow, open_pair, send_fin, stage, stats_agree,
                      take_fin, wait_state)

HALF = 5 << 20


def half_closed(env, listener, watch, v6, by_server):
    name = f"{family(v6)}, half-closed by the " \
        f"{'server' if by_server else 'client'}"
    state = "half-closed-" + ("server" if by_server else "client")
    with life(env, name, closed=1, admitted=1):
        c, s, client = open_pair(env, listener, v6)
        silent, speaks = (s, c) if by_server else (c, s)
        with c, s:
            silent.shutdown(socket.SHUT_WR)
            end_of(speaks, name)
            wait_state(env, client, state, name)
            for part in ("first half", "second half"):
                data = Pattern(HALF, part)
                sender = Task(data.send, speaks)
                data.check(silent)
                sender.done()
                wait_state(env, client, state, f"{name}, after the {part}", 0)
                stats_agree(env, f"{name}, after the {part}")
            speaks.close()
            end_of(silent, name)
        wait_state(env, client, "time-wait", name)
    watch.expect(client, *(SERVER_FIRST if by_server else CLIENT_FIRST))


@net_test
def test_by_client(env):
    """Like `ssh host cat file < /dev/null`, or HTTP/1.0 clients that shut."""
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            half_closed(env, listener, watch, v6, by_server=False)


@net_test
def test_by_server(env):
    """Like a server that has responded and receives the rest of an upload."""
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            half_closed(env, listener, watch, v6, by_server=True)


@net_test
def test_many_at_once(env):
    """Half of them each way, all half-closed together, all moving data."""
    with stage(env) as (listener, _):
        pairs = []
        with life(env, "40 half-closed sessions", closed=40, admitted=40):
            for i in range(40):
                c, s, _ = open_pair(env, listener, v6=i % 2 == 1)
                pairs.append((c, s) if i % 4 < 2 else (s, c))
            for silent, _ in pairs:
                silent.shutdown(socket.SHUT_WR)
            stats_agree(env, "40 half-closed sessions")
            tasks = []
            for i, (silent, speaks) in enumerate(pairs):
                data = Pattern(1 << 18, i)
                tasks += [Task(data.send, speaks), Task(data.check, silent)]
            for task in tasks:
                task.done()
            stats_agree(env, "40 half-closed sessions, data moved")
            for silent, speaks in pairs:
                speaks.close()
                end_of(silent, "40 half-closed sessions")
                silent.close()


@net_test
def test_data_and_acks_by_hand(env):
    """Every segment of a half-closed session repeats the FIN's sequence
    number or its acknowledgement; none may move it."""
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            for options in (LINUX, WINDOWS):
                name = f"{family(v6)}, {len(options)} options"
                with Peer(env, v6) as peer:
                    client_by_hand(env, peer, listener, watch, options, name)
                    server_by_hand(env, peer, listener, watch, options, name)


def client_by_hand(env, peer, listener, watch, options, name):
    name = f"{name}, client half-closed"
    with life(env, name, closed=1):
        flow, s, client = open_flow(env, peer, listener, options)
        send_fin(flow, name)
        for i in range(3):
            s.sendall(b"more")
            flow.recv(f"{name}: data", "PA")
            flow.ack += 4
            flow.send("A")
            peer.barrier()
            wait_state(env, client, "half-closed-client", f"{name}, {i}", 0)
        s.close()
        take_fin(flow, name)
        flow.send("A")
        wait_state(env, client, "time-wait", name)
    watch.expect(client, *CLIENT_FIRST)


def server_by_hand(env, peer, listener, watch, options, name):
    name = f"{name}, server half-closed"
    with life(env, name, closed=1):
        flow, s, client = open_flow(env, peer, listener, options)
        s.shutdown(socket.SHUT_WR)
        take_fin(flow, name)
        flow.send("A")
        for i in range(3):
            flow.say(b"more", name)
            got = receive(s, 4)
            assert got == b"more", f"{name}: expected the data, got {got!r}"
            wait_state(env, client, "half-closed-server", f"{name}, {i}", 0)
        send_fin(flow, name)
        s.close()
        wait_state(env, client, "time-wait", name)
    watch.expect(client, *SERVER_FIRST)
