# SPDX-License-Identifier: GPL-2.0-only
"""What existed before: connections, half-open requests, cookies in flight.

Theory of operation: Synkeeper starts, stops or loses a session in the middle of
something, and no connection may be affected. Transfers run across the change
and every byte is compared; requests and cookies come from scapy, which stops
between the steps.
"""
import contextlib
import resource
import socket

from scapy.layers.inet import TCP

import attached
from backend import OWN_COOKIES
from namespace import wait_for
from netenv import diff
from nettest import net_test
from scapytools import LINUX, WINDOWS, Peer
from session_stats import (DROPS, NO_DROPS, counted, protect, reasons,
                           sessions, wait_armed)
from sockets import (Server, Stream, accept, ask, connect, listen, move, pair,
                     receive)

TWO = (False, True)


@contextlib.contextmanager
def transfers(env, listener):
    """Two connections that move data both ways throughout; at the end of the
    block they have moved more and lost nothing."""
    pairs = [pair(env, listener, v6=v6) for v6 in TWO]
    streams = [Stream(*ends) for c, s in pairs for ends in ((c, s), (s, c))]
    for stream in streams:
        stream.wait_moved()
    yield
    for stream in streams:
        stream.wait_moved()
    for stream in streams:
        stream.stop()
    for c, s in pairs:
        c.close()
        s.close()


def still_works(flow, listener, what):
    with accept(listener, what) as s:
        flow.say(b"there", what)
        got = receive(s, 5)
        assert got == b"there", f"{what}: expected the data, got {got!r}"
        s.sendall(b"back")
        flow.recv(f"{what}: data from the server", "PA")


@net_test
def test_idle_connections_before_the_start(env):
    with listen(env) as listener:
        pairs = [pair(env, listener, v6=i % 2 == 1) for i in range(20)]
        protect(env)
        rows = sessions(env)
        assert [r["state"] for r in rows] == ["established"] * 20, \
            f"session list: expected 20 established, got {rows}"
        with counted(env, "20 connections older than the daemon", adopted=0,
                     bad_cookie=0):
            for c, s in pairs:
                move(c, s, 1 << 16)


@net_test
def test_server_speaks_to_an_old_connection(env):
    """The first packet seen is the client's ACK of the server's data."""
    with listen(env) as listener:
        pairs = [pair(env, listener, v6=v6) for v6 in TWO]
        protect(env)
        for c, s in pairs:
            with c, s, counted(env, "server's data", adopted=0, bad_cookie=0):
                s.sendall(b"hello")
                assert receive(c, 5) == b"hello", "expected the server's data"


@net_test
def test_old_connection_ends(env):
    """The first packet seen is a FIN, or a RST: both must reach the socket."""
    with listen(env) as listener:
        pairs = [pair(env, listener, v6=v6) for v6 in (*TWO, *TWO)]
        protect(env)
        for i, (c, s) in enumerate(pairs):
            if i >= 2:
                c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             b"\1\0\0\0\0\0\0\0")
            c.close()
            try:
                got = s.recv(1)
            except ConnectionResetError as e:
                got = e
            if i < 2:
                assert got == b"", f"FIN: expected the end, got {got!r}"
            else:
                assert isinstance(got, ConnectionResetError), \
                    f"RST: expected the reset, got {got!r}"


@net_test
def test_attach_under_transfers(env):
    with listen(env) as listener:
        with transfers(env, listener):
            protect(env)
        got = reasons(env)
        drops = {k: n for k, n in got.items() if k in DROPS}
        assert got["session"] and not drops, \
            f"start under two transfers: expected both known, got {got}"


@net_test
def test_policy_off_and_on_under_transfers(env):
    with listen(env) as listener:
        protect(env)
        with counted(env, "transfers across off and on", disarmed_syn=1,
                     **NO_DROPS), transfers(env, listener):
            env.synkeeper("service", "policy", "*:80", "off")
            wait_armed(env, armed=False)
            for c in pair(env, listener):
                c.close()
            env.synkeeper("service", "policy", "*:80", "on")
            wait_armed(env)
            for c in pair(env, listener):
                c.close()


@net_test
def test_delete_and_add_under_transfers(env):
    with listen(env) as listener:
        protect(env)
        with counted(env, "transfers across del and add", **NO_DROPS), \
                transfers(env, listener):
            env.synkeeper("service", "del", "*:80")
            env.synkeeper("service", "add", "*:80")
            wait_armed(env)


@net_test
def test_down_under_transfers(env):
    with listen(env) as listener:
        daemon = protect(env)
        with transfers(env, listener):
            env.synkeeper("down")
            daemon.wait(10)


@net_test
def test_eviction(env):
    """The minimum table holds 2048; newer connections evict ours."""
    with listen(env) as listener, listen(env, port=81) as other:
        Server(other)
        protect(env, "*:80", "*:81", config="[sessions]\nmax = 1024\n")
        pairs = [pair(env, listener, v6=i % 2 == 1) for i in range(20)]
        for c, s in pairs:
            move(c, s, 1 << 10)

        def evicted():
            """Those of ours that are no longer in the table."""
            left = {row["client"].rsplit(":", 1)[1] for row in sessions(env)
                    if row["server"].endswith(":80")}
            return [c for c, _ in pairs
                    if str(c.getsockname()[1]) not in left]

        resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
        crowd = []
        for _ in range(12):
            if len(evicted()) > 10:
                break
            for _ in range(500):
                crowd.append(connect(env, 81))
                ask(crowd[-1], b"x")
        gone = len(evicted())
        assert gone > 10, f"test set-up: only {gone} of 20 evicted"
        with counted(env, f"{gone} evicted sessions", bad_cookie=0,
                     stray_rst=0, answered=0):
            for c, s in pairs:
                with c, s:
                    move(c, s, 1 << 16)
        for c in crowd:
            c.close()


