# SPDX-License-Identifier: GPL-2.0-only
"""NAT on the host, set up by something unaware of Synkeeper (Docker, say).

Theory of operation: wherever NAT is in use, it drops the assigned socket from a
new connection's first packet, and the kernel does not know the client that tc
admitted. The daemon finds NAT in the host's rules, so not even the first client
is lost; nor is any when the rules, the listeners or the configuration change or
the daemon restarts. Learning from clients is the last resort.
"""
import contextlib
import ctypes
import socket
import struct

from backend import needs_own_cookies
from goodclients import GoodClients, file_1k, get_once
from hostnat import (AUTO, all_served, expect_cookies, nat, raw, rules, start,
                     wait_cookies)
from namespace import wait_for
from nettest import net_test, skip
from scapytools import LINUX, Peer
from session_stats import counted, service, wait_armed
from sockets import Server, listen

IN_USE = 'type nat hook postrouting priority 100; oifname "lo" masquerade;'
REDIRECT = "type nat hook prerouting priority -100; " \
    "tcp dport 80 redirect to :8080;"


@net_test
def test_first_clients_were_lost_to_nat(env):
    """NAT in use: kernel cookies need no assigned socket."""
    env.nginx()
    for family in ("ip", "ip6", "inet"):
        nat(env, IN_USE, family=family)
        daemon = start(env)
        both = "kernel" if family == "inet" else "own, kernel"
        expect_cookies(env, both, f"NAT of family {family}", "NAT")
        with counted(env, f"NAT of family {family}", rst_suppressed=0):
            all_served(env, f"NAT of family {family}", 10)
            all_served(env, f"NAT of family {family}", 10, v6=True)
        daemon.stop()
        env.synkeeper("down")
        rules(env, "flush ruleset")


@net_test
def test_nat_that_tracks_nothing_cost_options(env):
    """A chain of type nat without anything that needs connection tracking drops
    no sockets."""
    needs_own_cookies("there is nothing to lose")
    env.nginx()
    nat(env, "type nat hook postrouting priority 100; counter;")
    start(env)
    expect_cookies(env, "own", "NAT without connection tracking")
    with counted(env, "NAT without connection tracking", admitted=10):
        all_served(env, "NAT without connection tracking", 10)


IPT_SO_GET_INFO = 64  # of linux/netfilter_ipv4/ip_tables.h, and of ip6_


def legacy_nat(env):
    """Like `iptables-legacy -t nat -L`: asking for the table creates it."""
    for family, level in ((socket.AF_INET, socket.IPPROTO_IP),
                          (socket.AF_INET6, socket.IPPROTO_IPV6)):
        with env.server.inside():
            s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        with s:
            try:
                s.getsockopt(level, IPT_SO_GET_INFO, 84)
            except OSError:
                pass
            info = struct.pack("=32s52x", b"nat")
            if _getsockopt(s, level, IPT_SO_GET_INFO, info):
                skip("no iptables of the legacy kind")


def _getsockopt(sock, level, name, value):
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(value, len(value))
    size = ctypes.c_uint32(len(value))
    return libc.getsockopt(sock.fileno(), level, name, buf,
                           ctypes.byref(size))


@net_test
def test_nat_of_legacy_iptables(env):
    """Its rules cannot be seen, so its existence must do."""
    env.nginx()
    legacy_nat(env)
    rules(env, "table inet f { chain i { type filter hook input priority 0; "
          "ct state established accept; } }")
    start(env)
    expect_cookies(env, "kernel", "legacy NAT", "NAT")
    all_served(env, "legacy NAT", 10)
    all_served(env, "legacy NAT", 10, v6=True)


