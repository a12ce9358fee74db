# SPDX-License-Identifier: GPL-2.0-only
"""To whom a SYN-ACK goes: to the next hop of the kernel's route.

Theory of operation: SYNs are made by hand, with any MAC as sender, and the
frames that come back are read in the client's namespace whatever their
destination. Port 80 is protected, port 81 is not: what the kernel answers there
is what is expected of Synkeeper. Neighbours of the server are static entries,
each with a MAC of its own, unless a test is about neighbours.
"""
import contextlib
import select
import socket
import time

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import Ether

import attached
from namespace import CommandError, wait_for
from nettest import net_test, skip
from scapytools import LINUX
from slack import slack
from sockets import listen

ETH_P_ALL, OUTGOING = 3, 4
PLAIN = 81
USUAL, OTHER, DIRECTOR = (f"02:00:00:00:01:0{n}" for n in (1, 2, 3))
GATEWAYS = {False: ("192.0.2.101", "192.0.2.102"),
            True: ("2001:db8::101", "2001:db8::102")}
FAR = {False: "198.51.100.9", True: "2001:db8:c::9"}
LO = "net.ipv{}.conf.lo.forwarding"


def routers(env):
    """Two gateways with static entries; the defaults go through the first. The
    bed's own program on the client's side hides answers to far sources."""
    env.xdp(env.client, "pass")
    for v6 in (False, True):
        for ip, mac in zip(GATEWAYS[v6], (USUAL, OTHER)):
            env.neighbour(ip, mac)
        default(env, v6, GATEWAYS[v6][0])


def default(env, v6, gateway, *more):
    env.server.ip("-6" if v6 else "-4", "route", "replace", "default", "via",
                  gateway, *more)


def route(env, *words):
    env.server.ip("-6" if ":" in words[-1] or ":" in words[0] else "-4",
                  "route", "replace", *words)


@contextlib.contextmanager
def wire(env):
    with env.client.inside():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                             socket.htons(ETH_P_ALL))
    with sock:
        sock.bind((env.client.iface, ETH_P_ALL))
        yield sock


_ports = iter(range(20000, 60000))


def syn_of(env, source, mac, port, dst=None):
    v6 = ":" in source
    sport = next(_ports)
    dst = dst or (env.server.ip6 if v6 else env.server.ip4)
    return Ether(src=mac, dst=env.server.mac) / \
        (IPv6 if v6 else IP)(src=source, dst=dst) / \
        TCP(sport=sport, dport=port, flags="S", seq=sport, options=LINUX)


def hop(env, source, mac, port, dst=None, timeout=1.0):
    """Sends a SYN from @source with the sender @mac. The MAC that the SYN-ACK
    goes to, or None if none comes in time."""
    syn = syn_of(env, source, mac, port, dst)
    with wire(env) as sock:
        sock.send(bytes(syn))
        end = time.monotonic() + slack(timeout)
        while (left := end - time.monotonic()) > 0:
            if not select.select([sock], [], [], left)[0]:
                break
            data, address = sock.recvfrom(65535)
            frame = Ether(data)
            if address[2] != OUTGOING and TCP in frame and \
                    frame[TCP].dport == syn[TCP].sport and frame[TCP].flags == "SA":
                return frame.dst
    return None


def total(env, reason):
    return env.json("status")["total"].get(reason, 0)


def same(env, source, mac, what, want="", counted="answered", dst=None):
    """The protected port answers as the plain one, which is @want."""
    plain = hop(env, source, mac, PLAIN, dst)
    if want != "":
        assert plain == want, f"{what}: bed: expected the kernel's answer " \
            f"at {want}, it came at {plain}"
    before = total(env, counted)
    got = hop(env, source, mac, 80, dst)
    assert got == plain, f"{what}: SYN from {source} at {mac}: the kernel " \
        f"answers to {plain}, Synkeeper to {got}"
    now = total(env, counted)
    assert now == before + 1, f"{what}: expected one more {counted}, got " \
        f"{now - before}: {env.json('status')['total']}"


@contextlib.contextmanager
def serving(env):
    routers(env)
    with listen(env), listen(env, port=PLAIN):
        env.synkeeperd()
        yield


def both(env, what, mac=DIRECTOR, want=USUAL, counted="answered"):
    for v6 in (False, True):
        same(env, FAR[v6], mac, f"{what}, IPv{6 if v6 else 4}", want, counted)


