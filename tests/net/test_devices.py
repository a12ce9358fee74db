# SPDX-License-Identifier: GPL-2.0-only
"""Kinds of devices, and where in a stack of them Synkeeper is attached.

Theory of operation: for each kind the server's address is on such a device, and
Synkeeper protects it, or the device below it. becomes() connects on both
families: each connection must work, and all of them must be admitted
("protected") or none ("untouched"). refused() requires an error that names the
device and the remedy, from the daemon and, in the same words, from
`synkeeper check`. Kinds that this kernel lacks are skipped, with a message.
"""
import contextlib
import fcntl
import json
import os
import select
import struct
import threading
import time

import attached
from backend import OWN_COOKIES
from goodclients import GoodClients, get_once
from namespace import CommandError, wait_for
from netenv import OUTPUT
from nettest import mode, net_test, skip
from session_stats import wait_armed
from slack import slack

CLIENTS = 3
TUNSETIFF, IFF_TUN, IFF_TAP, IFF_NO_PI = 0x400454ca, 1, 2, 0x1000
BRIDGE_NF = "net.bridge.bridge-nf-call-"
OTHER_MAC = "02:00:00:00:00:99"


def add(env, name, kind, *args, lower=None, ns=None):
    """Adds a device, or skips."""
    ns = ns or env.server
    below = ["link", lower] if lower else []
    try:
        ns.ip("link", "add", *below, "name", name, "type", kind, *args)
    except CommandError as e:
        skip(f"no devices of kind {kind}: {e}")


def move_address(env, name):
    """Moves the server's addresses from its veth to another device."""
    server = env.server
    server.ip("addr", "flush", "dev", server.iface)
    server.ip("addr", "add", f"{server.ip4}/24", "dev", name)
    server.ip("addr", "add", f"{server.ip6}/64", "dev", name, "nodad")
    server.ip("link", "set", name, "up")
    # else the veth answers for the address, too, and may be first
    server.sysctl("net.ipv4.conf.all.arp_ignore", 1)
    env.client.ip("neigh", "flush", "all")
    for address in (server.ip4, server.ip6):  # a bridge has to learn
        wait_way(env, address)


def wait_way(env, address):
    """Waits until a client gets through."""
    def comes():
        with contextlib.suppress(AssertionError):
            get_once(env, address=address, timeout=1)
            return True
        return False
    wait_for(comes, 10, f"a connection to {address}")


def give_addresses(env, client, server, net="198.18.5"):
    """Restores the two addresses of the server's device."""
    for ns, name, host in ((env.client, client, 1), (env.server, server, 2)):
        ns.ip("addr", "add", f"{net}.{host}/24", "dev", name)
        ns.ip("addr", "add", f"2001:db8:5::{host}/64", "dev", name, "nodad")
        ns.ip("link", "set", name, "up")
    return f"{net}.2", "2001:db8:5::2"


def total(env, reason):
    return env.json("status")["total"].get(reason, 0)


@contextlib.contextmanager
def daemon_on(env, iface, *args):
    flags = ["-i", iface, "-s", "*:80", "--pin-dir", env.pin_dir, "--control",
             env.control, *args]
    if mode() == "skb" or iface == env.server.iface:
        flags += ["-m", mode()]
    daemon = env.server.start([f"{OUTPUT}/synkeeperd", *flags],
                              name="synkeeperd")

    def answers():
        daemon.check_alive()
        return env.synkeeper("status", check=False).stdout

    wait_for(answers, 10, f"synkeeperd on {iface}")
    wait_armed(env)
    yield daemon
    env.synkeeper("down")
    assert daemon.wait(10) == 0, daemon.output()


def handled(env):
    """Connections that were admitted. A client that takes a port whose last
    connection the server still has in TIME-WAIT is the kernel's to answer."""
    return total(env, "admitted") + total(env, "session_syn")


