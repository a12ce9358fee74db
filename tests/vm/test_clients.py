# SPDX-License-Identifier: GPL-2.0-only
"""Real clients outside, servers in a guest, a real virtio-net NIC between.

Theory of operation: curl and sockets in a namespace of the test's own talk
through a tap to nginx and an echo server in the guest, which is protected on
its virtio-net device: native XDP with one queue (where XDP_TX shares it) and
with several, and skb mode. Every byte is compared.
"""
import contextlib

from namespace import wait_for
from netenv import ROOT, last_json
from sockets import connect
from vmclients import admitted, connect_often, echo_through
from vmenv import ECHO_PORT, vm_test

CLIENTS = 100
FLOOD_S = 5
FLOOD_RATE = 5000


def flood(env):
    return env.client.start(
        ["python3", f"{ROOT}/tests/lib/rawflood.py", env.client.iface,
         env.client.mac, env.server.mac, env.server.ip4, 80, FLOOD_S,
         FLOOD_RATE], name="rawflood")


def protect_and_serve(env, mode):
    env.nginx()
    env.echo()
    connect_often(env, "before Synkeeper", 3)
    with contextlib.closing(connect(env, ECHO_PORT)) as older:
        env.synkeeperd("-m", mode)
        got = env.json("status")["interfaces"][0]
        assert got["mode"] == mode, f"eth0: expected {mode} mode, got {got}"
        echo_through(older, "a connection older than Synkeeper")
    admitted(env, CLIENTS, "protected")
    for v6 in (False, True):
        env.fetch("4m", v6)
        with contextlib.closing(connect(env, ECHO_PORT, v6)) as c:
            echo_through(c, f"IPv{6 if v6 else 4}")
    with contextlib.closing(connect(env, ECHO_PORT)) as held:
        answered = env.count("answered")
        p = flood(env)
        admitted(env, 10, "in a SYN flood")
        p.wait(60)
        sent = last_json(p)["sent"]
        # a tap drops what the guest does not read in time
        wait_for(lambda: env.count("answered") > answered + 1000, 10,
                 f"more than 1000 answers to {sent} SYNs of a flood")
        echo_through(held, "after a flood")
        env.synkeeper("down")
        connect_often(env, "after synkeeper down", 3)
        env.synkeeperd("-m", mode)
        admitted(env, 3, "attached again")
        echo_through(held, "a connection that saw it all")
    bad = {k: n for k, n in env.json("stats")["total"].items()
           if n and k in ("bad_cookie", "refused", "stale_socket")}
    assert not bad, f"expected no good packet dropped, got {bad}"


@vm_test("6.1")
def test_native_6_1(env):
    protect_and_serve(env, "native")


@vm_test("6.1", queues=2, cpus=2, only_by="make vmcheck")
def test_queues_6_1(env):
    protect_and_serve(env, "native")


@vm_test("6.1", only_by="make vmcheck")
def test_skb_6_1(env):
    protect_and_serve(env, "skb")


@vm_test("6.12", only_by="make vmcheck")
def test_native_6_12(env):
    protect_and_serve(env, "native")


@vm_test("6.12", queues=2, cpus=2, only_by="make vmcheck")
def test_queues_6_12(env):
    protect_and_serve(env, "native")


@vm_test("6.12", only_by="make vmcheck")
def test_skb_6_12(env):
    protect_and_serve(env, "skb")
