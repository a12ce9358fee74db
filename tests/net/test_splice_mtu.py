# SPDX-License-Identifier: GPL-2.0-only
"""Path MTU discovery through a spliced connection.

Theory of operation: clients are behind a narrow link that neither they nor the
server know of: the client's end announces a full-sized MSS, and the router in
front of the link answers full-sized packets with an ICMP error. It quotes a
sequence number that only the client's side knows; a server that does not
recognise it goes on sending the same packet for minutes.
"""
import contextlib
import filecmp

from namespace import Namespace, run
from nettest import net_test
from session_stats import counted
from splicebed import behind, splice

NARROW = 1300
NETS = {False: "203.0.113.", True: "2001:db8:2::"}


@contextlib.contextmanager
def far_clients(env):
    """A namespace behind env.client, which routes to it over a narrow link."""
    far = Namespace(f"{env.name}-server-spare", "far0", env.dir,
                    NETS[False] + "2", NETS[True] + "2", "02:00:00:00:00:09")
    run(["ip", "netns", "add", far.name])
    env.client.run(["ip", "-batch", "-"], input=f"""
        link add near0 type veth peer far0 netns {far.name}
        addr add {NETS[False]}1/24 dev near0
        addr add {NETS[True]}1/64 dev near0 nodad
        link set near0 mtu {NARROW} up
    """)
    far.run(["ip", "-batch", "-"], input=f"""
        addr add {far.ip4}/24 dev far0
        addr add {far.ip6}/64 dev far0 nodad
        link set lo up
        link set far0 up
        route add default via {NETS[False]}1 advmss 1460
        route add ::/0 via {NETS[True]}1 advmss 1440
    """)
    for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        env.client.sysctl(key, 1)
    env.xdp(env.client, "pass")  # the usual one drops what is not for it
    try:
        yield far
    finally:
        far.stop_all()


def download(env, far, v6):
    address = f"[{env.server.ip6}]" if v6 else env.server.ip4
    copy = f"{env.dir}/far-{v6}"
    far.run(["curl", "-sSgf", "-m", 15, "-o", copy, f"http://{address}/10m"])
    assert filecmp.cmp(copy, f"{env.dir}/www/10m", shallow=False), \
        f"/10m, IPv{6 if v6 else 4}: wrong bytes"


def too_big(env):
    """How many of the client's errors, packet too big, it has sent."""
    out = env.client.run(["nstat", "-az", "IcmpOutDestUnreachs",
                          "Icmp6OutPktTooBigs"]).stdout
    return sum(int(line.split()[1]) for line in out.splitlines()[1:])


@net_test
def test_narrow_path(env):
    with behind(env, strict=False), far_clients(env) as far:
        env.nginx()
        splice(env)
        for v6, name in ((False, "IPv4"), (True, "IPv6")):
            before = too_big(env)
            with counted(env, f"a download over a narrow path, {name}",
                         spliced=1):
                download(env, far, v6)
            assert too_big(env) > before, f"{name}: the path was not narrow"
