# SPDX-License-Identifier: GPL-2.0-only
"""Native and skb mode, each from the SYN to the last byte.

Theory of operation: the daemon reports in which mode it attached, and why; in
either mode clients connect on both families, move megabytes both ways, and keep
the options that they requested.
"""
import re
import socket

import attached
from backend import ADMITTED, OWN_COOKIES
from goodclients import GoodClients, Held, connect, get_once
from nettest import net_test


def iface(env):
    return env.json("status")["interfaces"][0]


def options(env, v6):
    """The options of a connection, as the server's kernel has them."""
    held = Held(env, v6=v6)
    port = held.socket.getsockname()[1]
    info = env.server.ss("-tnio", f"dport = :{port}")[0]["info"]
    held.socket.close()
    return info


def upload(env, v6):
    """5 MB from the client; the server replies with the number."""
    size = 5 << 20
    with env.server.inside():
        listener = socket.socket(socket.AF_INET6)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("::", 81))
        listener.listen()
    with listener:
        answered = env.json("status")["total"].get("answered", 0)
        env.synkeeper("service", "add", "*:81")
        client = connect(env, 81, v6)
        server, _ = listener.accept()
        with client, server:
            client.settimeout(20)
            server.settimeout(20)
            got = 0
            block = bytes(1 << 16)
            for _ in range(size // len(block)):
                client.sendall(block)
                want = got + len(block)
                while got < want:
                    piece = server.recv(1 << 20)
                    assert piece, f"the upload ended after {got} bytes"
                    got += len(piece)
        now = env.json("status")["total"].get("answered", 0)
        assert now == answered + 1, \
            f"{now - answered} SYNs of the upload were answered, not one"
    env.synkeeper("service", "del", "*:81")


def start(env, mode):
    """With kernel cookies options survive if tcp_timestamps is 2."""
    if not OWN_COOKIES:
        env.server.sysctl("net.ipv4.tcp_timestamps", 2)
    env.nginx()
    env.synkeeperd("-m", mode)


def whole_way(env):
    for v6 in (False, True):
        get_once(env, v6=v6)
        env.fetch("10m", v6=v6)
        info = options(env, v6)
        for word in ("ts ", "sack ", "wscale:", f" mss:{1428 if v6 else 1448}"):
            assert word in info, \
                f"IPv{6 if v6 else 4}: no {word} in ss: {info}"
        upload(env, v6)
    with GoodClients(env) as good:
        good.wait_more(50)
    packets = env.json("status")["total"]
    assert packets[ADMITTED] >= 50, f"counted: {packets}"


@net_test
def test_container_behind_a_plain_veth_got_no_answer(env):
    """No program runs at the other end: a veth then drops, or keeps in its
    ring, what XDP sends in native mode."""
    env.xdp(env.client, None)
    start(env, "auto")
    got = iface(env)
    assert got["mode"] == "skb" and "veth" in got["why"], \
        f"status shows {got}"
    assert attached.xdp(env.server) == ("synkeeper_xdp", "skb")
    whole_way(env)


@net_test
def test_native_mode_left_on_a_veth_went_unsaid(env):
    """By an instance from before auto took skb mode there."""
    env.nginx()
    env.synkeeperd("-m", "native").stop()
    said = env.synkeeperd("-m", "auto").output()
    assert "stays in native mode" in said, f"the daemon says {said}"


@net_test
def test_native_on_a_veth_is_warned_of(env):
    start(env, "native")
    p = env.synkeeper("check", env.server.iface, check=False)
    assert "veth peer" in p.stdout and "only if the peer has" in p.stdout, \
        f"check says {p.stdout}"


@net_test
def test_native(env):
    start(env, "native")
    got = iface(env)
    assert got["mode"] == "native" and got["why"] == "mode = native", \
        f"status shows {got}"
    whole_way(env)


@net_test
def test_skb(env):
    start(env, "skb")
    got = iface(env)
    assert got["mode"] == "skb" and got["why"] == "mode = skb", \
        f"status shows {got}"
    assert attached.xdp(env.server) == ("synkeeper_xdp", "skb")
    whole_way(env)


@net_test
def test_skb_file(env):
    """The same from the file; the flag overrides it."""
    env.nginx()
    conf = f"{env.dir}/skb.conf"
    with open(conf, "w", encoding="utf-8") as f:
        f.write("[daemon]\nmode = skb\n")
    first = env.synkeeperd("-c", conf, "--on-exit", "detach", any_mode=True)
    assert iface(env)["mode"] == "skb", f"status shows {iface(env)}"
    first.stop()
    env.synkeeperd("-c", conf, "-m", "native")
    assert iface(env)["mode"] == "native", f"status shows {iface(env)}"
    get_once(env)


@net_test
def test_large_mtu(env):
    """Nearly a page: for more, a veth requires a fragment-aware peer. The
    cookie rounds the MSS down, and never below that of Ethernet."""
    for ns in (env.client, env.server):
        ns.ip("link", "set", ns.iface, "mtu", "3500")
    env.nginx()
    env.synkeeperd()
    env.fetch("10m")
    info = options(env, False)
    mss = int(re.search(r" mss:(\d+)", info).group(1))
    assert 1448 <= mss <= 3448, f"MTU 3500: ss shows {info}"


@net_test
def test_mode_change_at_restart(env):
    """A kept native attachment and a new start that requests skb: it works in
    one of the modes, and status reports the right one."""
    env.nginx()
    env.synkeeperd("-m", "native").stop()
    held = Held(env)
    env.synkeeperd("-m", "skb")
    got = iface(env)
    really = attached.xdp(env.server)
    assert really and really[1] == got["mode"], \
        f"status shows {got}, attached is {really}"
    get_once(env)
    held.ask("after the restart")