def clients_pass(env, iface, want, addresses=None):
    """Connects; @want: "protected", or "untouched"."""
    for address in addresses or (env.server.ip4, env.server.ip6):
        before = handled(env)
        for _ in range(CLIENTS):
            get_once(env, address=address, timeout=5)
        got = handled(env) - before
        expected = CLIENTS if want == "protected" else 0
        assert got == expected, f"synkeeperd -i {iface}, {want} clients of " \
            f"{address}: expected {expected} admitted, got {got}; in all " \
            f"{env.json('stats')['total']}"


def becomes(env, iface, want, addresses=None, xdp=None):
    """@xdp: the mode that must result."""
    with daemon_on(env, iface, "--on-exit", "detach"):
        got = env.json("status")["interfaces"][0]["mode"]
        assert got == (xdp or mode()), \
            f"{iface}: expected {xdp or mode()} mode, got {got}"
        clients_pass(env, iface, want, addresses)


def check(env, iface):
    """The findings of `synkeeper check` by name, and whether it is ready."""
    p = env.server.run([*env.synkeeper_command(), "-j", "check", iface],
                       check=False)
    got = json.loads(p.stdout)
    return {f["what"]: f for f in got["findings"]}, got["ready"]


def refused(env, iface, *words):
    """The daemon does not start there and says why, as does check."""
    found, ready = check(env, iface)
    assert not ready and found["device"]["state"] == "fail", \
        f"check {iface}: expected a failed device, got {found.get('device')}"
    p = env.server.run([f"{OUTPUT}/synkeeperd", "-i", iface, "-s", "*:80",
                        "--pin-dir", env.pin_dir, "--control", env.control],
                       check=False)
    assert p.returncode == 1, f"synkeeperd -i {iface}: expected exit code " \
        f"1, got {p.returncode}: {p.stderr}"
    for word in (iface, found["device"]["found"], found["device"]["fix"],
                 *words):
        assert word in p.stderr, \
            f"synkeeperd -i {iface}: expected {word!r} in {p.stderr}"
    attached.nothing_left(env, f"synkeeperd -i {iface}", [iface])


def works(env, iface):
    found, ready = check(env, iface)
    assert ready and found["device"]["state"] == "ok", \
        f"check {iface}: expected it to be ready, got {found['device']}"


# -- bridges

def bridge(env, mac):
    add(env, "br0", "bridge")
    env.server.ip("link", "set", "br0", "address", mac)
    env.server.ip("link", "set", env.server.iface, "master", "br0")
    netfilter_sees(env, 0)
    move_address(env, "br0")


def netfilter_sees(env, value):
    """br_netfilter's switches; returns whether there are any."""
    keys = [f"{BRIDGE_NF}{what}" for what in ("iptables", "ip6tables")]
    if env.server.run(["sysctl", "-n", *keys], check=False).returncode:
        return False
    for key in keys:
        env.server.sysctl(key, value)
    return True


@net_test
def test_bridge(env):
    """Protected itself: in skb mode, whatever netfilter sees."""
    env.nginx()
    bridge(env, OTHER_MAC)
    works(env, "br0")
    becomes(env, "br0", "protected", xdp="skb")
    if netfilter_sees(env, 1):
        becomes(env, "br0", "protected", xdp="skb")


@net_test
def test_port_of_a_bridge(env):
    """The port receives the frames for the bridge's MAC address, which may be
    its own or not."""
    env.nginx()
    bridge(env, OTHER_MAC)
    works(env, env.server.iface)
    becomes(env, env.server.iface, "protected")
    env.server.ip("link", "set", "br0", "address", env.server.mac)
    env.client.ip("neigh", "flush", "all")
    becomes(env, env.server.iface, "protected")


@net_test
def test_port_whose_bridge_netfilter_sees(env):
    """br_netfilter drops the socket from an admitted ACK: all connections
    would break."""
    env.nginx()
    bridge(env, env.server.mac)
    if not netfilter_sees(env, 1):
        skip("no br_netfilter")
    refused(env, env.server.iface, "br0", "bridge-nf-call-iptables=0")
    netfilter_sees(env, 0)
    env.server.ip("link", "set", "br0", "type", "bridge", "nf_call_iptables",
                  "1")
    refused(env, env.server.iface, "br0")


