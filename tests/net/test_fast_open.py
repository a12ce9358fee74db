# SPDX-License-Identifier: GPL-2.0-only
"""TCP Fast Open: the listener has it, and armed services keep it.

Theory of operation: a real client asks for a cookie with its first connection
and sends data in the SYN of its second one. Both kernels count what became of
that, and must count the same without Synkeeper. In a flood of such SYNs the
client is served as one without Fast Open.
"""
import contextlib
import os
import socket
import sys

from backend import needs_own_cookies
from namespace import wait_for
from netenv import ROOT
from nettest import net_test
from session_stats import counted, deltas, protect, reasons, service
from sockets import (accept, client_socket, listen, move, receive,
                     server_address)

# of the client: data in a SYN acknowledged, or not; of the server: cookies
# asked for, data taken from a SYN
COUNTERS = ("TcpExtTCPFastOpenActive", "TcpExtTCPFastOpenActiveFail",
            "TcpExtTCPFastOpenCookieReqd", "TcpExtTCPFastOpenPassive")
ASKING = "020405b4" "0402080a0000000100000000" "01030307" "22020101"
RATE = 5000
NO_FAST_OPEN = "the kernel has no Fast Open while it makes cookies"


def fast_listener(env):
    env.server.sysctl("net.ipv4.tcp_fastopen", 3)
    env.client.sysctl("net.ipv4.tcp_fastopen", 1)
    listener = listen(env)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
    return listener


def forget_cookies(env):
    env.client.run(["ip", "tcp_metrics", "flush"])


def fast_connect(env, listener, v6, name):
    """Opens with data; returns how it went, as {counter: n} of both ends."""
    before = env.client.nstat(), env.server.nstat()
    with client_socket(env, v6) as c:
        # without a cookie it waits for the handshake, which needs a blocking
        # socket; the kernel's own time-out bounds that
        timeout = c.gettimeout()
        c.settimeout(None)
        c.sendto(b"early", socket.MSG_FASTOPEN, server_address(env, v6=v6))
        c.settimeout(timeout)
        with accept(listener, name) as s:
            got = receive(s, 5)
            assert got == b"early", f"{name}: expected the data, got {got!r}"
            move(c, s, 1 << 20)
    after = env.client.nstat(), env.server.nstat()
    return [{k: n for k, n in deltas(*pair).items() if k in COUNTERS}
            for pair in zip(before, after)]


def names(v6):
    return [f"{what}, IPv{6 if v6 else 4}" for what in
            ("asks for a cookie", "data in the SYN")]


@contextlib.contextmanager
def known_client(env):
    """A protected listener whose cookies of both families the client has."""
    needs_own_cookies(NO_FAST_OPEN)
    with fast_listener(env) as listener:
        protect(env)
        for v6 in (False, True):
            fast_connect(env, listener, v6, names(v6)[0])
        yield listener


@net_test
def test_cookies_were_not_offered(env):
    needs_own_cookies(NO_FAST_OPEN)
    with fast_listener(env) as listener:
        plain = {}
        for v6 in (False, True):
            for name in names(v6):
                plain[name] = fast_connect(env, listener, v6, name)
            assert plain[name][1].get("TcpExtTCPFastOpenPassive") == 1, \
                f"{name}: without Synkeeper there is no Fast Open: {plain}"
        forget_cookies(env)
        protect(env)
        told = service(env, "*:80")
        assert (told["listener"], told["not_honoured"]) == \
            ("TCP Fast Open", ""), f"service list: got {told}"
        for v6 in (False, True):
            for name in names(v6):
                with counted(env, name, handed_over=1, answered=0, admitted=0,
                             bad_cookie=0):
                    got = fast_connect(env, listener, v6, name)
                assert got == plain[name], f"{name}: expected as without " \
                    f"Synkeeper {plain[name]}, got {got}"


@net_test
def test_listener_without_it(env):
    """A cookie of the server's is left from when it had Fast Open."""
    with fast_listener(env) as listener:
        for v6 in (False, True):
            fast_connect(env, listener, v6, "before")
    with listen(env) as listener:
        protect(env)
        for v6 in (False, True):
            name = names(v6)[1]
            with counted(env, name, handed_over=0, admitted=1):
                fast_connect(env, listener, v6, name)


@net_test
def test_in_an_ack_flood(env):
    """The ACK of a connection that the data opened is not lost."""
    with known_client(env) as listener:
        flood = env.flood("ack-plain", 30)
        for v6 in (False, True):
            name = names(v6)[1]
            got = fast_connect(env, listener, v6, name)[1]
            assert got.get("TcpExtTCPFastOpenPassive") == 1, \
                f"{name}: expected data taken from the SYN, got {got}"
        assert flood.alive(), f"the flood is over: {flood.output()}"
        flood.stop()


@net_test
def test_in_a_flood_of_its_own(env):
    """Without budget the client sends its data after the handshake."""
    with known_client(env) as listener:
        before = reasons(env)
        flood = env.client.start(
            [sys.executable, os.path.join(ROOT, "tests/lib/rawflood.py"),
             env.client.iface, env.client.mac, env.server.mac, env.server.ip4,
             80, 60, RATE, ASKING], name="rawflood")
        wait_for(lambda: deltas(before, reasons(env)).get("answered", 0) > RATE,
                 20, "SYNs of the flood to be answered")
        for v6 in (False, True):
            def falls_back():
                ends = fast_connect(env, listener, v6, f"{names(v6)[1]}, in "
                                    "the flood")
                return ends[0].get("TcpExtTCPFastOpenActiveFail")
            wait_for(falls_back, 20, "a SYN beyond the budget")
        assert flood.alive(), f"the flood is over: {flood.output()}"
        flood.stop()
        got = deltas(before, reasons(env))
        assert got["handed_over"] < got["answered"] / 2, \
            f"of a flood of {RATE} a second expected most answered, got {got}"
