# SPDX-License-Identifier: GPL-2.0-only
"""The four-way close, whoever starts it, and which packets can get lost.

Theory of operation: Linux sockets at both ends close in every order. At each
step the session must match the kernel's socket, and in the end it was closed
once. Lost packets go to a veth that leads nowhere, and are then retransmitted
by the kernel. test_close_by_hand.py has what no kernel does on its own.
"""
import contextlib
import socket
import threading
import time

from backend import OWN_COOKIES
from goodclients import Held
from namespace import wait_for
from nettest import net_test
from session_stats import protect
from sockets import Pattern, Task, accept, connect, listen, pair, receive
from teardown import (BOTH, CLIENT_FIRST, SERVER_FIRST, Watch, client_of,
                      end_of, family, life, open_pair, stage, stats_agree,
                      stays, wait_kernel, wait_state)


MANY = 400
PRECISION_S = 0.05  # of durations: ticks of 17 ms at both ends


@contextlib.contextmanager
def blackhole(env, v6):
    """What the client sends to the server is lost: it leaves by a veth with
    nothing at the other end."""
    flags = ["-6"] if v6 else []
    server = env.server.ip6 if v6 else env.server.ip4
    env.client.ip("link", "add", "nowhere", "type", "veth", "peer", "nobody")
    try:
        for iface in ("nowhere", "nobody"):
            env.client.ip("link", "set", iface, "up")
        env.client.ip("neigh", "add", server, "lladdr", "02:00:00:00:00:99",
                      "dev", "nowhere", "nud", "permanent")
        for iface in ("all", env.client.iface):
            env.client.sysctl(f"net.ipv4.conf.{iface}.rp_filter", 0)
        env.client.ip(*flags, "route", "add", server, "dev", "nowhere")
        yield
    finally:
        env.client.ip("link", "del", "nowhere")


def lost(env, what, count=2):
    """Waits until the client has sent @n segments that were lost."""
    before = env.client.nstat()["TcpRetransSegs"]
    wait_for(lambda: env.client.nstat()["TcpRetransSegs"] >= before + count, 5,
             f"{what}: the client to send again")


# -- Linux at both ends

@net_test
def test_client_first(env):
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            name = f"{family(v6)}, client closes first"
            with life(env, name, closed=1, admitted=1):
                start = time.monotonic()
                c, s, client = open_pair(env, listener, v6)
                opened = time.monotonic()
                c.close()
                end_of(s, name)
                wait_state(env, client, "half-closed-client", name)
                stats_agree(env, name)
                closing = time.monotonic()
                s.close()
                wait_state(env, client, "time-wait", name)
                least = closing - opened
                most = time.monotonic() - start
            told = watch.expect(client, *CLIENT_FIRST)
            got = told[-1]["duration_s"]
            assert least - PRECISION_S <= got <= most + PRECISION_S, \
                f"{name}: expected a duration of {least:.2f} to " \
                f"{most:.2f} s, got {got}"
            left = [e["left"] for e in told]
            # tc counts what XDP admitted, where there is such a program
            want = ["opening" if OWN_COOKIES else "free", "pending",
                    "established", "half-closed-client", "closing"]
            assert left == want, f"{name}: expected the states left to be " \
                f"{want}, got {left}"


@net_test
def test_server_first(env):
    """With shutdown() the kernel keeps the socket in FIN-WAIT-2; with close()
    only a small one with little state."""
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            for how in ("shutdown()", "close()"):
                name = f"{family(v6)}, server's {how} first"
                with life(env, name, closed=1, admitted=1):
                    c, s, client = open_pair(env, listener, v6)
                    with c, s:
                        if how == "close()":
                            s.close()
                        else:
                            s.shutdown(socket.SHUT_WR)
                        end_of(c, name)
                        wait_kernel(env, client, "FIN-WAIT-2", name)
                        wait_state(env, client, "half-closed-server", name)
                        stats_agree(env, name)
                        c.close()
                        wait_kernel(env, client, "TIME-WAIT", name)
                        wait_state(env, client, "time-wait", name)
                watch.expect(client, *SERVER_FIRST)


