# SPDX-License-Identifier: GPL-2.0-only
"""The same tuple again, and several clients behind one address.

Theory of operation: real clients reuse a source port the moment the previous
connection is closed, while one of the ends is in TIME-WAIT. The table still has
the session, so its SYN passes and the kernel answers it (RFC 6191).
"""
import socket

from backend import keep_timestamps
from namespace import wait_for
from nettest import net_test
from session_stats import counted, protect, sessions
from sockets import accept, connect, connect_again, listen, move, receive

SPORT = 40123


def states(ns):
    return [s["state"] for s in ns.ss("-tan", f"( sport = :{SPORT} or "
                                      f"dport = :{SPORT} )")]


def end(first, second):
    """Closes first, then second: TIME-WAIT stays at the first."""
    first.close()
    assert receive(second, 1) == b"", "expected the end of the connection"
    second.close()


def again(env, listener, v6, name):
    """Connects from the same port at once, as soon as the client's own kernel
    releases the port, and moves data."""
    c = connect_again(env, v6, SPORT, name)
    with c, accept(listener, name) as s:
        move(c, s)
        rows = [r for r in sessions(env, SPORT)
                if r["client"].startswith("[") == v6]
        assert [r["state"] for r in rows] == ["established"], \
            f"{name}: expected one established session, got {rows}"
        end(c, s)


def reuse(env, server_first, **client):
    for key, value in client.items():
        env.client.sysctl(f"net.ipv4.{key}", value)
    with listen(env) as listener:
        protect(env)
        for v6 in (False, True):
            name = f"IPv{6 if v6 else 4}, port reused, " + \
                ("server" if server_first else "client") + " in TIME-WAIT"
            c = connect(env, v6=v6, sport=SPORT)
            s = accept(listener)
            move(c, s, 1 << 16)
            end(*((s, c) if server_first else (c, s)))
            at = env.server if server_first else env.client
            wait_for(lambda at=at: states(at) == ["TIME-WAIT"], 2,
                     f"{name}: one TIME-WAIT, there is {states(at)}")
            with counted(env, name, bad_cookie=0, stale_socket=0, refused=0):
                again(env, listener, v6, name)
            for ns in (env.client, env.server):
                ns.run(["ss", "-K", "-tn", "state", "time-wait"])


@net_test
def test_server_in_time_wait(env):
    reuse(env, server_first=True)


@net_test
def test_server_in_time_wait_without_timestamps(env):
    reuse(env, server_first=True, tcp_timestamps=0)


@net_test
def test_client_in_time_wait(env):
    keep_timestamps(env.server)  # else the client's kernel keeps the port
    reuse(env, server_first=False, tcp_tw_reuse=1)


@net_test
def test_server_in_time_wait_before_the_start(env):
    """TIME-WAIT is older than the daemon: the SYN must not get a cookie that
    the kernel would then refuse."""
    with listen(env) as listener:
        for v6 in (False, True):
            c = connect(env, v6=v6, sport=SPORT)
            s = accept(listener)
            end(s, c)
        wait_for(lambda: states(env.server) == ["TIME-WAIT"] * 2, 2,
                 "two TIME-WAIT at the server")
        protect(env)
        for v6 in (False, True):
            with counted(env, "SYN to an older TIME-WAIT", answered=0,
                         session_syn=1, bad_cookie=0, stale_socket=0):
                again(env, listener, v6, f"IPv{6 if v6 else 4}, older "
                      "TIME-WAIT")
            env.client.run(["ss", "-K", "-tn", "state", "time-wait"])


@net_test
def test_two_clients_behind_one_address(env):
    """Interleaved: each ACK validates for its own port only."""
    with listen(env) as listener:
        protect(env)
        for v6 in (False, True):
            with counted(env, "two clients, one address", answered=2,
                         admitted=2):
                a, b = (connect(env, v6=v6, sport=SPORT + i) for i in (0, 1))
                ends = {s.getpeername()[1]: s
                        for s in (accept(listener), accept(listener))}
                move(a, ends[SPORT])
                move(b, ends[SPORT + 1])
                for c, s in ((a, ends[SPORT]), (b, ends[SPORT + 1])):
                    end(s, c)


@net_test
def test_reset_and_connect_again(env):
    """No TIME-WAIT at all: the session exists, the socket is gone."""
    with listen(env) as listener:
        protect(env)
        for v6 in (False, True):
            for _ in range(3):
                c = connect(env, v6=v6, sport=SPORT)
                s = accept(listener)
                with c, s:
                    move(c, s, 1 << 16)
                    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 b"\1\0\0\0\0\0\0\0")