def knows_all(env):
    return attached.has_setting(env, "COMPLETE")


@net_test
def test_complete_table_was_forgotten_at_the_next_tick(env):
    """The daemon checks the host's settings twice a second, which must not
    clear what it knows about its table."""
    with listen(env):
        protect(env)
        wait_for(lambda: env.json("status")["uptime_s"] > 2, 5, "four ticks")
        assert knows_all(env), \
            "settings: SETTING_COMPLETE is not set, a flood asks the kernel"


@net_test
def test_connections_there_before_are_known_in_a_flood(env):
    """Unmatched packets of a flood are dropped without asking the kernel; older
    connections are not unmatched."""
    with listen(env) as listener:
        pairs = [pair(env, listener, v6=i % 2 == 1) for i in range(20)]
        protect(env)
        wait_for(lambda: knows_all(env), 5, "the table to be complete")
        flood = env.flood("ack", seconds=8)
        wait_for(lambda: reasons(env).get("bad_cookie", 0) > 50_000, 5,
                 "the flood")
        with counted(env, "20 connections in a flood", adopted=0):
            for c, s in pairs:
                with c, s:
                    move(c, s, 1 << 16)
        flood.stop()


def half_open(env, listener, arm, again):
    """SYNs that the kernel answers; then arm(); with @again, the same SYNs,
    which must get the kernel's same answer; then the ACKs."""
    with Peer(env) as four, Peer(env, v6=True) as six:
        flows = [(f"IPv{6 if peer.v6 else 4}, {len(options)} options",
                  peer.flow(), options)
                 for peer in (four, six) for options in (LINUX, WINDOWS, [])]
        isns = [flow.syn(options)[TCP].seq for _, flow, options in flows]
        arm()
        for (name, flow, options), isn in zip(flows, isns):
            if again:
                with counted(env, f"SYN sent again, {name}", session_syn=1,
                             answered=0):
                    got = flow.syn(options)[TCP].seq
                assert got == isn, f"SYN sent again, {name}: expected the " \
                    f"kernel's SYN-ACK with ISN {isn}, got {got}"
            flow.send("A")
            still_works(flow, listener, f"ACK to the kernel, {name}")


@net_test
def test_half_open_at_the_start_syn_again(env):
    with listen(env) as listener:
        half_open(env, listener, lambda: protect(env), again=True)


@net_test
def test_half_open_at_the_start_ack(env):
    with listen(env) as listener:
        half_open(env, listener, lambda: protect(env), again=False)


@net_test
def test_half_open_at_arming(env):
    def arm():
        env.synkeeper("service", "policy", "*:80", "on")
        wait_armed(env)

    with listen(env) as listener:
        protect(env)
        env.synkeeper("service", "policy", "*:80", "off")
        wait_armed(env, armed=False)
        half_open(env, listener, arm, again=True)


@net_test
def test_kernel_cookies_at_the_start(env):
    """tcp_syncookies = 2: the kernel sends cookies and keeps no state."""
    env.server.sysctl("net.ipv4.tcp_syncookies", 2)
    with listen(env) as listener, Peer(env) as four, Peer(env, True) as six:
        flows = [(f"IPv{6 if peer.v6 else 4}, {len(options)} options",
                  peer.flow()) for peer in (four, six)
                 for options in (LINUX, WINDOWS, [])]
        for (_, flow), options in zip(flows, (LINUX, WINDOWS, []) * 2):
            flow.syn(options)
        protect(env)
        for name, flow in flows:
            with counted(env, f"ACK of a kernel cookie, {name}",
                         kernel_cookie=1, bad_cookie=0):
                flow.send("A")
                still_works(flow, listener, f"kernel cookie, {name}")


@net_test
def test_cookie_in_flight_at_policy_off(env):
    with listen(env) as listener, Peer(env) as peer:
        protect(env)
        flow = peer.flow()
        flow.syn(LINUX)
        env.synkeeper("service", "policy", "*:80", "off")
        wait_armed(env, armed=False)
        flow.send("A")
        still_works(flow, listener, "cookie in flight at policy off")


@net_test
def test_cookie_in_flight_at_delete(env):
    with listen(env) as listener, Peer(env) as peer:
        protect(env)
        flow = peer.flow()
        flow.syn(LINUX)
        env.synkeeper("service", "del", "*:80")
        flow.send("A")
        still_works(flow, listener, "cookie in flight at service del")


@net_test
def test_nothing_of_the_host_is_changed(env):
    """No rule, no conntrack entry, no qdisc, no sysctl but lo.forwarding until
    `down`. On older kernels there are two more: a clsact qdisc, and
    tcp_syncookies."""
    needed = {f"sysctl net.ipv{n}.conf.lo.forwarding" for n in (4, 6)}
    if not OWN_COOKIES:
        needed |= {"qdisc", "sysctl net.ipv4.tcp_syncookies"}
    before = env.snapshot()
    with listen(env) as listener:
        daemon = protect(env)
        for v6 in TWO:
            c, s = pair(env, listener, v6=v6)
            with c, s:
                move(c, s)
        changed = diff(before, env.snapshot())
        assert changed.keys() == needed, \
            f"while it runs: expected {needed} to change, got {changed}"
        env.synkeeper("down")
        daemon.wait(10)
        changed = diff(before, env.snapshot())
        assert not changed, f"after down: expected no change, got {changed}"