@net_test
def test_server_closes_at_once(env):
    """The first packet after the handshake is its FIN."""
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            name = f"{family(v6)}, server closes at once"
            with life(env, name, closed=1):
                with connect(env, v6=v6) as c:
                    client = client_of(c)
                    accept(listener, name).close()
                    end_of(c, name)
                    wait_state(env, client, "half-closed-server", name)
                    stats_agree(env, name)
                wait_state(env, client, "time-wait", name)
            watch.expect(client, *SERVER_FIRST)


@net_test
def test_both_at_once(env):
    """Two threads on two CPUs; the FINs may or may not cross."""
    def close(sock, barrier):
        barrier.wait(5)
        sock.close()

    with stage(env) as (listener, _):
        pairs = 100
        with life(env, f"{pairs} times both at once", closed=pairs,
                  admitted=pairs):
            for i in range(pairs):
                c, s, _ = open_pair(env, listener, v6=i % 2 == 1)
                barrier = threading.Barrier(2)
                for task in [Task(close, end, barrier) for end in (c, s)]:
                    task.done()


@net_test
def test_fin_with_data(env):
    """TCP_CORK holds the data back, so that it is sent with the FIN."""
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            for server_first in BOTH:
                name = f"{family(v6)}, FIN of the " \
                    f"{'server' if server_first else 'client'} with data"
                with life(env, name, closed=1):
                    c, s, client = open_pair(env, listener, v6)
                    one, two = (s, c) if server_first else (c, s)
                    with c, s:
                        for end, other in ((one, two), (two, one)):
                            end.setsockopt(socket.IPPROTO_TCP,
                                           socket.TCP_CORK, 1)
                            end.sendall(b"last words")
                            end.shutdown(socket.SHUT_WR)
                            got = receive(other, 20)
                            assert got == b"last words", \
                                f"{name}: expected the data, got {got!r}"
                            if end is one:
                                stats_agree(env, name)
                watch.expect(client, *(SERVER_FIRST if server_first
                                       else CLIENT_FIRST))


@net_test
def test_fin_behind_a_full_window(env):
    """close() with data unsent: the FIN follows when the client reads."""
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            name = f"{family(v6)}, FIN behind a full window"
            with life(env, name, closed=1):
                c, s, client = open_pair(env, listener, v6)
                s.setblocking(False)
                sent = 0
                with contextlib.suppress(BlockingIOError):
                    while True:
                        sent += s.send(bytes(1 << 16))
                s.close()
                with c:
                    wait_kernel(env, client, "FIN-WAIT-1", name)
                    got = 0
                    while data := c.recv(1 << 18):
                        got += len(data)
                    assert got == sent, f"{name}: expected {sent} bytes, " \
                        f"got {got}"
                    wait_state(env, client, "half-closed-server", name)
                    stats_agree(env, name)
            watch.expect(client, *SERVER_FIRST)


# -- many, quickly

@net_test
def test_many_server_first(env):
    """nginx closes each connection after its response."""
    env.nginx(keepalive=False)
    protect(env)
    for address in (env.server.ip4, f"[{env.server.ip6}]"):
        with life(env, f"{MANY} requests to {address}", closed=MANY):
            env.client.run(["curl", "-sSf", "-o", "/dev/null",
                            f"http://{address}/1k?[1-{MANY}]"], timeout=60)


