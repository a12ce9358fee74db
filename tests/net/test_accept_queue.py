# SPDX-License-Identifier: GPL-2.0-only
"""The accept queue is full: a late connection is fine, a reset is not.

Theory of operation: a listener with a backlog of 1 holds two connections. The
kernel drops the ACK that would make a third and whose SYN was answered before;
its client considers itself connected and retransmits its data. Each time the
cookie must be checked again, until there is room. With hand-made packets the
steps are checked one by one; with real clients, a slow application serves more
than its queue holds. For SYNs while it is full see test_hung_server.py.
"""
import threading
import time

from backend import needs_own_cookies
from namespace import wait_for
from nettest import mode, net_test
from scapytools import LINUX, WINDOWS, Peer
from session_stats import counted, protect, sessions
from sockets import Task, accept, ask, banner, connect, echo, listen, receive

CLIENTS = 10
KERNEL_WAITS = "with a full queue the kernel makes no cookie"
# What follows an admitted ACK within two ticks of 17 ms counts as back to back;
# a client retransmits after 200 ms at the earliest (RFC 6298, Linux).
RETRANSMIT_S = 0.2


def overflows(env):
    return env.server.nstat()["TcpExtListenOverflows"]


def full(env):
    """Fills the queue; returns the sockets in it."""
    held = [connect(env) for _ in range(2)]
    wait_for(lambda: env.server.ss("-ltn", "sport = :80")[0]["recv_q"] == 2, 2,
             "two connections in the accept queue")
    return held


def make_room(listener):
    for _ in range(2):
        accept(listener).close()
    time.sleep(RETRANSMIT_S)


def not_taken(env, flow, what, flags, data=b""):
    """Sends what the kernel drops because its queue is full."""
    time.sleep(RETRANSMIT_S)
    before = overflows(env)
    flow.send(flags, data)
    flow.nothing_came(what)
    assert overflows(env) > before, \
        f"{what}: expected ListenOverflows to grow from {before}"


def opens_late(env, options, name):
    needs_own_cookies(KERNEL_WAITS)
    with listen(env, backlog=1) as listener, Peer(env) as peer:
        protect(env)
        flow = peer.flow()
        flow.syn(options)
        held = full(env)
        with counted(env, name, admitted=4, bad_cookie=0, data_before_socket=1):
            not_taken(env, flow, f"ACK, {name}", "A")
            not_taken(env, flow, f"data, {name}", "PA", b"first")
            not_taken(env, flow, f"data again, {name}", "PA", b"first")
            time.sleep(RETRANSMIT_S)
            flow.send("PA", b"second", seq=flow.seq + 5)
            flow.nothing_came(f"data behind it, {name}")
            rows = sessions(env, flow.sport)
            assert [r["state"] for r in rows] == ["pending"], \
                f"{name}: expected one pending session, got {rows}"
            make_room(listener)
            flow.say(b"first", f"data when there is room, {name}")
        flow.say(b"second", f"the rest, {name}")
        with accept(listener) as s:
            got = receive(s, 11)
            assert got == b"firstsecond", f"{name}: got {got!r}"
            rows = sessions(env, flow.sport)
            assert [r["state"] for r in rows] == ["established"], \
                f"{name}: expected one established session, got {rows}"
        for c in held:
            c.close()


@net_test
def test_by_hand_with_timestamps(env):
    opens_late(env, LINUX, "with timestamps")


@net_test
def test_by_hand_without_timestamps(env):
    opens_late(env, WINDOWS, "without timestamps")


@net_test
def test_pending_session_forgotten(env):
    """After the session has timed out: the cookie alone must do."""
    needs_own_cookies(KERNEL_WAITS)
    with listen(env, backlog=1) as listener, Peer(env) as peer:
        protect(env, config="[sessions]\npending-timeout = 1s\n")
        flow = peer.flow()
        flow.syn(LINUX)
        held = full(env)
        flow.send("A")
        flow.nothing_came("ACK, the queue is full")
        wait_for(lambda: not sessions(env, flow.sport), 10,
                 "the pending session to time out")
        make_room(listener)
        flow.say(b"late", "data after the session timed out")
        with accept(listener) as s:
            assert receive(s, 4) == b"late", "expected the data"
        for c in held:
            c.close()


@net_test
def test_data_on_the_heels_of_the_ack(env):
    """Both pass before the kernel processes either. It has no room for the ACK
    and would reset the data; the client must not see that."""
    needs_own_cookies(KERNEL_WAITS)
    with listen(env, backlog=1) as listener, Peer(env) as peer:
        protect(env)
        flow = peer.flow()
        flow.syn(LINUX)
        held = full(env)
        # tc recirculates what is right behind an ACK once; in skb mode it goes
        # through XDP again
        behind = 2 if mode() == "skb" else 1
        with counted(env, "ACK, data", admitted=1, session=behind,
                     rst_suppressed=1):
            flow.send("A")
            flow.send("PA", b"first")
            flow.nothing_came("ACK and data, the queue is full")
        make_room(listener)
        flow.say(b"first", "data when there is room")
        with accept(listener) as s:
            assert receive(s, 5) == b"first", "expected the data"
        for c in held:
            c.close()


@net_test
def test_fin_while_full(env):
    needs_own_cookies(KERNEL_WAITS)
    with listen(env, backlog=1) as listener, Peer(env) as peer:
        protect(env)
        flow = peer.flow()
        flow.syn(LINUX)
        held = full(env)
        not_taken(env, flow, "data with FIN", "FPA", b"all")
        make_room(listener)
        flow.send("FPA", b"all")
        flow.seq += 4
        flow.expect_ack("data with FIN, sent again")
        with accept(listener) as s:
            got = receive(s, 10)
            assert got == b"all", f"data with FIN: got {got!r}"
        for c in held:
            c.close()


def slow_server(listener, handler):
    """Accepts one every 20 ms, like a busy application."""
    pause = threading.Event()
    for _ in range(CLIENTS):
        s = accept(listener)
        Task(serve, s, handler)
        pause.wait(0.02)


def serve(sock, handler):
    with sock:
        handler(sock)


def clients(env, handler, client):
    """CLIENTS at once; the errors of each."""
    wrong = []

    def one(v6):
        try:
            with connect(env, v6=v6, timeout=20) as c:
                client(c)
        except (OSError, AssertionError) as e:
            wrong.append(repr(e))

    with listen(env, backlog=1) as listener:
        protect(env)
        before = overflows(env)
        listener.settimeout(20)
        server = Task(slow_server, listener, handler)
        tasks = [Task(one, i % 2 == 1) for i in range(CLIENTS)]
        for task in tasks:
            task.done()
        if not wrong:
            server.done()
        assert overflows(env) > before, \
            "test set-up: the accept queue never overflowed"
    return wrong


@net_test
def test_slow_application_client_speaks_first(env):
    wrong = clients(env, echo, ask)
    assert not wrong, f"{len(wrong)} of {CLIENTS} clients of a slow " \
        f"application with backlog 1: {wrong[0]}"


@net_test
def test_slow_application_server_speaks_first(env):
    """A client with nothing to send retransmits nothing: its ACK must not be
    the packet that gets lost."""
    def client(sock):
        got = receive(sock, 5)
        assert got == b"hello", f"expected the banner, got {got!r}"

    wrong = clients(env, banner(b"hello"), client)
    assert not wrong, f"{len(wrong)} of {CLIENTS} clients of a slow " \
        f"application with backlog 1 that speaks first: {wrong[0]}"