@net_test
def test_an_exempt_port_has_its_own_cookies(env):
    """notrack in every form that is understood, and in none that is not."""
    needs_own_cookies("there is nothing to lose")
    env.nginx()
    nat(env, IN_USE, family="inet")
    start(env)
    for rule, kind in (("tcp dport 80 notrack", "own"),
                       ("tcp dport { 80, 443 } notrack", "own"),
                       ("tcp dport { 70-90, 443 } counter notrack", "own"),
                       ("tcp dport 70-90 notrack", "own"),
                       ("meta nfproto ipv4 tcp dport 80 notrack",
                        "own, kernel"),
                       ("tcp dport 81 accept; tcp dport 80 notrack", "own"),
                       ("meta l4proto udp accept; notrack", "own"),
                       ("tcp dport 81 notrack", "kernel"),
                       ("tcp dport != 80 notrack", "kernel"),
                       ("udp dport 80 notrack", "kernel"),
                       ("tcp dport { 81-90, 443 } notrack", "kernel"),
                       ("tcp dport 80 accept; tcp dport 80 notrack",
                        "kernel"),
                       ("ip saddr 192.0.2.77 accept; tcp dport 80 notrack",
                        "own, kernel"),  # it says nothing of IPv6
                       ("iifname \"lo\" tcp dport 80 notrack", "kernel")):
        raw(env, rule)
        wait_cookies(env, kind, rule)
        with counted(env, rule, rst_suppressed=0):
            all_served(env, rule, 3)
            all_served(env, rule, 3, v6=True)
        rules(env, "delete table inet r")
        wait_cookies(env, "kernel", f"without {rule}")


@net_test
def test_an_exempt_address_has_its_own_cookies(env):
    needs_own_cookies("there is nothing to lose")
    env.nginx()
    nat(env, IN_USE)
    raw(env, f"ip daddr {env.server.ip4} tcp dport 80 notrack", "ip")
    at = f"{env.server.ip4}:80"
    env.synkeeperd("-c", env.configure(f"{AUTO}listen = {at}\n"),
                   services=())
    wait_armed(env, at)
    assert service(env, at)["cookies"] == "own", service(env, at)
    assert service(env, "*:80")["cookies"] == "own, kernel", \
        service(env, "*:80")
    with counted(env, "an exempt address", rst_suppressed=0):
        all_served(env, "an exempt address")


@net_test
def test_own_cookies_in_spite_of_nat(env):
    """With `cookies = own` the operator may know of an exemption that we do not
    see."""
    needs_own_cookies("there is nothing to choose")
    env.nginx()
    nat(env, IN_USE)
    raw(env, f"iifname \"{env.server.iface}\" tcp dport 80 notrack")
    start(env, AUTO + "cookies = own\n")
    expect_cookies(env, "own", "cookies = own", "although NAT is in use")
    with counted(env, "cookies = own", admitted=10):
        all_served(env, "cookies = own", 10)


def served(good, n):
    """Like wait_more(), regardless of failures."""
    want = good.done + n
    wait_for(lambda: good.done >= want, 30, f"{n} good clients")


@net_test
def test_nat_comes_and_goes_with_clients_running(env):
    """No reload is needed. Clients with one of our cookies in flight when NAT
    appeared are lost, and no others."""
    env.nginx()
    start(env)
    with GoodClients(env, threads=2) as four, \
            GoodClients(env, v6=True, threads=2) as six:
        for _ in range(3):
            for good in (four, six):
                good.wait_more(20)
            nat(env, IN_USE, family="inet")
            wait_cookies(env, "kernel", "NAT came")
            for good in (four, six):
                good.wait_in_flight()
                served(good, 50)
                lost = len(good.errors)
                good.errors.clear()
                assert lost <= 2, f"NAT came: {lost} lost of 2 in flight"
            rules(env, "flush ruleset")
            wait_cookies(env, "own", "NAT went")
    all_served(env, "without NAT")


@net_test
def test_each_reload_lost_clients_to_nat(env):
    """A reload that changes something else keeps what is known."""
    env.nginx()
    nat(env, IN_USE, family="inet")
    denied = f"{env.dir}/denied"
    start(env)
    with counted(env, "4 reloads", rst_suppressed=0), \
            GoodClients(env, threads=2) as four, \
            GoodClients(env, v6=True, threads=2) as six:
        for i in range(4):
            with open(denied, "w", encoding="ascii") as f:
                f.write(f"198.18.{i}.0/24\n")
            env.configure(f"{AUTO}[sources]\ndeny = {denied}\n")
            env.synkeeper("reload")
            four.wait_more(50)
            six.wait_more(50)
    expect_cookies(env, "kernel", "after 4 reloads", "NAT")


