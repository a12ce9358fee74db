# SPDX-License-Identifier: GPL-2.0-only
"""What is learned about NAT from clients, where the host's rules do not tell;
and errors, from which nothing must be learned.

Theory of operation: rules that redirect only some clients are left to learning,
as a service must not be disarmed for all because of a few. These clients come
from networks of their own, of which it takes three. What an earlier instance
learned is in the maps.
"""
import contextlib
import resource
import socket
import time

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6ExtHdrDestOpt
from scapy.layers.l2 import Dot1Q
from scapy.packet import Raw

import attached
from backend import needs_own_cookies
from crowd import make_room
from goodclients import GoodClients, body_of, file_1k, get_once
from hostnat import AUTO, all_served, expect_cookies, nat, rules, start
from namespace import wait_for
from nettest import net_test
from scapytools import LINUX, Peer
from session_stats import counted, service, wait_armed
from slack import slack

KEY = "net.ipv4.tcp_syncookies"
READ_ONLY = ["unshare", "-m", "sh", "-c",
             "mount --bind /proc/sys /proc/sys && "
             "mount -o remount,ro,bind /proc/sys && exec \"$@\"", "sh"]
NETWORKS4 = ("10.1.1.1", "10.1.2.1", "10.1.3.1", "10.1.4.1")
NETWORKS6 = tuple(f"fd01:0:{i}::1" for i in range(1, 5))


def networks(env):
    make_room(env, NETWORKS4, NETWORKS6)
    for gateway in env.client.ip4, env.client.ip6:
        env.neighbour(gateway)
    env.server.ip("route", "add", "10.1.0.0/16", "via", env.client.ip4)
    env.server.ip("-6", "route", "add", "fd01::/32", "via", env.client.ip6)


def get_from(env, source, timeout=0.5):
    """Like get_once(), from that address. Did it work?"""
    v6 = ":" in source
    with env.client.inside():
        s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET)
    got = b""
    with s, contextlib.suppress(OSError):
        s.settimeout(slack(timeout))
        s.bind((source, 0))
        s.connect((env.server.ip6 if v6 else env.server.ip4, 80))
        s.sendall(b"GET /1k HTTP/1.0\r\n\r\n")
        while part := s.recv(65536):
            got += part
    return bool(got) and body_of(got) == file_1k(env)


def redirect_these(env, v6):
    """Redirects only those networks, which cannot be judged in advance.
    """
    match = "ip6 saddr fd01::/32" if v6 else "ip saddr 10.1.0.0/16"
    nat(env, "type nat hook prerouting priority -100; "
        f"{match} tcp dport 80 redirect to :8080;",
        family="ip6" if v6 else "ip")


def is_redirected(env, v6):
    env.nginx()
    env.nginx(port=8080)
    networks(env)
    redirect_these(env, v6)
    start(env)
    sources = NETWORKS6 if v6 else NETWORKS4
    assert not get_from(env, sources[0], 0.05), "was not redirected"
    for _ in range(9):  # one network, however often, is one witness
        get_from(env, sources[0], 0.05)
    expect_cookies(env, "own, kernel", "one network")
    for source in sources[1:]:
        get_from(env, source, 0.2)
    wait_for(lambda: not any(
        attached.map_value(env, "ports", 80, 0, 0, 0)
        [f"any{6 if v6 else 4}"]["mode"] == m for m in (2, "ENDPOINT_ARMED")),
        10, f"three networks to be believed: {service(env, '*:80')}")
    for source in sources:
        assert get_from(env, source, 5), f"{source} was not served"
    all_served(env, "others", 3, v6)


@net_test
def test_redirection_of_three_networks_is_found(env):
    is_redirected(env, False)


@net_test
def test_redirection_of_three_networks_is_found_v6(env):
    is_redirected(env, True)


@net_test
def test_three_networks_disarmed_what_serves_others(env):
    """...a service that has served others, which stays armed."""
    env.nginx()
    env.nginx(port=8080)
    networks(env)
    redirect_these(env, False)
    start(env)
    get_once(env)
    for _ in range(4):
        for source in NETWORKS4:
            get_from(env, source, 0.2)
    wait_for(_seconds(4), 8, "four seconds without clients")
    expect_cookies(env, "own, kernel", "three networks without effect", "NAT")
    all_served(env, "three networks without effect", 5)


def _seconds(n):
    end = time.monotonic() + n
    return lambda: time.monotonic() > end


@net_test
def test_restart_forgot_what_was_learned(env):
    """An earlier instance had kernel cookies for no visible reason. Not so if
    the service is configured with a kind."""
    needs_own_cookies("there is nothing to learn")
    env.nginx()
    daemon = start(env, AUTO + "cookies = kernel\n")
    get_once(env)
    daemon.stop()
    daemon = start(env)
    expect_cookies(env, "kernel", "restarted", "learned from clients")
    all_served(env, "restarted", 5)
    env.synkeeper("reload")
    expect_cookies(env, "kernel", "and read again", "learned from clients")
    daemon.stop()
    start(env, AUTO + "cookies = own\n")
    expect_cookies(env, "own", "told so", "as configured")


