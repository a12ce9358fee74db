# SPDX-License-Identifier: GPL-2.0-only
"""What routes and the interface say of a SYN-ACK, and of the connection.

Theory of operation: port 80 is protected, port 81 is not: what the kernel
answers there, at the same moment, is expected of Synkeeper. The client is made
by hand, so that both ports meet the same source, which has a static neighbour
entry.
"""
import contextlib

from backend import needs_own_cookies
from namespace import wait_for
from nettest import net_test
from scapytools import Peer, synack
from session_stats import counted, protect, wait_armed
from sockets import listen, move, pair, tcp_info

PLAIN = 81
NETS = {False: "192.0.2.0/24", True: "2001:db8::/64"}
WITHIN = {False: "192.0.2.64/27", True: "2001:db8::70/124"}  # the peer's


def route(env, v6, net, *words, verb="replace"):
    env.server.ip("-6" if v6 else "-4", "route", verb, net, "dev",
                  env.server.iface, *words)


def on_link(env, v6, *words):
    """The connected prefix's route says @words."""
    net = NETS[v6]
    env.server.ip("-6" if v6 else "-4", "route", "del", net)
    route(env, v6, net, *words)


@contextlib.contextmanager
def serving(env, **kwargs):
    with listen(env), listen(env, port=PLAIN):
        protect(env, **kwargs)
        yield


def same(env, what, v6, want=None, but=(), by="answered"):
    """Within two seconds, Synkeeper answers as the kernel, which says @want;
    @but is not compared. @by: the reason that is counted. A SYN that comes
    before the daemon has seen the change may be lost, as any."""
    what = f"{what}, IPv{6 if v6 else 4}"
    got = {}
    with Peer(env, v6) as peer:
        plain = synack(peer, PLAIN)
        for key, value in (want or {}).items():
            assert plain[key] == value, f"{what}: bed: expected the kernel's " \
                f"{key} {value}, got {plain}"

        def is_same():
            with contextlib.suppress(AssertionError):
                got.update(synack(peer, 80, timeout=1),
                           **{key: plain[key] for key in but})
            return got == plain

        with contextlib.suppress(AssertionError):
            wait_for(is_same, 2, "the same answer")
        assert got == plain, f"{what}: the kernel's SYN-ACK has {plain}, " \
            f"Synkeeper's {got}"
        with counted(env, what, **{by: 1}):
            synack(peer, 80)
    return plain


def both(env, what, but=(), **want):
    for v6 in (False, True):
        same(env, what, v6, want, but)


@net_test
def test_followed(env):
    """What the plain kernel says, one route after the other."""
    with serving(env):
        same(env, "nothing said", False, {"mss": 1460, "hops": 64})
        same(env, "nothing said", True, {"mss": 1440, "hops": 64})
        for words in ("advmss 1200", "advmss 100", "advmss 9000", "mtu 1300",
                      "mtu lock 1300", "mtu 9000", "mtu 65520", "mtu 280",
                      "hoplimit 7", "mtu 1400 advmss 1000 hoplimit 255",
                      "initcwnd 20", "initrwnd 4", "initrwnd 90000",
                      "window 3000", "window 100", "window 70000",
                      "window 200000 initrwnd 2 advmss 900"):
            for v6 in (False, True):
                on_link(env, v6, *words.split())
                same(env, words, v6)


@net_test
def test_known_at_the_start(env):
    for v6 in (False, True):
        on_link(env, v6, "advmss", "1111", "hoplimit", "9")
    with serving(env):
        both(env, "at the start", mss=1111, hops=9)
        env.synkeeper("down")
        env.server.ip("-4", "route", "replace", NETS[False], "dev",
                      env.server.iface)
        protect(env)
        same(env, "gone meanwhile", False, {"mss": 1460, "hops": 64})
        same(env, "still there", True, {"mss": 1111, "hops": 9})


@net_test
def test_one_family_alone(env):
    """::/0 is no route of IPv4, whose addresses are mapped into it."""
    with serving(env):
        env.server.ip("-6", "route", "replace", "default", "via",
                      env.client.ip6, "advmss", "1234")
        env.server.ip("-6", "route", "del", NETS[True])
        route(env, True, env.client.ip6)
        same(env, "the default route", True, {"mss": 1234})
        same(env, "no metrics", False, {"mss": 1460})


@net_test
def test_longest_prefix(env):
    with serving(env):
        for v6 in (False, True):
            on_link(env, v6, "advmss", "1100")
            same(env, "the connected prefix", v6, {"mss": 1100})
            route(env, v6, WITHIN[v6], "hoplimit", "5")
            same(env, "a longer one", v6, {"hops": 5})
            route(env, v6, WITHIN[v6], verb="del")
            route(env, v6, WITHIN[v6])
            assert same(env, "a longer one that says nothing",
                        v6)["mss"] >= 1440
            route(env, v6, WITHIN[v6], verb="del")
            route(env, v6, WITHIN[v6], "metric", "50", "advmss", "900")
            route(env, v6, WITHIN[v6], "metric", "40", "advmss", "800",
                  verb="add")
            same(env, "two with metrics", v6, {"mss": 800})


@net_test
def test_interface_hop_limit(env):
    """Router advertisements set it; a route's own has precedence."""
    key = f"net.ipv6.conf.{env.server.iface}.hop_limit"
    env.server.sysctl(key, 200)
    with serving(env):
        same(env, "at the start", True, {"hops": 200})
        same(env, "not IPv4's", False, {"hops": 64})
        env.server.sysctl(key, 33)
        same(env, "changed", True, {"hops": 33})
        on_link(env, True, "hoplimit", "44")
        same(env, "the route's", True, {"hops": 44})