@net_test
def test_netfilter_begins_to_see(env):
    """As when Docker starts after Synkeeper: no client is locked out."""
    env.nginx()
    bridge(env, env.server.mac)
    iface = env.server.iface
    with daemon_on(env, iface) as daemon:
        clients_pass(env, iface, "protected")
        if not netfilter_sees(env, 1):
            skip("no br_netfilter")
        wait_for(lambda: env.json("status")["health"], 5, "health to report it")
        health = " ".join(env.json("status")["health"])
        for word in (iface, "br0", "all traffic passes"):
            assert word in health, f"expected {word!r} in {health}"
        assert "all traffic passes" in daemon.output(), daemon.output()
        clients_pass(env, iface, "untouched")
        netfilter_sees(env, 0)
        wait_for(lambda: not env.json("status")["health"], 5, "its end")
        clients_pass(env, iface, "protected")


@net_test
def test_port_for_a_while_stayed_unprotected(env):
    """Added to a bridge that netfilter sees and removed again: noticed at once,
    with no lasting effect."""
    env.nginx()
    add(env, "br0", "bridge")
    env.server.ip("link", "set", "br0", "address", env.server.mac)
    env.server.ip("link", "set", "br0", "up")
    if not netfilter_sees(env, 1):
        skip("no br_netfilter")
    iface, took = env.server.iface, []
    # a port's own address cannot resolve neighbours: the bridge hears them
    env.neighbour(env.client.ip4)
    with daemon_on(env, iface) as daemon:
        good = GoodClients(env).__enter__()
        for turn in range(4):
            for how, want in (("master br0", False), ("nomaster", True)):
                env.server.ip("link", "set", iface, *how.split())
                begin = time.monotonic()
                wait_for(lambda w=want: env.json("status")["interfaces"][0][
                    "protected"] == w, 3, f"status after {how}, turn {turn}")
                took.append(time.monotonic() - begin)
                more = good.done + 3
                wait_for(lambda m=more: good.done >= m, 20,
                         f"good clients after {how}, turn {turn}")
        good.__exit__(AssertionError)  # ends all, without checking them
        # clients in the middle of a handshake, which also fail without us
        assert len(good.errors) <= 4, f"{len(good.errors)} clients of " \
            f"{good.done} were lost in 4 turns: {good.errors[0]}"
        wait_for(lambda: not env.json("status")["health"], 5, "its end")
        status = env.json("status")
        assert "all traffic" not in status["interfaces"][0]["why"], status
        service = status["services"][0]
        assert service["armed"] and service["cookies"] == \
            ("own" if OWN_COOKIES else "kernel"), \
            f"a verdict from the time in the bridge remains: {service}"
        # not by IPv4: what the bridge's firewall swallowed was a refusal, after
        # which a source is left to the kernel for a while
        clients_pass(env, iface, "protected", (env.server.ip6,))
        daemon.check_alive()
    took.sort()
    assert took[len(took) // 2] < slack(0.2), f"noticed after {took} s"


# -- on top of another

@net_test
def test_macvlan(env):
    """It has its own MAC address: the device below lets its packets pass."""
    env.nginx()
    add(env, "m0", "macvlan", "mode", "bridge", lower=env.server.iface)
    move_address(env, "m0")
    works(env, "m0")
    becomes(env, "m0", "protected", xdp="skb")
    becomes(env, env.server.iface, "untouched")


@net_test
def test_macvlan_passthru(env):
    """It has the MAC address of the device below; the same on either."""
    env.nginx()
    add(env, "m0", "macvlan", "mode", "passthru", lower=env.server.iface)
    move_address(env, "m0")
    becomes(env, "m0", "protected", xdp="skb")
    becomes(env, env.server.iface, "protected")


@net_test
def test_vlan(env):
    """Protected itself: in skb mode, with or without tags in the frames."""
    env.nginx()
    env.xdp(env.client, "pass")  # "client" knows no other address
    for ns in (env.client, env.server):
        add(env, "v5", "vlan", "id", "5", lower=ns.iface, ns=ns)
    addresses = give_addresses(env, "v5", "v5")
    works(env, "v5")
    becomes(env, "v5", "protected", addresses, xdp="skb")


@net_test
def test_vxlan(env):
    """The device below sees UDP."""
    env.nginx()
    for ns, peer in ((env.client, env.server), (env.server, env.client)):
        add(env, "x0", "vxlan", "id", "5", "remote", peer.ip4, "local",
            ns.ip4, "dstport", "4789", "dev", ns.iface, ns=ns)
    addresses = give_addresses(env, "x0", "x0")
    works(env, "x0")
    becomes(env, "x0", "protected", addresses, xdp="skb")
    becomes(env, env.server.iface, "untouched", addresses)


# -- owned by a process

def open_tun(ns, name, flags):
    with ns.inside():
        fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(),
                                           flags | IFF_NO_PI))
    return fd