@net_test
def test_a_lesson_disarmed_where_sysctls_are_read_only(env):
    """It needs tcp_syncookies = 2, which a container may not set."""
    needs_own_cookies("there is nothing to learn")
    env.nginx()
    daemon = start(env, AUTO + "cookies = kernel\n")
    get_once(env)
    daemon.stop()
    env.server.sysctl(KEY, 1)
    env.synkeeperd("-c", env.configure(AUTO), services=(), wrap=READ_ONLY)
    expect_cookies(env, "own", "a lesson, read-only sysctls")
    with counted(env, "a lesson, read-only sysctls", admitted=5):
        all_served(env, "a lesson, read-only sysctls", 5)


@net_test
def test_no_descriptors_changed_what_is_believed(env):
    """What cannot be read for a while keeps its last value: sysctls, listeners,
    NAT, the kernel's counters."""
    env.nginx()
    nat(env, "type nat hook postrouting priority 100; oifname \"lo\" "
        "masquerade;")
    env.server.sysctl("net.ipv4.tcp_sack", 0)  # other than by default
    daemon = start(env)
    log = daemon.output()
    flags = attached.map_value(env, "settings", 0, 0, 0, 0)["flags"]
    ports = attached.map_value(env, "ports", 80, 0, 0, 0)
    soft, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (0, hard))
    try:
        wait_for(_seconds(2), 4, "some checks without descriptors")
        got = attached.map_value(env, "settings", 0, 0, 0, 0)["flags"]
        assert got == flags, f"settings: expected {flags:#x}, got {got:#x}"
        got = attached.map_value(env, "ports", 80, 0, 0, 0)
        assert got == ports, f"endpoints: expected {ports}, got {got}"
        all_served(env, "without descriptors", 5)
    finally:
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (soft, hard))
    expect_cookies(env, "own, kernel", "with descriptors again", "NAT")
    said = daemon.output()[len(log):]
    assert "cookies" not in said, f"it changed its mind meanwhile: {said}"
    rules(env, "flush ruleset")
    wait_for(lambda: service(env, "*:80")["cookies"] == "own", 3,
             "NAT to be looked for again")
    wait_armed(env)


def stays(env, what):
    """Armed with its own cookies, and a good client is served."""
    wait_for(_seconds(4), 8, "four seconds")
    expect_cookies(env, "own", what)
    all_served(env, what, 3)
    assert env.server.sysctl(KEY) == "1", f"{what}: {KEY} was raised"


@net_test
def test_one_handshake_in_two_tags_took_own_cookies_away(env):
    """tc cannot assign the socket then, which says nothing about the
    listener."""
    needs_own_cookies("there is nothing to take away")
    env.nginx()
    start(env)
    for v6 in (False, True):
        with Peer(env, v6) as peer:
            for _ in range(6):
                flow = peer.flow()
                flow.syn(LINUX)
                peer.send(peer.ether() / Dot1Q(vlan=0) / Dot1Q(vlan=0) /
                          peer.ip_header() / flow.segment("A"))
            peer.barrier()
    stays(env, "handshakes in two tags")


def unread_by_xdp(peer, segment):
    """Packets that carry it in a form that XDP does not parse."""
    if peer.v6:
        ip = peer.ip_header()
        for _ in range(9):
            ip /= IPv6ExtHdrDestOpt()
        return [ip / segment]
    whole = bytes(IP(bytes(peer.ip_header() / segment))[TCP])
    return [peer.ip_header(id=7, proto=6, flags=flags, frag=at // 8) /
            Raw(whole[at:end])
            for at, end, flags in ((0, 8, "MF"), (8, None, 0))]


def looks_lost(env, peer):
    """A valid cookie under a wrong checksum, then what the kernel resets."""
    flow = peer.flow()
    flow.syn(LINUX)
    flow.send("A", chksum=1)
    peer.barrier()
    for packet in unread_by_xdp(peer, flow.segment("A")):
        peer.send(packet)
    peer.barrier()


@net_test
def test_wrong_checksums_disarmed_a_service(env):
    """An outsider makes XDP admit what the kernel then drops and the listener
    resets, which looks like NAT."""
    needs_own_cookies("there is nothing to take away")
    env.nginx()
    start(env)
    for v6 in (False, True):
        with Peer(env, v6) as peer:
            for _ in range(8):
                looks_lost(env, peer)
    stays(env, "wrong checksums from one address")


@net_test
def test_wrong_checksums_of_three_networks_disarmed_a_service(env):
    """...while good clients get through."""
    needs_own_cookies("there is nothing to take away")
    env.nginx()
    networks(env)
    start(env)
    with GoodClients(env, threads=1) as good:
        for source in NETWORKS4 * 2:
            env.server.ip("route", "replace", f"{source}/32", "dev",
                          env.server.iface)
            with Peer(env, host=77) as peer:
                peer.use(source)
                looks_lost(env, peer)
            good.wait_more(5)
    stays(env, "wrong checksums from three networks")