@net_test
def test_listener_bounds(env):
    """TCP_MAXSEG bounds the route's MSS; IP_TTL replaces its hop limit."""
    for v6 in (False, True):
        on_link(env, v6, "advmss", "1200", "hoplimit", "7")
    with listen(env) as one, listen(env, port=PLAIN) as other:
        for listener in (one, other):
            listener.setsockopt(6, 2, 1000)  # TCP_MAXSEG
            listener.setsockopt(0, 2, 99)  # IP_TTL
            listener.setsockopt(41, 16, 98)  # IPV6_UNICAST_HOPS
        protect(env)
        same(env, "bounded", False, {"mss": 1000, "hops": 99})
        same(env, "bounded", True, {"mss": 1000, "hops": 98})


def agreed(env, listener, port, v6):
    """What a connection has after megabytes in both directions."""
    c, s = pair(env, listener, port=port, v6=v6)
    with c, s:
        move(c, s)
        words = tcp_info(env.server, s)
        return {word: words.get(word) for word in ("wscale", "ecn", "mss")}


@net_test
def test_connections(env):
    """A scale that only one end knows of would stall them."""
    needs_own_cookies("kernel cookies round the MSS")
    env.client.sysctl("net.ipv4.tcp_ecn", 1)
    env.server.sysctl("net.ipv4.tcp_ecn", 0)
    with listen(env) as one, listen(env, port=PLAIN) as other:
        protect(env)
        for v6 in (False, True):
            for words in ("window 20000", "window 300000", "initrwnd 4",
                          "features ecn"):
                on_link(env, v6, *words.split())
                same(env, words, v6)
                plain = agreed(env, other, PLAIN, v6)
                got = agreed(env, one, 80, v6)
                assert got == plain, f"{words}, IPv{6 if v6 else 4}: the " \
                    f"kernel's connection has {plain}, Synkeeper's {got}"
                assert bool(got["ecn"]) == ("ecn" in words), \
                    f"{words}: ECN: {got}"


@net_test
def test_listener_is_clamped(env):
    """TCP_WINDOW_CLAMP, even a larger one, replaces the route's window."""
    on_link(env, False, "window", "3000")
    with listen(env) as one, listen(env, port=PLAIN) as other:
        for listener in (one, other):
            listener.setsockopt(6, 10, 20000)  # TCP_WINDOW_CLAMP
        protect(env)
        assert same(env, "clamped", False)["window"] > 3000


@net_test
def test_kernel_cookies(env):
    for v6 in (False, True):
        on_link(env, v6, "advmss", "1200", "hoplimit", "7")
    with listen(env), listen(env, port=PLAIN):
        env.synkeeperd("-c", env.configure("[service web]\nlisten = *:80\n"
                                           "cookies = kernel\n"),
                       services=())
        wait_armed(env)
        # without timestamps, which would carry them, there are no options
        both(env, "the kernel's cookies", but=("scale", "window"), mss=1200,
             hops=7)


@contextlib.contextmanager
def rule(env, v6, *words):
    ip = ["ip", "-6" if v6 else "-4", "rule"]
    env.server.run([*ip, "add", *words])
    yield
    env.server.run([*ip, "del", *words])


@net_test
def test_unknown_rules(env):
    """What they look at is not known of a SYN-ACK: said, and not followed."""
    on_link(env, False, "advmss", "1200")
    with serving(env):
        same(env, "before", False, {"mss": 1200})
        with rule(env, False, "fwmark", "99", "lookup", "77"), \
                Peer(env) as peer:
            wait_for(lambda: synack(peer, 80)["mss"] == 1460, 2,
                     "the interface's MSS")
            said = "metrics of routes such as advmss are not followed"
            out = env.synkeeper("check", env.server.iface, check=False)
            assert said in out.stdout, \
                f"check: expected {said!r} in {out.stdout}"
        same(env, "without the rule", False, {"mss": 1200})


@net_test
def test_policy_rules(env):
    """Each kind that can be followed; table 77 has another MSS than main."""
    with serving(env):
        for v6 in (False, True):
            on_link(env, v6, "advmss", "1300", "hoplimit", "9")
            route(env, v6, NETS[v6], "advmss", "1200", "table", "77")
            own = env.server.ip6 if v6 else env.server.ip4
            all_own = "2001:db8::/48" if v6 else "192.0.0.0/16"
            other = "2001:db8:ffff::1" if v6 else "198.51.100.1"
            for words, mss in (
                    (["from", own], 1200),
                    (["from", all_own], 1200),
                    (["from", other], 1300),
                    (["to", NETS[v6]], 1200),
                    (["to", other], 1300),
                    (["ipproto", "tcp"], 1200),
                    (["ipproto", "udp"], 1300),
                    (["sport", "80-81"], 1200),
                    (["sport", "82-90"], 1300),
                    (["iif", "lo"], 1200),
                    (["iif", env.server.iface], 1300)):
                with rule(env, v6, *words, "lookup", "77"):
                    same(env, " ".join(words), v6, {"mss": mss})
            plen = NETS[v6].split("/")[1]
            with rule(env, v6, "lookup", "77", "suppress_prefixlength", plen):
                same(env, "suppressed", v6, {"mss": 1300})
            with rule(env, v6, "lookup", "77"):
                env.server.ip("-6" if v6 else "-4", "route", "add", "throw",
                              WITHIN[v6], "table", "77")
                # of IPv6's, bpf_fib_lookup() says only that there is no route
                same(env, "a throw route", v6, {"mss": 1300},
                     by="routed_syn" if v6 else "answered")
                env.server.ip("-6" if v6 else "-4", "route", "flush", "table",
                              "77")
                same(env, "an empty table", v6, {"mss": 1300})
            same(env, "no rules", v6, {"mss": 1300})