def relay(a, b):
    """Forwards frames both ways until the end of the test."""
    def loop():
        while True:
            for fd in select.select([a, b], [], [])[0]:
                with contextlib.suppress(OSError):
                    os.write(b if fd == a else a, os.read(fd, 1 << 16))
    threading.Thread(target=loop, daemon=True).start()


@net_test
def test_tap(env):
    env.nginx()
    relay(*(open_tun(ns, "t0", IFF_TAP) for ns in (env.client, env.server)))
    addresses = give_addresses(env, "t0", "t0")
    works(env, "t0")
    becomes(env, "t0", "protected", addresses)


@net_test
def test_tun(env):
    """Its packets have no Ethernet header."""
    fd = open_tun(env.server, "t0", IFF_TUN)
    refused(env, "t0", "no Ethernet header", "tap")
    os.close(fd)


# -- where nothing can be protected

@net_test
def test_loopback(env):
    refused(env, "lo", "itself")


@net_test
def test_ifb(env):
    """XDP does not run for what is redirected there."""
    add(env, "ifb5", "ifb")
    refused(env, "ifb5", "redirected")


@net_test
def test_vrf(env):
    """A VRF is behind its ports."""
    add(env, "vrf0", "vrf", "table", "10")
    refused(env, "vrf0", "belong to it")


@net_test
def test_tunnels(env):
    """Those without Ethernet; the first that this kernel has."""
    for kind, args in (("wireguard", ()), ("ipip", ("local", "192.0.2.2",
                                                    "remote", "192.0.2.1"))):
        with contextlib.suppress(CommandError):
            env.server.ip("link", "add", "tun0", "type", kind, *args)
            refused(env, "tun0", "no Ethernet header", "cannot be protected")
            return
    skip("no devices of kind wireguard or ipip")


# -- several as one

@net_test
def test_bond(env):
    """Natively the program runs in the ports, with their index."""
    env.nginx()
    attached.add_pair(env)
    for ns in (env.client, env.server):
        add(env, "bond0", "bond", "mode", "active-backup", "miimon", "50",
            ns=ns)
        for iface in (ns.iface, ns.iface.replace("0", "1")):
            if ns is env.client:  # its own program cannot stay
                ns.run(["bpftool", "net", "detach", "xdpdrv", "dev", iface])
            ns.ip("addr", "flush", "dev", iface)
            ns.ip("link", "set", iface, "down")
            ns.ip("link", "set", iface, "master", "bond0")
            ns.ip("link", "set", iface, "up")
            if ns is env.client:
                ns.run(["bpftool", "net", "attach", "xdpdrv", "pinned",
                        f"{env.bed_dir}/pass", "dev", iface])
    addresses = give_addresses(env, "bond0", "bond0")
    for address in addresses:
        wait_way(env, address)
    works(env, "bond0")
    becomes(env, "bond0", "protected", addresses)
