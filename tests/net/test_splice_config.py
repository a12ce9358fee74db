# SPDX-License-Identifier: GPL-2.0-only
"""Who owns the connections of a service: configured, or found out.

Theory of operation: `service list` says which and why, and clients show whether
it is true. With `owner = auto` the host's own view decides: whether it forwards,
what its rules do, and whether it has a listener.
"""
from nettest import net_test
from session_stats import counted, service, wait_armed
from splicebed import behind
from goodclients import get_once


def start(env, text):
    return env.synkeeperd("-c", env.configure(text), services=())


def expect_owner(env, listen, owner, why):
    row = service(env, listen)
    got = (row["owner"], row["owner_why"])
    assert got == (owner, why), f"{listen}: expected {(owner, why)}, got {got}"


@net_test
def test_auto_forwarded(env):
    with behind(env):
        env.nginx()
        listen = f"{env.server.ip4}:80"
        start(env, f"[service web]\nlisten = {listen}\n")
        wait_armed(env, listen)
        expect_owner(env, listen, "splice", "this host forwards to it")
        get_once(env)
        with counted(env, "a client of a server behind", spliced=1):
            get_once(env)


@net_test
def test_auto_published(env):
    with behind(env, "published"):
        env.nginx()
        start(env, "[service web]\nlisten = *:80\n")
        wait_armed(env, "*:80")
        expect_owner(env, "*:80", "splice", "NAT leads to another host")
        get_once(env)
        with counted(env, "a client of a published port", spliced=1):
            get_once(env)


@net_test
def test_auto_of_a_listener(env):
    """What this host has a socket for stays its kernel's."""
    env.host.sysctl("net.ipv4.ip_forward", 1)
    env.nginx()
    start(env, f"[service web]\nlisten = {env.server.ip4}:80\n")
    wait_armed(env, f"{env.server.ip4}:80")
    expect_owner(env, f"{env.server.ip4}:80", "socket", "")
    with counted(env, "a client of a listener", admitted=1):
        get_once(env)


@net_test
def test_socket_of_a_forwarded_address(env):
    """Told so, nothing is spliced: there is no listener."""
    with behind(env):
        env.nginx()
        listen = f"{env.server.ip4}:80"
        start(env, f"[service web]\nlisten = {listen}\nowner = socket\n")
        expect_owner(env, listen, "socket", "")
        row = service(env, listen)
        assert not row["armed"] and row["why"], f"expected it not to be " \
            f"armed, and why: {row}"
        get_once(env)


@net_test
def test_changed_by_a_reload(env):
    """A local listener is spliced, and is not any more."""
    with behind(env, "local"):
        env.nginx()
        start(env, "[service web]\nlisten = *:80\nowner = splice\n")
        wait_armed(env, "*:80")
        expect_owner(env, "*:80", "splice", "as configured")
        get_once(env)
        with counted(env, "spliced", spliced=1):
            get_once(env)
        env.configure("[service web]\nlisten = *:80\nowner = socket\n")
        env.synkeeper("reload")
        expect_owner(env, "*:80", "socket", "")
        with counted(env, "not spliced", admitted=1):
            get_once(env)


@net_test
def test_words(env):
    """What bad input gets."""
    for text, want in (
            ("owner = kernel\n", "must be socket, splice or auto"),
            ("owner = splice\n[gateway]\nhold = 20000\n", "11680"),
            ("owner = splice\n[gateway]\nconnections = 0\n", "64")):
        path = env.configure(f"[service web]\nlisten = *:80\n{text}")
        p = env.synkeeperd("-c", path, services=(), wait=False)
        code = p.wait(5)
        assert code and want in p.output(), \
            f"{text!r}: expected a message with {want!r}, got {code}: " \
            f"{p.output()}"
