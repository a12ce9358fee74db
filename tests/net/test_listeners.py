# SPDX-License-Identifier: GPL-2.0-only
"""Services and the listeners behind them.

Theory of operation: a service is armed where there is a listener; everywhere
else the kernel's own answer must come: its refusal. (Listeners for which the
kernel refuses our sockets are in test_kernel_cookies.py.) The daemon checks
about twice a second, so tests wait for what `service list` says; while it is
stopped it cannot notice.
"""
import json
import socket

from scapy.layers.inet import TCP

from attached import add_pair
from backend import needs_own_cookies
from namespace import wait_for
from nettest import net_test, skip
from scapytools import LINUX, Peer
from session_stats import counted, protect, reasons, service, wait_armed
from sockets import (Server, accept, ask, connect, connect_error, listen,
                     move, pair, receive, sign)


def works(env, what, v6=False, by_cookie=True, **where):
    """A client of an echo server connects, by a cookie or without."""
    n = 1 if by_cookie else 0
    with counted(env, what, answered=n, admitted=n, refused=0):
        with connect(env, v6=v6, **where) as c:
            ask(c)


def refused(env, what, v6=False, **where):
    with counted(env, what, answered=0):
        e = connect_error(env, v6=v6, **where)
    assert isinstance(e, ConnectionRefusedError), \
        f"{what}: expected connection refused, got {e!r}"


@net_test
def test_dual_stack_listener(env):
    with listen(env, "::") as listener:
        Server(listener)
        protect(env)
        works(env, "IPv4 to a dual-stack listener")
        works(env, "IPv6 to a dual-stack listener", v6=True)


@net_test
def test_signed_connections_timed_out(env):
    """TCP MD5, as between BGP routers: the client drops our SYN-ACK, which has
    no signature. So the kernel answers as soon as there is a key."""
    with listen(env, "0.0.0.0") as listener:
        Server(listener)
        protect(env)
        sign(listener, env.client.ip4)
        wait_for(lambda: "MD5" in service(env, "*:80")["why"], 3,
                 "*:80 to be disarmed because its listener has a key")
        with env.client.inside():
            c = socket.socket()
        c.settimeout(5)
        with c, counted(env, "signed", answered=0, disarmed_syn=1):
            sign(c, env.server.ip4)
            c.connect((env.server.ip4, 80))
            ask(c)


@net_test
def test_ipv4_only_listener(env):
    with listen(env, "0.0.0.0") as listener:
        Server(listener)
        protect(env)
        works(env, "IPv4 to a listener on 0.0.0.0")
        refused(env, "IPv6 to a listener on 0.0.0.0", v6=True)


@net_test
def test_ipv6_only_listener(env):
    with listen(env, "::", v6only=True) as listener:
        Server(listener)
        protect(env)
        works(env, "IPv6 to a listener with IPV6_V6ONLY", v6=True)
        refused(env, "IPv4 to a listener with IPV6_V6ONLY")


@net_test
def test_a_listener_per_family(env):
    with listen(env, "::", v6only=True) as six, listen(env, "0.0.0.0") as four:
        Server(six)
        Server(four)
        protect(env)
        works(env, "IPv4 to a listener per family")
        works(env, "IPv6 to a listener per family", v6=True)


@net_test
def test_specific_bind_with_wildcard_service(env):
    """Only the bound address is answered; a second address is refused."""
    env.server.ip("addr", "add", "192.0.2.3/24", "dev", env.server.iface)
    with listen(env, env.server.ip4) as four, \
            listen(env, env.server.ip6) as six:
        Server(four)
        Server(six)
        protect(env)
        works(env, "IPv4 to the bound address")
        works(env, "IPv6 to the bound address", v6=True)
        refused(env, "SYN to an address that is not bound",
                address="192.0.2.3")


@net_test
def test_exact_service(env):
    """The host's other address is no service and works as before."""
    env.server.ip("addr", "add", "192.0.2.3/24", "dev", env.server.iface)
    with listen(env, "::") as listener:
        Server(listener)
        protect(env, f"{env.server.ip4}:80", f"[{env.server.ip6}]:80")
        works(env, "IPv4 to the exact service")
        works(env, "IPv6 to the exact service", v6=True)
        works(env, "the other address", by_cookie=False, address="192.0.2.3")


@net_test
def test_exact_beside_wildcard(env):
    """The exact service has its own policy, the wildcard has the rest."""
    with listen(env, "::") as listener:
        Server(listener)
        protect(env, "*:80", f"{env.server.ip4}:80")
        env.synkeeper("service", "policy", f"{env.server.ip4}:80", "off")
        works(env, "IPv4: the exact service is off", by_cookie=False)
        works(env, "IPv6: the wildcard is on", v6=True)
        env.synkeeper("service", "policy", f"{env.server.ip4}:80", "on")
        env.synkeeper("service", "policy", "*:80", "off")
        works(env, "IPv4: the exact service is on")
        works(env, "IPv6: the wildcard is off", v6=True, by_cookie=False)


