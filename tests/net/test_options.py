# SPDX-License-Identifier: GPL-2.0-only
"""Options: what both kernels have agreed on after a handshake by cookie.

Theory of operation: Linux on both sides; the sysctls of one vary. `ss -tinoe`
must show the same for the two ends as for a connection without Synkeeper, made
just before: same words, same window scales, same MSS. Then megabytes move both
ways, since a connection with a wrong window scale still opens. Rare
combinations that a Linux client does not send come from scapy.
"""
import os
import socket

from scapy.layers.inet import TCP

from backend import needs_own_cookies
from namespace import wait_for
from netenv import OUTPUT
from nettest import net_test
from scapytools import LINUX, Peer
from session_stats import counted, protect, service
from sockets import (accept, client_socket, listen, move, pair, receive,
                     server_address, tcp_info)

WORDS = ("ts", "sack", "ecn", "wscale", "mss", "advmss", "pmtu")


def negotiated(env, listener, v6, move_bytes=0):
    """{"client": {word: value}, "server": ...} of a fresh connection."""
    c, s = pair(env, listener, v6=v6)
    with c, s:
        if move_bytes:
            move(c, s, move_bytes)
        ends = {"client": tcp_info(env.client, c),
                "server": tcp_info(env.server, s)}
    return {end: {w: info[w] for w in WORDS if w in info}
            for end, info in ends.items()}


def same_with_and_without(env, client=None, server=None, ignore=()):
    """@client, @server: {sysctl: value} of net.ipv4."""
    needs_own_cookies("those of the kernel: test_kernel_cookies.py")
    for ns, sysctls in ((env.client, client), (env.server, server)):
        for key, value in (sysctls or {}).items():
            ns.sysctl(f"net.ipv4.{key}", value)
    with listen(env) as listener:
        plain = {v6: negotiated(env, listener, v6) for v6 in (False, True)}
        protect(env)
        for v6 in (False, True):
            name = f"IPv{6 if v6 else 4}, client {client}, server {server}"
            with counted(env, name, answered=1, admitted=1):
                got = negotiated(env, listener, v6, move_bytes=4 << 20)
            for end, want in plain[v6].items():
                wrong = {w: (want.get(w), got[end].get(w)) for w in WORDS
                         if w not in ignore and want.get(w) != got[end].get(w)}
                assert not wrong, f"{name}: {end}: (expected, got) {wrong}"
    return plain


@net_test
def test_all(env):
    plain = same_with_and_without(env)
    for ends in plain.values():
        for end, words in ends.items():
            assert {"ts", "sack", "wscale"} <= words.keys(), \
                f"test set-up: {end} lacks options: {words}"


@net_test
def test_ecn(env):
    plain = same_with_and_without(env, client={"tcp_ecn": 1})
    for ends in plain.values():
        for end, words in ends.items():
            assert "ecn" in words, f"test set-up: {end}: no ecn: {words}"


@net_test
def test_ecn_refused_by_the_server(env):
    same_with_and_without(env, client={"tcp_ecn": 1}, server={"tcp_ecn": 0})


@net_test
def test_client_without_timestamps(env):
    same_with_and_without(env, client={"tcp_timestamps": 0})


@net_test
def test_client_without_timestamps_ecn(env):
    """Six bits: the client's scale is rounded down to 0, 6 or 8."""
    same_with_and_without(env, client={"tcp_timestamps": 0, "tcp_ecn": 1},
                          ignore=("wscale",))


@net_test
def test_client_without_sack(env):
    same_with_and_without(env, client={"tcp_sack": 0})


@net_test
def test_client_without_window_scaling(env):
    same_with_and_without(env, client={"tcp_window_scaling": 0})


@net_test
def test_client_without_all(env):
    same_with_and_without(
        env, client={"tcp_timestamps": 0, "tcp_sack": 0,
                     "tcp_window_scaling": 0})


@net_test
def test_server_without_timestamps(env):
    same_with_and_without(env, server={"tcp_timestamps": 0})


@net_test
def test_server_without_sack(env):
    same_with_and_without(env, server={"tcp_sack": 0})


@net_test
def test_server_without_window_scaling(env):
    same_with_and_without(env, server={"tcp_window_scaling": 0})


@net_test
def test_large_server_buffers(env):
    """The window scale that is offered follows tcp_rmem."""
    same_with_and_without(env, server={"tcp_rmem": "4096 131072 67108864"})


def jumbo(env):
    """MTU 9000. The client's veth then needs a program that supports fragments;
    Synkeeper's own, with nothing to protect, is one."""
    env.xdp(env.client, None)
    for ns in (env.client, env.server):
        ns.ip("link", "set", ns.iface, "mtu", "9000")
    control = f"{env.dir}/client-control"
    p = env.client.start(
        [f"{OUTPUT}/synkeeperd", "-i", env.client.iface, "-s", "*:9", "-m",
         "native", "--pin-dir", f"{env.bed_dir}/peer", "--control", control],
        name="client-synkeeperd")

    def runs():
        p.check_alive()
        return os.path.exists(control)

    wait_for(runs, 10, "Synkeeper on the client")


