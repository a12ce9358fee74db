# SPDX-License-Identifier: GPL-2.0-only
"""Who the kernel refuses is "connected" once at most.

Theory of operation: rules, routes and filters that refuse a client are passed
only behind XDP. What a client sees is recorded with the plain kernel, then with
Synkeeper: its first attempt may hang or be reset, the second must see the same.
"""
import ctypes
import os
import socket
import struct
import time

from namespace import CommandError, wait_for
from nettest import net_test, skip
from scapytools import LINUX, Peer
from session_stats import counted, protect, reasons, wait_armed
from sockets import (Server, accept, ask, client_socket, connect, listen,
                     server_address)
from underflood import grown

SO_ATTACH_FILTER = 26
PER_SECOND = 100  # passed on each CPU: bpf/path/refused.bpf.h
GIVE_UP_S = 1.5  # after one retransmitted SYN
TABLE = """
table inet refusing {{
	chain input {{
		type filter hook input priority filter; policy accept;
		{}
	}}
}}
"""


def nft(rule):
    def refuse(env, listener):
        del listener
        try:
            env.server.run(["nft", "-f", "-"], input=TABLE.format(rule))
        except CommandError as e:
            skip(f"no nftables: {e}")
    return refuse


def command(*words):
    def refuse(env, listener):
        del listener
        try:
            env.server.run(words)
        except CommandError as e:
            skip(f"{' '.join(words)}: {e}")
    return refuse


def filtered(env, listener):
    """A classic BPF program that accepts nothing."""
    del env
    code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                        struct.pack("HxxxxxxP", 1, ctypes.addressof(code)))


def reverse_path(env, listener):
    """The route back leads elsewhere."""
    del listener
    env.server.sysctl("net.ipv4.conf.all.rp_filter", 1)
    env.server.run(["ip", "-batch", "-"], input=f"""
        link add other0 type veth peer name other1
        link set other0 up
        link set other1 up
        route add {env.client.ip4}/32 dev other0
    """)
    env.client.ip("neigh", "replace", env.server.ip4, "lladdr", env.server.mac,
                  "dev", env.client.iface, "nud", "permanent")


def attempt(env):
    """What a client sees that connects and asks."""
    with client_socket(env) as s:
        s.settimeout(GIVE_UP_S)
        try:
            s.connect(server_address(env))
        except OSError as e:
            return type(e).__name__
        try:
            s.sendall(b"ping")
            return "served" if s.recv(4) else "closed"
        except OSError as e:
            return f"connected, then {type(e).__name__}"


def start(env, config):
    """@config: a file that names the services, or None."""
    if config:
        env.synkeeperd("-c", config, services=())
        wait_armed(env)
    else:
        protect(env)


def refused_once(env, refuse, config=None):
    with listen(env, "0.0.0.0") as listener:
        Server(listener)
        assert attempt(env) == "served", "test set-up"
        start(env, config)
        assert attempt(env) == "served", "not refused yet"
        env.synkeeper("down")
        refuse(env, listener)
        want = attempt(env)
        assert want in ("TimeoutError", "ConnectionRefusedError"), \
            f"test set-up: the kernel alone: {want}"
        start(env, config)
        first = attempt(env)
        with counted(env, "the second attempt", answered=0):
            second = attempt(env)
        passed = reasons(env).get("refused_source", 0)
        print(f"the kernel alone: {want}; first: {first}; then: {second}; "
              f"{passed} SYNs passed")
        assert second == want and passed, \
            f"the kernel alone: {want}; with Synkeeper first {first}, then " \
            f"{second}, refused_source {passed}"


@net_test
def test_rule_that_drops(env):
    refused_once(env, nft("ip saddr 192.0.2.1 tcp dport 80 drop"))


@net_test
def test_rule_that_resets(env):
    refused_once(env, nft("ip saddr 192.0.2.1 tcp dport 80 reject with tcp "
                          "reset"))


@net_test
def test_blackhole_on_the_way_back(env):
    refused_once(env, command("ip", "route", "add", "blackhole",
                              env.client.ip4))


@net_test
def test_unreachable_on_the_way_back(env):
    refused_once(env, command("ip", "route", "add", "unreachable",
                              env.client.ip4))


@net_test
def test_xfrm_policy(env):
    refused_once(env, command("ip", "xfrm", "policy", "add", "dir", "in", "src",
                              f"{env.client.ip4}/32", "proto", "tcp", "dport",
                              "80", "action", "block"))


@net_test
def test_socket_filter(env):
    refused_once(env, filtered)


@net_test
def test_reverse_path_filter(env):
    refused_once(env, reverse_path)


@net_test
def test_rule_that_drops_with_kernel_cookies(env):
    config = env.configure("[service web]\nlisten = *:80\ncookies = kernel\n")
    refused_once(env, nft("ip saddr 192.0.2.1 tcp dport 80 drop"), config)


@net_test
def test_silent_client_is_refused_once(env):
    """It sends nothing: the daemon's probe makes it answer."""
    with listen(env) as listener, client_socket(env) as s:
        protect(env)
        nft("ip saddr 192.0.2.1 tcp dport 80 drop")(env, listener)
        s.connect(server_address(env))
        before = reasons(env).get("admitted", 0)
        wait_for(lambda: reasons(env).get("admitted", 0) > before, 10,
                 "the answer to a probe")
        assert attempt(env) == "TimeoutError", "the second attempt"


@net_test
def test_rule_is_gone(env):
    """Marked, and served by the kernel: also in a flood of ACKs."""
    with listen(env, "0.0.0.0") as listener:
        Server(listener)
        protect(env)
        nft("ip saddr 192.0.2.1 tcp dport 80 drop")(env, listener)
        attempt(env)
        env.server.run(["nft", "flush", "ruleset"])
        flood = env.flood("ack", 5)
        wait_for(lambda: reasons(env).get("bad_cookie", 0) > 50_000, 5,
                 "the flood to arrive")
        with counted(env, "a marked client", refused_source=1, answered=0):
            with connect(env) as c:
                ask(c)
        flood.stop()


@net_test
def test_full_queue_marks_nobody(env):
    with listen(env, backlog=1) as listener, Peer(env) as peer:
        protect(env)
        flow, late = peer.flow(), peer.flow()
        flow.syn(LINUX)
        held = [connect(env) for _ in range(2)]
        wait_for(lambda: env.server.ss("-ltn", "sport = :80")[0]["recv_q"] == 2,
                 2, "a full accept queue")
        for _ in range(3):
            flow.send("PA", b"first")
            time.sleep(0.2)  # not back to back: ticks of 17 ms
        for _ in held:
            accept(listener).close()
        with counted(env, "its next SYN", answered=1, refused_source=0):
            late.syn(LINUX)
        for s in held:
            s.close()


@net_test
def test_marked_source_cannot_flood_the_listener(env):
    """It, or who forges its address: a budget, then cookies as ever."""
    with listen(env, "0.0.0.0") as listener:
        protect(env)
        nft("ip saddr 192.0.2.1 tcp dport 80 drop")(env, listener)
        attempt(env)
        assert attempt(env) == "TimeoutError", "test set-up: not marked"
        env.server.run(["nft", "flush", "ruleset"])
        before = reasons(env)
        flood = env.flood("syn", 3, src=env.client.ip4)
        assert flood.wait(20) == 0, flood.output()
        got = grown(before, reasons(env))
        most = PER_SECOND * os.cpu_count() * 5
        assert 0 < got.get("refused_source", 0) <= most and \
            got.get("answered", 0) > 10 * most, \
            f"a flood from a marked source: at most {most} may pass: {got}"