@net_test
def test_exact_beside_wildcard_with_bound_listener(env):
    """Both map to the same address:port: the exact one wins."""
    with listen(env, env.server.ip4) as listener:
        Server(listener)
        protect(env, "*:80", f"{env.server.ip4}:80")
        env.synkeeper("service", "policy", f"{env.server.ip4}:80", "off")
        works(env, "exact off, wildcard on, listener bound", by_cookie=False)
        env.synkeeper("service", "policy", f"{env.server.ip4}:80", "on")
        env.synkeeper("service", "policy", "*:80", "off")
        works(env, "exact on, wildcard off, listener bound")


@net_test
def test_reuseport_spreads_connections(env):
    listeners = [listen(env, "::", reuseport=True) for _ in range(4)]
    servers = [Server(listener) for listener in listeners]
    protect(env)
    with counted(env, "64 clients, 4 listeners", answered=64, admitted=64):
        for i in range(64):
            with connect(env, v6=i % 2 == 1) as c:
                ask(c)
    spread = [server.accepted for server in servers]
    assert sum(spread) == 64 and min(spread) > 0, \
        f"SO_REUSEPORT: expected 64 connections spread over 4, got {spread}"


@net_test
def test_reuseport_listener_leaves(env):
    """Between SYN-ACK and ACK one of two listeners closes: the other gets the
    connection, as the cookie names none."""
    first, second = (listen(env, "::", reuseport=True) for _ in range(2))
    with second, Peer(env) as peer:
        protect(env)
        flows = [peer.flow() for _ in range(16)]
        for flow in flows:
            flow.syn(LINUX)
        first.close()
        with counted(env, "ACKs after a listener left", admitted=16):
            for flow in flows:
                flow.send("A")
                accept(second, "ACK after one of two listeners left").close()


@net_test
def test_listener_comes_late(env):
    env.synkeeperd()
    row = service(env, "*:80")
    assert not row["armed"] and row["why"] == "no listener", \
        f"service without listener: expected 'no listener', got {row}"
    refused(env, "no listener, IPv4")
    refused(env, "no listener, IPv6", v6=True)
    with listen(env) as listener:
        Server(listener)
        wait_armed(env)
        works(env, "a listener that came late")
        works(env, "a listener that came late, IPv6", v6=True)


@net_test
def test_listener_goes_and_comes(env):
    listener = listen(env)
    protect(env)
    c, s = pair(env, listener)
    listener.close()
    wait_armed(env, armed=False)
    refused(env, "the listener has gone")
    refused(env, "the listener has gone, IPv6", v6=True)
    move(c, s)  # what it had accepted survives
    with listen(env) as listener:
        Server(listener)
        wait_armed(env)
        works(env, "the listener is back")


@net_test
def test_listener_goes_before_the_ack(env):
    """...and before the daemon has noticed: the kernel's RST is the answer."""
    listener = listen(env)
    with Peer(env) as peer:
        protect(env)
        flow = peer.flow()
        flow.syn(LINUX)
        listener.close()
        flow.send("A")
        rst = flow.recv("ACK when nobody listens any more", "R")[TCP]
        assert rst.seq == flow.ack, "ACK when nobody listens any more: " \
            f"expected RST with SEQ {flow.ack}, got {rst.seq}"


@net_test
def test_mptcp_listener_turns_plain(env):
    """A refusal is not permanent: a plain listener in its place is armed."""
    needs_own_cookies("a plain listener has kernel cookies, too")
    try:
        listener = listen(env, proto=socket.IPPROTO_MPTCP)
    except OSError as e:
        skip(f"no MPTCP: {e}")
    env.synkeeperd()
    listener.close()
    with listen(env) as plain:
        Server(plain)
        wait_for(lambda: service(env, "*:80")["cookies"] == "own", 3,
                 "a plain listener's own cookies")
        works(env, "plain listener after an MPTCP one")


@net_test
def test_listener_on_an_interface(env):
    """SO_BINDTODEVICE: whatever happens to the service, clients connect."""
    listener = listen(env, "::")
    listener.close()
    with env.server.inside():
        bound = socket.socket(socket.AF_INET6)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                     env.server.iface.encode())
    bound.bind(("::", 80))
    bound.listen(16)
    Server(bound)
    env.synkeeperd()
    for v6 in (False, True):
        with connect(env, v6=v6) as c:
            ask(c)


def listen_on(env, iface, address="::"):
    """A listener bound to an interface."""
    with env.server.inside():
        s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, iface.encode())
    s.bind((address, 80))
    s.listen(16)
    return s