@net_test
def test_jumbo_frames(env):
    """8960 and 8940, less 12 bytes of timestamps."""
    jumbo(env)
    plain = same_with_and_without(env)
    got = {v6: ends["server"]["mss"] for v6, ends in plain.items()}
    assert got == {False: "8948", True: "8928"}, \
        f"test set-up: MSS with MTU 9000: {got}"


@net_test
def test_jumbo_frames_without_timestamps(env):
    """Without timestamps 1460 is the maximum."""
    jumbo(env)
    same_with_and_without(env, client={"tcp_timestamps": 0},
                          ignore=("mss",))


def opens(env, listener, peer, options, name, flags="S"):
    """Handshake by hand, then data both ways. The SYN-ACK."""
    flow = peer.flow()
    with counted(env, name, answered=1, admitted=1, refused=0):
        synack = flow.syn(options, flags, what=name)
        flow.send("A")
        with accept(listener, name) as s:
            flow.say(b"there", name)
            got = receive(s, 5)
            assert got == b"there", f"{name}: expected the data, got {got!r}"
            s.sendall(b"back")
            flow.recv(f"{name}: data from the server", "PA")
    row = service(env, "*:80")
    assert row["armed"], f"{name}: expected *:80 still armed, got {row}"
    return synack


@net_test
def test_no_options_ipv4(env):
    with listen(env) as listener, Peer(env) as peer:
        protect(env)
        opens(env, listener, peer, [], "SYN without options, IPv4")


@net_test
def test_no_options_ipv6(env):
    """No MSS option means 1220 here, the least that the kernel accepts."""
    with listen(env) as listener, Peer(env, v6=True) as peer:
        protect(env)
        opens(env, listener, peer, [], "SYN without options, IPv6")


@net_test
def test_small_mss_ipv4(env):
    """The least that a cookie holds; below: test_small_mss.py."""
    with listen(env) as listener, Peer(env) as peer:
        protect(env)
        for mss in (536, 1219):
            opens(env, listener, peer, [("MSS", mss)], f"MSS {mss}, IPv4")


@net_test
def test_fast_open_option_is_not_answered(env):
    with listen(env) as listener, Peer(env) as peer:
        protect(env)
        options = [*LINUX, ("TFO", (0x12345678, 0x9abcdef0)), ("NOP", None),
                   ("NOP", None)]
        synack = opens(env, listener, peer, options, "SYN with Fast Open")
        names = [name for name, _ in synack[TCP].options]
        assert names == ["MSS", "SAckOK", "Timestamp", "NOP", "WScale"], \
            f"SYN with Fast Open: expected Linux's options, got {names}"


@net_test
def test_accurate_ecn_falls_back(env):
    """AE, CWR and ECE on the SYN: ECE alone answers, which is classic ECN."""
    needs_own_cookies("with the kernel's, ECN depends on timestamps")
    with listen(env) as listener, Peer(env) as peer:
        protect(env)
        synack = opens(env, listener, peer, LINUX, "SYN with AccECN", "SECN")
        got = str(synack[TCP].flags)
        assert set(got) == set("SAE"), \
            f"SYN with AE, CWR, ECE: expected SYN-ACK with ECE, got {got}"


@net_test
def test_half_an_ecn_offer_is_none(env):
    with listen(env) as listener, Peer(env) as peer:
        protect(env)
        for flags in ("SE", "SC"):
            synack = opens(env, listener, peer, LINUX, f"SYN flags {flags}",
                           flags)
            got = str(synack[TCP].flags)
            assert set(got) == set("SA"), \
                f"SYN with {flags}: expected a plain SYN-ACK, got {got}"


@net_test
def test_host_turns_options_off_with_cookies_in_flight(env):
    """The SYN-ACK has promised what the kernel then refuses, which is no reason
    to leave the service unprotected."""
    with listen(env), Peer(env) as peer:
        protect(env)
        for key in ("tcp_sack", "tcp_timestamps", "tcp_window_scaling"):
            flow = peer.flow()
            flow.syn(LINUX)
            env.server.sysctl(f"net.ipv4.{key}", 0)
            with counted(env, f"{key} = 0 after the SYN-ACK", admitted=1):
                flow.send("A")
            peer.barrier()
            row = service(env, "*:80")
            assert row["armed"], f"{key} = 0 between SYN-ACK and ACK: " \
                f"expected *:80 still armed, got {row}"
            env.server.sysctl(f"net.ipv4.{key}", 1)


@net_test
def test_client_with_small_window(env):
    """A receive buffer below the initial window: nothing may overrun it."""
    with listen(env) as listener:
        protect(env)
        for v6 in (False, True):
            with client_socket(env, v6) as c:
                c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                c.connect(server_address(env, v6=v6))
                with accept(listener) as s:
                    move(c, s, 1 << 20)
