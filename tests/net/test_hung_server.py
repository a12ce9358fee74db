# SPDX-License-Identifier: GPL-2.0-only
"""A server that hangs looks dead, as it does without Synkeeper.

Theory of operation: the kernel ignores SYNs while a listener's accept queue is
full; a cookie that is answered then makes a connection that nobody serves. What
a client sees is recorded with the plain kernel first. In a flood, a queue that
is full for a moment must cost good clients no more than a retransmission.
"""
import socket
import threading
import time

from backend import needs_own_cookies
from namespace import wait_for
from nettest import net_test
from scapytools import LINUX, Peer
from session_stats import counted, protect, reasons
from sockets import Task, accept, client_socket, connect, listen, server_address
from underflood import grown

BACKLOG = 2
GIVE_UP_S = 0.5
RETRANSMITTED_S = 1.0  # RFC 6298: the initial RTO


def try_connect(env, v6=False, timeout=GIVE_UP_S):
    """The socket, or None if nobody answered."""
    s = client_socket(env, v6)
    s.settimeout(timeout)
    try:
        s.connect(server_address(env, v6=v6))
    except TimeoutError:
        s.close()
        return None
    return s


def fill(env, v6, most=8):
    """How many of @most connect, and they."""
    held = [try_connect(env, v6) for _ in range(most)]
    return [s for s in held if s]


def recv_q(env):
    return sum(row["recv_q"] for row in env.server.ss("-ltn", "sport = :80"))


def hangs(env, v6):
    """What clients see of a hung server: (connected at first, a health check
    later, one after it has recovered)."""
    with listen(env, backlog=BACKLOG) as listener:
        held = fill(env, v6)
        time.sleep(1.5)  # longer than anything seen counts
        check = try_connect(env, v6)
        n = len(held)
        for _ in range(n):
            accept(listener).close()
        wait_for(lambda: not recv_q(env), 2, "an empty accept queue")
        again = try_connect(env, v6, 5)
        for s in (*held, check, again):
            if s:
                s.close()
        return n, bool(check), bool(again)


def looks_dead(env, v6):
    want = hangs(env, v6)
    assert want == (BACKLOG + 1, False, True), \
        f"test set-up: the kernel alone: {want}"
    with listen(env):
        protect(env)
    got = hangs(env, v6)
    assert got == want, f"IPv{6 if v6 else 4}: the kernel alone (connected, " \
        f"health check, after recovery) {want}, with Synkeeper {got}"


@net_test
def test_health_check_found_a_hung_server_alive(env):
    looks_dead(env, False)


@net_test
def test_health_check_found_a_hung_server_alive_v6(env):
    looks_dead(env, True)


@net_test
def test_room_is_seen_at_once(env):
    """A SYN while it is full, and the next one when there is room."""
    needs_own_cookies("with a full queue the kernel makes no cookie")
    with listen(env, backlog=1) as listener, Peer(env) as peer:
        protect(env)
        held = [connect(env) for _ in range(2)]
        wait_for(lambda: recv_q(env) == 2, 2, "a full accept queue")
        flow = peer.flow()
        with counted(env, "SYN, the queue is full", queue_full=1, answered=0):
            flow.send("S", seq=flow.isn)
            flow.nothing_came("SYN, the queue is full")
        accept(listener).close()
        with counted(env, "SYN, there is room", queue_full=0, answered=1):
            flow.syn(LINUX)
        for s in held:
            s.close()


@net_test
def test_dead_daemon_and_hung_server(env):
    """Nothing of it is the daemon's."""
    needs_own_cookies("with a full queue the kernel makes no cookie")
    with listen(env, backlog=1) as listener:
        daemon = protect(env)
        daemon.kill()
        held = fill(env, False, 4)
        assert len(held) == 2, f"expected 2 of 4 to connect, got {len(held)}"
        for s in held:
            accept(listener).close()
            s.close()
        connect(env).close()


def slow_for_a_moment(listener, pause):
    """Accepts at once, except for a pause in which the queue fills, until the
    listener is shut down."""
    while True:
        if pause.is_set():
            time.sleep(0.3)
            pause.clear()
        try:
            accept(listener).close()
        except OSError:
            return


@net_test
def test_moment_of_a_full_queue_in_a_flood(env):
    """Good clients, four at a time, in a flood at full rate; the application
    pauses for 0.3 s again and again."""
    needs_own_cookies("with a full queue the kernel makes no cookie")
    slowest = [0.0]
    failed = []
    stop, pause = threading.Event(), threading.Event()

    def clients():
        while not stop.is_set():
            start = time.monotonic()
            s = try_connect(env, timeout=8)
            if not s:
                failed.append("nobody answered for 8 s")
                return
            s.close()
            slowest[0] = max(slowest[0], time.monotonic() - start)

    with listen(env, backlog=4) as listener:
        protect(env)
        server = Task(slow_for_a_moment, listener, pause)
        tasks = [Task(clients) for _ in range(4)]
        before = reasons(env)
        flood = env.flood("syn", 6)
        for _ in range(4):
            time.sleep(1)
            pause.set()
        assert flood.wait(20) == 0, flood.output()
        stop.set()
        for task in tasks:
            task.done()
        got = grown(before, reasons(env))
        print(f"slowest {slowest[0]:.2f} s; {got}")
        assert not failed, failed[0]
        connect(env).close()
        listener.shutdown(socket.SHUT_RDWR)
        server.done()
    assert got.get("queue_full"), f"test set-up: the queue was never full: {got}"
    # on a full link a SYN may be lost as well
    assert slowest[0] < 3 * RETRANSMITTED_S + 0.5, \
        f"the slowest good client took {slowest[0]:.2f} s"