@net_test
def test_bound_listener_of_the_only_interface(env):
    """Nobody reaches the programs by another one: it is as good as unbound."""
    with listen_on(env, env.server.iface) as listener:
        Server(listener)
        protect(env)
        works(env, "IPv4 to a bound listener")
        works(env, "IPv6 to a bound listener", v6=True)


@net_test
def test_bound_listener_of_one_of_two_interfaces(env):
    """By the other one it must refuse, so the kernel answers."""
    other = add_pair(env)
    with listen_on(env, env.server.iface) as listener:
        Server(listener)
        env.synkeeperd("-i", "server1")
        works(env, "to its interface", by_cookie=False)
        refused(env, "to the other interface", address=other)


@net_test
def test_listener_on_a_link_local_address(env):
    env.xdp(env.client, "pass")  # "client" takes the address for spoofed
    shown = json.loads(env.server.ip("-6", "-j", "addr", "show", "dev",
                                     env.server.iface, "scope", "link"))
    address = [a["local"] for row in shown
               for a in row.get("addr_info", ()) if "local" in a][0]
    with env.server.inside():
        s = socket.socket(socket.AF_INET6)
        scope = socket.if_nametoindex(env.server.iface)
    with s:
        s.bind((address, 80, 0, scope))
        s.listen(16)
        Server(s)
        protect(env)
        with env.client.inside():
            c = socket.socket(socket.AF_INET6)
            scope = socket.if_nametoindex(env.client.iface)
        c.settimeout(5)
        with c, counted(env, "link-local", answered=1, admitted=1):
            c.connect((address, 80, 0, scope))
            ask(c)


@net_test
def test_banner_of_a_listener_in_socat(env):
    """A server in another process, with a backlog of its own."""
    socat = env.server.start(
        ["socat", "TCP6-LISTEN:25,fork,reuseaddr,ipv6only=0",
         "SYSTEM:echo 220 ready; cat"])
    env.server.wait_listening(25, socat)
    protect(env, "*:25")
    for v6 in (False, True):
        with connect(env, 25, v6) as c:
            got = receive(c, 10)
            assert got == b"220 ready\n", f"socat: got {got!r}"
            ask(c)
    wait_for(lambda: not service(env, "*:25")["why"], 1, "no complaint")


@net_test
def test_refused_ack_is_answered(env):
    """A listener of a kind that the kernel refuses replaces a plain one between
    SYN-ACK and ACK. The client must get an answer, not hang."""
    needs_own_cookies("the kernel refuses none of its own cookies")
    try:
        listen(env, port=81, proto=socket.IPPROTO_MPTCP).close()
    except OSError as e:
        skip(f"no MPTCP: {e}")
    listener = listen(env)
    with Peer(env) as peer:
        protect(env)
        flow = peer.flow()
        flow.syn(LINUX)
        listener.close()
        with listen(env, proto=socket.IPPROTO_MPTCP):
            with counted(env, "ACK to a refused listener", refused=1):
                flow.send("A")
                flow.recv("ACK to a refused listener", "R")


@net_test
def test_refusal_is_forgotten(env):
    """...once there is a listener that the kernel accepts."""
    needs_own_cookies("the kernel refuses none of its own cookies")
    try:
        listen(env, port=81, proto=socket.IPPROTO_MPTCP).close()
    except OSError as e:
        skip(f"no MPTCP: {e}")
    listener = listen(env)
    daemon = protect(env)
    with Peer(env) as peer, daemon.stopped():
        flow = peer.flow()
        flow.syn(LINUX)
        listener.close()
        refusing = listen(env, proto=socket.IPPROTO_MPTCP)
        flow.send("A")
        flow.recv("ACK to a listener that is refused", "R")
    with refusing:
        wait_for(lambda: service(env, "*:80")["cookies"] == "kernel", 3,
                 "kernel cookies after a refusal")
    with listen(env) as listener:
        Server(listener)
        wait_for(lambda: service(env, "*:80")["cookies"] == "own" and
                 service(env, "*:80")["armed"], 3,
                 "own cookies for a new listener")
        works(env, "a new listener after a refusal")


@net_test
def test_refusal_of_options(env):
    """The kernel refuses SACK that was promised before a sysctl forbade it,
    which says nothing about the listener."""
    needs_own_cookies("the kernel refuses none of its own cookies")
    listener = listen(env)
    Server(listener)
    daemon = protect(env)
    with Peer(env) as peer:
        with daemon.stopped():
            flow = peer.flow()
            flow.syn(LINUX)
            env.server.sysctl("net.ipv4.tcp_sack", 0)
            flow.send("A")
            flow.recv("ACK with SACK promised", "R")
        wait_for(lambda: reasons(env).get("refused") == 1, 3,
                 "the refusal to be counted")
        row = service(env, "*:80")
        assert row["armed"] and row["cookies"] == "own", \
            f"after a refusal for SACK: expected own cookies, got {row}"
        works(env, "after a refusal for SACK")
