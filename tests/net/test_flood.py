# SPDX-License-Identifier: GPL-2.0-only
"""Floods of every kind, as fast as one core sends, and good clients in them.

Theory of operation: see tests/lib/underflood.py for the conditions. The first
test shows the same flood against the bare kernel, and that they can fail. Other
kinds of packets: test_flood_kinds.py.
"""
import attached
from goodclients import GoodClients, Held
from namespace import wait_for
from netenv import last_json
from nettest import net_test
from underflood import ATTACKER, half_open, protected, seen_by_kernel


@net_test
def test_unprotected(env):
    """The bare kernel: the flood fills the queue and its counters."""
    env.nginx(backlog=128)
    env.xdp(env.server, "pass")
    kernel = env.server.nstat()
    flood = env.flood("syn", seconds=2)
    wait_for(lambda: half_open(env) > 50, 5,
             "half-open connections in the unprotected queue")
    assert flood.wait(10) == 0, flood.output()
    sent = last_json(flood)["sent"]
    seen = seen_by_kernel(kernel, env.server.nstat(), 0)
    assert sum(seen.values()) > sent / 10, \
        f"{sent} SYNs sent to an unprotected server, the kernel saw {seen}"


@net_test
def test_syn(env):
    protected(env, "syn", ["answered"])
    seen = env.client_seen()
    assert seen["spoofed_synack"] > 1000, f"the answers went astray: {seen}"


@net_test
def test_syn_v6(env):
    protected(env, "syn", ["answered"], v6=True)


@net_test
def test_syn_one_source(env):
    protected(env, "syn", ["answered"], src=ATTACKER)


@net_test
def test_ack(env):
    protected(env, "ack", ["bad_cookie", "expired_cookie"])


@net_test
def test_ack_v6(env):
    protected(env, "ack", ["bad_cookie", "expired_cookie"], v6=True)


@net_test
def test_ack_one_source(env):
    protected(env, "ack", ["bad_cookie", "expired_cookie"], src=ATTACKER)


@net_test
def test_rst(env):
    protected(env, "rst", ["stray_rst"])


@net_test
def test_fin(env):
    """A FIN without ACK belongs to no connection."""
    protected(env, "fin", ["bad_flags", "bad_cookie"])


@net_test
def test_synack(env):
    protected(env, "synack", ["bad_flags"])


@net_test
def test_xmas(env):
    protected(env, "xmas", ["bad_flags"])


@net_test
def test_none(env):
    protected(env, "none", ["bad_flags"])


@net_test
def test_mixed(env):
    protected(env, "mixed", ["answered", "bad_cookie", "expired_cookie",
                             "stray_rst", "bad_flags"])


@net_test
def test_mixed_v6(env):
    protected(env, "mixed", ["answered", "bad_cookie", "expired_cookie",
                             "stray_rst", "bad_flags"], v6=True)


@net_test
def test_syn_skb(env):
    """skb mode, too slow for full speed, in a slower flood."""
    protected(env, "slow syn", ["answered"], mode="skb")


@net_test
def test_syn_without_daemon(env):
    """The daemon has died: the pinned programs protect alone."""
    env.nginx()
    daemon = env.synkeeperd()
    held = Held(env)
    daemon.kill()
    answered = attached.reason_index("answered")

    def total():
        return sum(c[answered] for c in attached.map_cpus(env, "counters", 1))

    before = total()
    with GoodClients(env, threads=1) as good:
        flood = env.flood("syn", seconds=2)
        wait_for(lambda: total() - before > 1000, 10, "the flood to arrive")
        good.wait_more(5, "in a flood without a daemon")
        assert flood.wait(10) == 0, flood.output()
    held.ask("after a flood without a daemon")
    assert half_open(env) == 0, f"{half_open(env)} half-open connections"


@net_test
def test_restart_in_a_flood(env):
    """Killed and started again while the flood continues."""
    env.nginx()
    daemon = env.synkeeperd()
    held = Held(env)
    with GoodClients(env, threads=1) as good:
        flood = env.flood("mixed", seconds=20)
        for i in range(3):
            good.wait_more(3, f"in a flood, before restart {i}")
            daemon.kill()
            daemon = env.synkeeperd()
        good.wait_more(3, "in a flood, after the last restart")
        held.ask("in a flood, after the last restart")
        flood.stop()
    assert half_open(env) == 0, f"{half_open(env)} half-open connections"
