# SPDX-License-Identifier: GPL-2.0-only
"""Spliced connections between ends that agree to different TCP options.

Theory of operation: SACK, timestamps and window scaling are switched off in the
kernel of one end or the other. What the server offers is learned from each of
its SYN-ACKs, so the first connection after a change is offered what was true
before; it has to work as well. Megabytes go both ways, every byte compared.
"""
import socket

from nettest import net_test, skip
from session_stats import counted
from sockets import listen, move, pair
from splicebed import FAMILIES, SPLICED_PORT as PORT, spliced_listener

IPPROTO_MPTCP = 262
OPTIONS = ("net.ipv4.tcp_sack", "net.ipv4.tcp_timestamps",
           "net.ipv4.tcp_window_scaling")


def without(env, end, option):
    """Two connections of each family: what is offered is old, then new."""
    end.sysctl(option, 0)
    for v6, name in FAMILIES:
        for turn in ("first", "second"):
            c, s = pair(env, env.listener, PORT, v6)
            with c, s:
                try:
                    move(c, s, 1 << 20)
                except AssertionError as e:
                    raise AssertionError(f"{option} = 0, {name}, the {turn} "
                                         f"connection: {e}") from e
    end.sysctl(option, 1)


@net_test
def test_server_without(env):
    with spliced_listener(env) as env.listener:
        for option in OPTIONS:
            without(env, env.server, option)


@net_test
def test_client_without(env):
    with spliced_listener(env) as env.listener:
        for option in OPTIONS:
            without(env, env.client, option)


@net_test
def test_all_at_once(env):
    with spliced_listener(env) as env.listener:
        for option in OPTIONS:
            env.client.sysctl(option, 0)
        without(env, env.server, OPTIONS[2])


def options_of(sock):
    """tcpi_options: 1 timestamps, 2 SACK, 4 window scaling."""
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5] & 7


@net_test
def test_all_options_survive(env):
    with spliced_listener(env) as env.listener:
        for v6, name in FAMILIES:
            c, s = pair(env, env.listener, PORT, v6)
            with c, s:
                for end, sock in (("client", c), ("server", s)):
                    got = options_of(sock)
                    assert got == 7, f"{name}, the {end}: expected " \
                        f"timestamps, SACK and scaling (7), got {got}"


@net_test
def test_mptcp_listener(env):
    """As Go has them: all options survive, and the cookies are our own."""
    try:
        listen(env, port=82, proto=IPPROTO_MPTCP).close()
    except OSError as e:
        skip(f"no MPTCP: {e}")
    with spliced_listener(env, topology="local",
                          proto=IPPROTO_MPTCP) as listener:
        for v6, name in FAMILIES:
            with counted(env, f"MPTCP listener, {name}", answered=1,
                         spliced=1):
                c, s = pair(env, listener, PORT, v6)
            with c, s:
                move(c, s, 1 << 20)
                got = options_of(c)
                assert got == 7, f"{name}: expected timestamps, SACK and " \
                    f"scaling (7), got {got}"