def follows(env, source, mac, want, dst=None):
    """The daemon hears of a change soon after the kernel has made it."""
    wait_for(lambda: hop(env, source, mac, 80, dst) == want, 1,
             f"SYN-ACKs to {source} to go to {want}")


@net_test
def test_behind_the_gateway(env):
    with serving(env):
        both(env, "from the gateway", USUAL)
        both(env, "a VRRP router's own MAC")
        route(env, "198.51.100.0/24", "via", GATEWAYS[False][1])
        route(env, "2001:db8:c::/48", "via", GATEWAYS[True][1])
        for v6 in (False, True):
            follows(env, FAR[v6], USUAL, OTHER)
        both(env, "the route says the other gateway", USUAL, OTHER)


@net_test
def test_director_on_the_link(env):
    """LVS-DR, and the service's address on lo."""
    env.server.ip("addr", "add", "203.0.113.80/32", "dev", "lo")
    env.server.ip("addr", "add", "2001:db8:80::1/128", "dev", "lo")
    with serving(env):
        for source, vip in (("192.0.2.55", "203.0.113.80"),
                            ("2001:db8::55", "2001:db8:80::1")):
            env.neighbour(source, OTHER)
            same(env, source, DIRECTOR, f"LVS-DR, {vip}", OTHER, dst=vip)


@net_test
def test_policy_rule_by_source(env):
    env.server.ip("addr", "add", "192.0.2.99/24", "dev", env.server.iface)
    with serving(env):
        both(env, "before", USUAL)
        env.server.ip("rule", "add", "from", "192.0.2.99", "lookup", "77")
        env.server.ip("route", "add", "default", "via", GATEWAYS[False][1],
                      "dev", env.server.iface, "table", "77")
        follows(env, FAR[False], USUAL, OTHER, "192.0.2.99")
        same(env, FAR[False], USUAL, "an address with a table of its own",
             OTHER, dst="192.0.2.99")
        same(env, FAR[False], USUAL, "another address", USUAL)


@net_test
def test_changes_are_followed(env):
    """Routes, and the MAC of the gateway, within a second."""
    with serving(env):
        both(env, "before", USUAL)
        for v6 in (False, True):
            env.neighbour(GATEWAYS[v6][0], DIRECTOR)
            follows(env, FAR[v6], USUAL, DIRECTOR)
        both(env, "the gateway has another MAC", USUAL, DIRECTOR)
        for v6 in (False, True):
            default(env, v6, GATEWAYS[v6][1])
            follows(env, FAR[v6], DIRECTOR, OTHER)
        both(env, "another gateway", DIRECTOR, OTHER)


@net_test
def test_gateway_in_a_vlan(env):
    """Known by its tag, so that the kernel need not be asked."""
    try:
        env.server.ip("link", "add", "link", env.server.iface, "name", "v5",
                      "type", "vlan", "id", "5")
    except CommandError as e:
        skip(f"no VLAN devices: {e}")
    with serving(env):
        env.server.ip("link", "set", "v5", "up")
        for v6, net in ((False, "203.0.113"), (True, "2001:db8:5:")):
            address, via = (f"{net}:1/64", f"{net}:2") if v6 else \
                (f"{net}.1/24", f"{net}.2")
            env.server.ip("addr", "add", address, "dev", "v5",
                          *(["nodad"] if v6 else []))
            env.server.ip("neigh", "replace", via, "lladdr", OTHER, "dev",
                          "v5", "nud", "permanent")
            default(env, v6, via)

            def known():
                iface = attached.map_value(env, "ifaces",
                                           attached.ifindex(env.server))
                hop = iface["hop6" if v6 else "hop4"]
                return hop["vlan"] == 5 and \
                    hop["gateway"] == [2, 0, 0, 0, 1, 2]
            wait_for(known, 3, f"the gateway {via} in VLAN 5 to be known")
            before = total(env, "answered")
            with wire(env) as sock:
                syn = bytes(syn_of(env, FAR[v6], OTHER, 80))
                sock.send(syn[:12] + b"\x81\0\0\5" + syn[12:])
                wait_for(lambda: total(env, "answered") == before + 1, 3,
                         f"the tagged SYN from {FAR[v6]} to be answered")


@net_test
def test_no_way_back(env):
    """The kernel sends nothing, so nothing is sent."""
    with serving(env):
        for kind in ("blackhole", "unreachable", "prohibit"):
            route(env, kind, "198.51.100.0/24")
            route(env, kind, "2001:db8:c::/48")
            both(env, kind, want=None, counted="no_route")
            env.server.ip("route", "del", kind, "198.51.100.0/24")
            env.server.ip("-6", "route", "del", kind, "2001:db8:c::/48")
        both(env, "routes are back", USUAL)
        for family in ("-4", "-6"):
            env.server.ip(family, "route", "del", "default")
        both(env, "no default route", want=None, counted="no_route")


