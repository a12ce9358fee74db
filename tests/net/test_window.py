# SPDX-License-Identifier: GPL-2.0-only
"""The window and its scale in a SYN-ACK are those of the plain kernel.

Theory of operation: the plain kernel answers first, in the same namespaces, to
listeners with buffers and clamps of every kind; each SYN-ACK of Synkeeper must
then announce the same. Megabytes move both ways afterwards, since connections
with a wrong scale open all the same.
"""
import contextlib
import socket
import time

from backend import needs_own_cookies
from nettest import net_test
from scapy.layers.inet import TCP
from scapytools import LINUX, WINDOWS, Peer
from session_stats import protect
from slack import slack
from sockets import listen, move, pair

RCVBUFFORCE = 33
BUFFERS = {
    "the default": (),
    "a small buffer": ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),),
    "a buffer below the default":
        ((socket.SOL_SOCKET, socket.SO_RCVBUF, 50000),),
    "a large buffer": ((socket.SOL_SOCKET, RCVBUFFORCE, 16 << 20),),
    "a window clamp":
        ((socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP, 5000),),
    "a large window clamp":
        ((socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP, 1 << 20),),
    "a clamp above the buffer":
        ((socket.SOL_SOCKET, socket.SO_RCVBUF, 20000),
         (socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP, 100000)),
    "a small MSS": ((socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1000),),
}
CLIENTS = {
    "timestamps": LINUX,
    "no timestamps": WINDOWS,
    "timestamps, a small MSS": [("MSS", 1300), *LINUX[1:]],
    "no options but the MSS": [("MSS", 1460)],
}


def windows(env):
    """What each client is offered: (window, scale)."""
    got = {}
    for v6 in (False, True):
        with Peer(env, v6) as peer:
            for name, options in CLIENTS.items():
                tcp = peer.flow().syn(options)[TCP]
                got[f"{name}, IPv{6 if v6 else 4}"] = \
                    (tcp.window, dict(tcp.options).get("WScale"))
    return got


def tell(listener, options):
    for level, option, value in options:
        listener.setsockopt(level, option, value)


@contextlib.contextmanager
def both(env, listener, v6):
    c, s = pair(env, listener, v6=v6)
    with c, s:
        yield c, s


@net_test
def test_window_was_of_other_segments(env):
    needs_own_cookies("the kernel's own cookies offer no scale there")
    plain = {}
    for name, options in BUFFERS.items():
        with listen(env) as listener:
            tell(listener, options)
            plain[name] = windows(env)
    started = False
    for name, options in BUFFERS.items():
        with listen(env) as listener, contextlib.ExitStack() as stack:
            tell(listener, options)
            if not started:
                protect(env)
            started = True
            deadline = time.monotonic() + slack(3)
            got = windows(env)
            while got != plain[name] and time.monotonic() < deadline:
                time.sleep(0.1)  # until the daemon looks at listeners again
                got = windows(env)
            assert got == plain[name], f"{name}: (window, scale): expected " \
                f"the plain kernel's {plain[name]}, got {got}"
            for v6 in (False, True):
                move(*stack.enter_context(both(env, listener, v6)), 1 << 20)


@net_test
def test_first_flight_fills_the_window(env):
    """What is beyond the window of the socket, whole segments of the client's
    MSS, is sent again."""
    needs_own_cookies("what a kernel's cookie makes is the kernel's own")
    for family in ("-4", "-6"):
        route, = [line for line in env.client.ip(family, "route").splitlines()
                  if "proto kernel" in line and not line.startswith("fe80:")]
        env.client.ip(family, "route", "change", *route.split(),
                      "initcwnd", "100")
    with listen(env) as listener:
        protect(env)
        for v6 in (False, True):
            with both(env, listener, v6) as (c, s):
                move(c, s)
