# SPDX-License-Identifier: GPL-2.0-only
"""Servers behind the host that runs the daemon, for tests of owner = splice.

Theory of operation: behind() puts a third namespace behind Env's server, which
becomes the host in between (env.host); env.server is then the one behind, so
that sockets, nginx and clients of a test are where they would be without a host
in between. The topology says how the host leads there:

	router		198.51.100.2 and 2001:db8:1::2 are routed
	published	the host's port 80 is translated to the server (DNAT), as
			container engines publish it
	masqueraded	... and the server sees the host's address as the client's
	bridge		the host has no address: the server is 192.0.2.2
	local		no third namespace: the host's own listener

On all of them conntrack is strict: what it takes for invalid is dropped and
counted, and a test that leaves the `with` must have caused none.
"""
import contextlib
import re

from namespace import Namespace, run, wait_for
from nettest import skip
from session_stats import counted, wait_armed
from goodclients import get_once
from sockets import listen, pair

OUTSIDE = "outside0"
SPLICED_PORT = 81  # of spliced_listener()
FAMILIES = ((False, "IPv4"), (True, "IPv6"))  # v6, as a message says it
INNER4, INNER6 = "198.51.100", "2001:db8:1::"
STRICT = """
table inet strict {{
	chain forward {{
		type filter hook {hook} priority filter
		meta l4proto tcp ct state invalid counter drop
		meta l4proto tcp ct state new,established,related accept
	}}
}}
"""
PUBLISH = """
table inet publish {{
	chain arriving {{
		type nat hook prerouting priority dstnat
		iifname {iface} tcp dport 80-89 meta nfproto ipv4 \
dnat ip to {inner4}.2
		iifname {iface} tcp dport 80-89 meta nfproto ipv6 \
dnat ip6 to {inner6}2
	}}
	{leaving}
}}
"""
MASQUERADE = """chain leaving {
		type nat hook postrouting priority srcnat
		oifname outside0 masquerade
	}"""


def _namespace(env, ip4, ip6):
    inside = Namespace(f"{env.name}-container", "inside0", env.dir, ip4, ip6,
                       "02:00:00:00:00:03")
    run(["ip", "netns", "add", inside.name])
    inside.run(["sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0",
                "net.ipv6.conf.default.router_solicitations=0"])
    env.host.run(["ip", "-batch", "-"], input=f"""
        link add {OUTSIDE} type veth peer {inside.iface} netns {inside.name}
        link set {OUTSIDE} up
    """)
    inside.run(["ip", "-batch", "-"], input=f"""
        link set {inside.iface} address {inside.mac}
        link set lo up
        link set {inside.iface} up
    """)
    return inside


def _route(env):
    inside = _namespace(env, f"{INNER4}.2", f"{INNER6}2")
    env.host.run(["ip", "-batch", "-"], input=f"""
        addr add {INNER4}.1/24 dev {OUTSIDE}
        addr add {INNER6}1/64 dev {OUTSIDE} nodad
    """)
    inside.run(["ip", "-batch", "-"], input=f"""
        addr add {INNER4}.2/24 dev {inside.iface}
        addr add {INNER6}2/64 dev {inside.iface} nodad
        route add default via {INNER4}.1
        route add ::/0 via {INNER6}1
    """)
    env.client.run(["ip", "-batch", "-"], input=f"""
        route add {INNER4}.0/24 via {env.host.ip4}
        route add {INNER6}/64 via {env.host.ip6}
    """)
    for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        env.host.sysctl(key, 1)
    return inside


def _publish(env, leaving=""):
    inside = _route(env)
    env.host.run(["nft", "-f", "-"], input=PUBLISH.format(
        iface=env.host.iface, inner4=INNER4, inner6=INNER6, leaving=leaving))
    # what clients connect to
    inside.ip4, inside.ip6 = env.host.ip4, env.host.ip6
    return inside


def _bridge(env):
    inside = _namespace(env, env.host.ip4, env.host.ip6)
    p = env.host.run(["ip", "link", "add", "br0", "type", "bridge"],
                     check=False)
    if p.returncode:
        skip(f"no bridge devices: {p.stderr.strip()}")
    for key in ("iptables", "ip6tables"):  # there if br_netfilter is
        env.host.run(["sysctl", "-qw",
                      f"net.bridge.bridge-nf-call-{key}=0"], check=False)
    env.host.run(["ip", "-batch", "-"], input=f"""
        addr flush dev {env.host.iface}
        link set {env.host.iface} master br0
        link set {OUTSIDE} master br0
        link set br0 up
    """)
    inside.run(["ip", "-batch", "-"], input=f"""
        addr add {inside.ip4}/24 dev {inside.iface}
        addr add {inside.ip6}/64 dev {inside.iface} nodad
        route add default via {env.client.ip4}
        route add ::/0 via {env.client.ip6}
    """)
    return inside


def _open(env, topology):
    if topology == "router":
        return _route(env)
    if topology == "published":
        return _publish(env)
    if topology == "masqueraded":
        return _publish(env, MASQUERADE)
    if topology == "bridge":
        return _bridge(env)
    assert topology == "local", topology
    return None


def invalid(env):
    """How many packets conntrack took for invalid and dropped."""
    rules = env.host.run(["nft", "list", "table", "inet", "strict"]).stdout
    return int(re.search(r"counter packets (\d+)", rules).group(1))


@contextlib.contextmanager
def behind(env, topology="router", strict=True):
    """env.server is behind env.host, as above, until the `with` ends."""
    inside = _open(env, topology)
    if topology == "bridge":
        strict = False  # no conntrack there
    if strict:
        env.host.run(["nft", "-f", "-"], input=STRICT.format(
            hook="input" if topology == "local" else "forward"))
    if inside:
        env.server = inside
    yield
    if strict:
        n = invalid(env)
        assert not n, f"{topology}: conntrack took {n} packets for invalid"


def splice(env, more="", ports=(80,), listen="*", policy="on", learn=True):
    """Starts synkeeperd for spliced services, and lets it learn what the server
    of port 80, which is nginx, offers. @more: configuration text."""
    sections = "".join(
        f"[service s{port}]\nlisten = {listen}:{port}\nowner = splice\n"
        f"policy = {policy}\n" for port in ports)
    daemon = env.synkeeperd("-c", env.configure(sections + more), services=())
    if policy == "on":
        for port in ports:
            wait_armed(env, f"{listen}:{port}")
    for v6 in (False, True) if learn else ():
        get_once(env, v6=v6)
    return daemon


def spliced(env, what, n=1, **more):
    """counted(): @n connections are spliced."""
    return counted(env, what, answered=n, spliced=n, splice_open=n, **more)


def totals(env):
    """{"opened", "alive", and each cause of an end: sessions}"""
    t = env.json("session", "totals")["total"]
    return {**t["ended"], "alive": sum(t["alive"].values()),
            "opened": t["opened"]}


@contextlib.contextmanager
def spliced_listener(env, more="", topology="router", **how):
    """A listener of SPLICED_PORT behind the host, of which one connection of
    each family has taught what it offers, and has ended. @more: configuration
    text. @how: as of sockets.listen()."""
    with behind(env, topology), listen(env, port=SPLICED_PORT,
                                       **how) as listener:
        splice(env, more, ports=(SPLICED_PORT,), learn=False)
        for v6, _ in FAMILIES:
            c, s = pair(env, listener, SPLICED_PORT, v6)
            c.close()
            s.close()
        wait_for(lambda: not totals(env)["alive"], 5, "the first two to end")
        yield listener
