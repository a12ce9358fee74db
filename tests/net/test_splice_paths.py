# SPDX-License-Identifier: GPL-2.0-only
"""Spliced connections in every topology: requests, banners, megabytes.

Theory of operation: each test runs in one topology of splicebed.py, over both
families. The first connection of a family teaches what the server offers; from
then on every one must be answered with a cookie and spliced, and each byte is
compared. conntrack between the two sides is strict.
"""
from nettest import net_test
from session_stats import sessions
from sockets import Server, banner, connect, listen, move, pair, receive
from splicebed import FAMILIES, behind, splice, spliced

MEGABYTES = 10 << 20


def fetch_all(env, topology):
    with behind(env, topology):
        env.nginx()
        splice(env)
        for v6, name in FAMILIES:
            with spliced(env, f"{topology}, /10m, {name}"):
                env.fetch("10m", v6=v6)


@net_test
def test_router(env):
    fetch_all(env, "router")


@net_test
def test_published(env):
    fetch_all(env, "published")


@net_test
def test_masqueraded(env):
    fetch_all(env, "masqueraded")


@net_test
def test_bridge(env):
    fetch_all(env, "bridge")


@net_test
def test_local(env):
    fetch_all(env, "local")


def move_all(env, topology):
    """10 MB both ways at once."""
    with behind(env, topology), listen(env, port=81) as listener:
        env.nginx()
        splice(env, ports=(80, 81))
        for v6, name in FAMILIES:
            pair(env, listener, 81, v6)  # is learned from
            with spliced(env, f"{topology}, both ways, {name}"):
                c, s = pair(env, listener, 81, v6)
            with c, s:
                move(c, s, MEGABYTES)


@net_test
def test_both_ways_router(env):
    move_all(env, "router")


@net_test
def test_both_ways_masqueraded(env):
    move_all(env, "masqueraded")


@net_test
def test_both_ways_bridge(env):
    move_all(env, "bridge")


@net_test
def test_both_ways_local(env):
    move_all(env, "local")


@net_test
def test_banner(env):
    """The server speaks first, as SSH and mail servers do."""
    text = b"SSH-2.0-test\r\n"
    with behind(env):
        env.nginx()
        Server(listen(env, port=81), banner(text))
        splice(env, ports=(80, 81))
        for v6, name in FAMILIES:
            connect(env, 81, v6).close()
            with spliced(env, f"a banner, {name}"), \
                    connect(env, 81, v6) as c:
                got = receive(c, len(text))
                assert got == text, f"{name}: expected the banner " \
                    f"{text!r}, got {got!r}"


@net_test
def test_unknown_server(env):
    """The first client of a server is not spliced, and served."""
    with behind(env):
        env.nginx()
        splice(env, learn=False)
        env.fetch("1k")
        rows = sessions(env)
        assert len(rows) == 1, f"expected the session of the first client, " \
            f"got {rows}"