@net_test
def test_each_restart_lost_clients_to_nat(env):
    env.nginx()
    nat(env, IN_USE, family="inet")
    daemon = start(env)
    with GoodClients(env, threads=2) as four, \
            GoodClients(env, v6=True, threads=2) as six:
        for _ in range(3):
            daemon.stop()
            daemon = start(env)
            four.wait_more(30)
            six.wait_more(30)
    total = env.json("stats")["total"]
    assert not total.get("rst_suppressed"), f"expected no such RST: {total}"


def http(sock):
    """What GoodClients request, from a listener of ours."""
    with contextlib.suppress(OSError):
        with sock:
            sock.recv(4096)
            sock.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + http.body)


@net_test
def test_each_worker_lost_clients_to_nat(env):
    """Another listener in a SO_REUSEPORT group, or at the same port of another
    address, does not change what is known about NAT."""
    env.nginx(port=81)  # for what it serves
    http.body = file_1k(env)
    env.server.ip("addr", "add", "192.0.2.3/24", "dev", env.server.iface)
    nat(env, IN_USE, family="inet")
    with contextlib.ExitStack() as stack:
        def worker(address="::"):
            s = stack.enter_context(listen(env, address, reuseport=True))
            Server(s, http)
        worker()
        start(env)
        with counted(env, "workers added", rst_suppressed=0), \
                GoodClients(env, threads=2) as four, \
                GoodClients(env, v6=True, threads=2) as six:
            for address in ("::", "::", "192.0.2.3", "192.0.2.3"):
                worker(address)
                four.wait_more(30)
                six.wait_more(30)
        expect_cookies(env, "kernel", "after 4 workers", "NAT")


@net_test
def test_first_clients_of_what_is_elsewhere_were_lost(env):
    """The port is redirected although there is a listener here as well, like
    Docker's proxy: cookies made here are not honoured there."""
    env.nginx()
    env.nginx(port=8080)
    for chains in ((REDIRECT,),
                   ("type nat hook prerouting priority -100; fib daddr type "
                    "local jump docker;",)):
        rules(env, "table ip n { chain docker { iifname != \"docker0\" "
              "tcp dport 80 redirect to :8080; } "
              f"chain pre {{ {chains[0]} }} }}")
        env.synkeeperd()
        with counted(env, "redirected", answered=0):
            all_served(env, "redirected", 10)
        assert env.json("service", "list")["services"], "no service"
        env.synkeeper("down")
        rules(env, "flush ruleset")


@net_test
def test_redirection_of_others(env):
    """Of another port, of another address, of some clients only, of what the
    host itself sends: the service is still answered."""
    env.nginx()
    start(env)
    for rule in ("tcp dport 81 redirect to :8080",
                 "ip daddr 192.0.2.99 tcp dport 80 redirect to :8080",
                 "ip saddr 192.0.2.99 tcp dport 80 redirect to :8080",
                 "udp dport 80 redirect to :8080"):
        nat(env, f"type nat hook prerouting priority -100; {rule};",
            "type nat hook output priority -100; tcp dport 80 redirect "
            "to :8080;")
        wait_cookies(env, "own, kernel", rule)
        with counted(env, rule, answered=5):
            all_served(env, rule, 5)
        rules(env, "flush ruleset")
        wait_cookies(env, "own", f"without {rule}")


@net_test
def test_outsiders_disarmed_a_service(env):
    """A client that connects, resets, and continues to send is unmatched in the
    kernel, like one behind NAT; a service that serves others stays armed."""
    env.nginx()
    for cookies in ("auto", "kernel"):
        daemon = env.synkeeperd(
            "-c", env.configure("[service web]\nlisten = *:80\n"
                                f"cookies = {cookies}\n"), services=())
        wait_armed(env)
        had = service(env, "*:80")["cookies"]
        get_once(env)
        with Peer(env) as peer:
            for _ in range(6):
                flow = peer.flow()
                flow.open(LINUX)
                flow.send("R")
                flow.seq += 1460
                flow.send("PA", b"x")
                with contextlib.suppress(AssertionError):
                    flow.recv("the kernel's RST", "R", timeout=0.3)
        all_served(env, f"cookies = {cookies}, after six outsiders", 3)
        row = service(env, "*:80")
        assert row["armed"] and row["cookies"] == had, \
            f"cookies = {cookies}, after six outsiders: expected {had}, got " \
            f"{row}"
        daemon.stop()
        env.synkeeper("down")