@net_test
def test_many_client_first(env):
    """HTTP keep-alive, but the client closes after each response."""
    env.nginx()
    protect(env)

    def ask_often(v6):
        for _ in range(MANY // 4):
            Held(env, v6=v6).socket.close()

    with life(env, f"{MANY} connections", closed=MANY):
        for task in [Task(ask_often, i % 2 == 1) for i in range(4)]:
            task.done()


# -- lost packets

@net_test
def test_client_fin_lost(env):
    """It is retransmitted until one arrives."""
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            name = f"{family(v6)}, client's FIN lost"
            with life(env, name, closed=1):
                c, s, client = open_pair(env, listener, v6)
                with blackhole(env, v6):
                    c.close()
                    lost(env, name)
                    stays(env, client, "established", name, 0.1)
                end_of(s, name)
                wait_state(env, client, "half-closed-client", name)
                stats_agree(env, name)
                s.close()
            watch.expect(client, *CLIENT_FIRST)


@net_test
def test_last_ack_lost(env):
    """The server retransmits its FIN until it is acknowledged."""
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            name = f"{family(v6)}, last ACK lost"
            with life(env, name, closed=1):
                c, s, client = open_pair(env, listener, v6)
                c.close()
                end_of(s, name)
                before = env.server.nstat()["TcpRetransSegs"]
                with blackhole(env, v6):
                    s.close()
                    wait_for(lambda before=before: env.server.nstat()
                             ["TcpRetransSegs"] >= before + 2, 5,
                             f"{name}: the server to retransmit its FIN")
                    stays(env, client, "closing", name, 0.1)
                    stats_agree(env, name)
                wait_state(env, client, "time-wait", name, 5)
            watch.expect(client, *CLIENT_FIRST)


@net_test
def test_old_connection_closes(env):
    """Adopted sessions are tracked like the others."""
    with listen(env) as listener:
        cases = [(v6, server_first, *pair(env, listener, v6=v6))
                 for v6 in BOTH for server_first in BOTH]
        protect(env)
        watch = Watch(env)
        for v6, server_first, c, s in cases:
            name = f"{family(v6)}, adopted, " \
                f"{'server' if server_first else 'client'} closes first"
            client = client_of(c)
            wait_state(env, client, "established", name)
            one, two = (s, c) if server_first else (c, s)
            with life(env, name, opened=0, closed=1):
                one.close()
                end_of(two, name)
                stats_agree(env, name)
                two.close()
            watch.expect(client, *(SERVER_FIRST if server_first
                                   else CLIENT_FIRST)[-3:])


@net_test
def test_old_half_close(env):
    """Half-closed before the start: only the other FIN is ever seen."""
    with listen(env) as listener:
        cases = [(v6, server_first, *pair(env, listener, v6=v6))
                 for v6 in BOTH for server_first in BOTH]
        for _, server_first, c, s in cases:
            one, two = (s, c) if server_first else (c, s)
            one.shutdown(socket.SHUT_WR)
            end_of(two, "half-closed before the start")
        protect(env)
        stats_agree(env, "half-closed before the start")
        watch = Watch(env)
        for v6, server_first, c, s in cases:
            name = f"{family(v6)}, half-closed by the " \
                f"{'server' if server_first else 'client'} before the start"
            client = client_of(c)
            one, two = (s, c) if server_first else (c, s)
            with life(env, name, opened=0, closed=1):
                move_one_way(two, one)
                two.close()
                end_of(one, name)
                one.close()
                wait_state(env, client, "time-wait", name)
            watch.expect(client, "closing", "closed")


def move_one_way(source, sink):
    data = Pattern(1 << 20, "one way")
    sender = Task(data.send, source)
    data.check(sink)
    sender.done()


@net_test
def test_old_fin_wait_2(env):
    """The server had closed before the start, and its kernel keeps only the
    small socket, which has less state than others."""
    with listen(env) as listener:
        pairs = [pair(env, listener, v6=v6) for v6 in BOTH]
        for c, s in pairs:
            s.close()
            end_of(c, "closed before the start")
        protect(env)
        stats_agree(env, "closed before the start")
        watch = Watch(env)
        for v6, (c, _) in zip(BOTH, pairs):
            name = f"{family(v6)}, FIN-WAIT-2 before the start"
            client = client_of(c)
            with life(env, name, opened=0, closed=1):
                c.close()
                wait_kernel(env, client, "TIME-WAIT", name)
                wait_state(env, client, "time-wait", name)
            watch.expect(client, "closing", "closed")
