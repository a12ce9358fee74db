# SPDX-License-Identifier: GPL-2.0-only
"""Classic ECN stays classic ECN (RFC 3168), also behind a cookie.

Theory of operation: a hand-made client negotiates ECN. His ACK is lost, so the
first segment to arrive is data; it carries CWR, as it does after he reduced his
window for that loss. To the kernel's cookie code that looks like the last
segment of a handshake with accurate ECN, and each packet of the server then
carries AE and ECE. What the server sends is compared with what the plain
kernel's does, whose handshake knows better.
"""
from backend import needs_own_cookies
from nettest import net_test
from scapy.layers.inet import TCP
from scapytools import LINUX, WINDOWS, Peer
from session_stats import protect, wait_armed
from sockets import accept, listen, receive

ECN = 0x1c0  # AE, CWR, ECE


def ecn_flags(frame):
    return int(frame[TCP].flags) & ECN


def first_segment_with_cwr(env, listener, v6, options):
    """The ECN flags of the SYN-ACK, and of two packets of the server."""
    with Peer(env, v6) as peer:
        flow = peer.flow()
        synack = flow.syn(options, flags="SEC")
        flow.send("PAC", b"the first")
        flow.seq += 9
        ack = flow.expect_ack("the first data, with CWR")
        with accept(listener) as s:
            got = receive(s, 9)
            assert got == b"the first", f"expected the data, got {got!r}"
            s.sendall(b"reply")
            reply = peer.recv(lambda f: flow.matches(f) and
                              bytes(f[TCP].payload).startswith(b"reply"), 5,
                              "the server's data")
            flow.send("R")
    return [ecn_flags(f) for f in (synack, ack, reply)]


def same_as_plain(env, cookies, kinds):
    env.server.sysctl("net.ipv4.tcp_ecn", 2)
    with listen(env) as listener:
        plain = [first_segment_with_cwr(env, listener, *k) for k in kinds]
        env.synkeeperd("-c", env.configure(
            f"[service web]\nlisten = *:80\ncookies = {cookies}\n"),
            services=())
        wait_armed(env, "*:80")
        for kind, want in zip(kinds, plain):
            got = first_segment_with_cwr(env, listener, *kind)
            assert got == want, f"{kind}: ECN flags of SYN-ACK, ACK and " \
                f"data: the plain kernel's {want}, got {got}"


@net_test
def test_cwr_on_the_first_segment_made_it_accurate_ecn(env):
    needs_own_cookies("test_cwr_on_the_first_segment_kernel_cookies")
    same_as_plain(env, "own", [(v6, options) for v6 in (False, True)
                               for options in (LINUX, WINDOWS)])


@net_test
def test_cwr_on_the_first_segment_kernel_cookies(env):
    """They carry ECN in timestamps without a secret offset."""
    env.server.sysctl("net.ipv4.tcp_timestamps", 2)
    same_as_plain(env, "kernel", [(False, LINUX), (True, LINUX)])


def answers(env):
    """Does the SYN-ACK agree to ECN, by the SYN's own ECN bits?"""
    got = {}
    for v6 in (False, True):
        with Peer(env, v6) as peer:
            for flags in ("SEC", "SECN"):
                for bits in range(4):
                    header = peer.ip_header(**{"tc" if v6 else "tos": bits})
                    tcp = peer.flow().syn(LINUX, flags=flags, ip=header)[TCP]
                    got[v6, flags, bits] = "E" in str(tcp.flags)
    return got


@net_test
def test_syn_with_ect_got_ecn(env):
    """RFC 3168 sends no SYN as ECT: the kernel then declines."""
    needs_own_cookies("the kernel's own cookies carry no ECN by default")
    env.server.sysctl("net.ipv4.tcp_ecn", 2)
    with listen(env):
        plain = answers(env)
        protect(env)
        got = answers(env)
    assert got == plain, "{(IPv6, SYN's flags, ECN bits): ECN agreed}: " \
        f"expected the plain kernel's {plain}, got {got}"