@net_test
def test_neighbour_is_not_known(env):
    """The kernel asks for it, so it answers the first; of many, the rest is
    answered to whom they came from."""
    with serving(env):
        for source in ("192.0.2.1", "2001:db8::1"):  # the client's own
            env.server.ip("neigh", "flush", "to", source)
            before = total(env, "routed_syn")
            got = hop(env, source, DIRECTOR, 80, timeout=3)
            assert got == env.client.mac, f"the first SYN of {source}: " \
                f"expected its answer at {env.client.mac}, got {got}"
            now = total(env, "routed_syn")
            assert now == before + 1, f"routed_syn: {before}, then {now}"
            same(env, source, DIRECTOR, "the second", env.client.mac)
        for source in ("192.0.2.66", "2001:db8::66"):  # nobody
            before = total(env, "answered_back")
            with wire(env) as sock:
                for _ in range(200):
                    sock.send(bytes(syn_of(env, source, DIRECTOR, 80)))
            wait_for(lambda: total(env, "answered_back") > before, 5,
                     f"answered_back to many SYNs of {source}")


@net_test
def test_another_interface(env):
    env.server.ip("link", "add", "far0", "type", "veth", "peer", "far1")
    env.server.ip("link", "set", "far0", "up")
    env.server.ip("link", "set", "far1", "up")
    with serving(env):
        route(env, "198.51.100.0/24", "dev", "far0")
        same(env, FAR[False], DIRECTOR, "another interface", None,
             "routed_syn")


def forwarding(env):
    return [int(env.server.sysctl(LO.format(f))) for f in (4, 6)]


@net_test
def test_forwarding_of_lo_is_put_back(env):
    assert forwarding(env) == [0, 0], f"bed: {forwarding(env)}"
    daemon = env.synkeeperd("--on-exit", "detach")
    assert forwarding(env) == [1, 1], f"running: {forwarding(env)}"
    env.server.sysctl(LO.format(4), 0)
    wait_for(lambda: forwarding(env) == [1, 1], 2, "lo.forwarding = 1 again")
    daemon.stop()
    assert forwarding(env) == [0, 0], f"after its end: {forwarding(env)}"
    env.synkeeperd().kill()
    assert forwarding(env) == [1, 1], "killed: the data path needs it"
    text = env.synkeeper("down").stdout
    assert forwarding(env) == [0, 0], f"down: {forwarding(env)}: {text}"
    for family in (4, 6):
        assert LO.format(family) in text, f"down does not tell: {text}"


@net_test
def test_forwarding_of_lo_was_on(env):
    for family in (4, 6):
        env.server.sysctl(LO.format(family), 1)
    env.synkeeperd("--on-exit", "detach").stop()
    assert forwarding(env) == [1, 1], f"expected as before: {forwarding(env)}"


def advertise(env):
    frame = Ether(src=DIRECTOR, dst="33:33:00:00:00:01") / \
        IPv6(src="fe80::99", dst="ff02::1", hlim=255) / \
        ICMPv6ND_RA(routerlifetime=1800) / ICMPv6NDOptSrcLLAddr(lladdr=DIRECTOR)
    with wire(env) as sock:
        sock.send(bytes(frame))


@net_test
def test_routes_of_router_advertisements_stay(env):
    """A 1 in any IPv6 device's forwarding deletes them, so it is not set; what
    is behind that router still finds it."""
    env.xdp(env.client, "pass")
    env.server.ip("-6", "route", "del", "default")
    env.server.sysctl(f"net.ipv6.conf.{env.server.iface}.accept_ra", 1)

    def learned():
        advertise(env)
        return "proto ra" in env.server.ip("-6", "route", "show", "default")

    wait_for(learned, 3, "a default route from a router advertisement")
    env.neighbour("fe80::99", DIRECTOR)
    with listen(env), listen(env, port=PLAIN):
        env.synkeeperd()
        there = env.server.ip("-6", "route", "show", "default")
        assert "proto ra" in there, f"the route has gone: {there}"
        assert forwarding(env) == [1, 0], f"lo.forwarding: {forwarding(env)}"
        same(env, FAR[True], DIRECTOR, "from that router", DIRECTOR)
        same(env, FAR[True], OTHER, "another router's MAC", DIRECTOR)
