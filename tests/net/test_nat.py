# SPDX-License-Identifier: GPL-2.0-only
"""NAT on the host, by somebody who knows nothing of Synkeeper (Docker, say).

Theory of operation: wherever NAT is in use it takes an assigned socket from a
new connection's first packet, and the kernel forgets whom tc admitted. Nobody
has asked `synkeeper check` here: the daemon has to find out by itself, from the
first clients, and then do what works. Clients are few, as after a restart at
night; later ones must all be served.
"""
import contextlib

from books import counted, protect, reasons, service, wait_armed
from goodclients import get_once
from namespace import wait_for
from nettest import net_test
from scapytools import LINUX, Peer
from sockets import connect

FIRST = 10  # clients by which it must have found out


def nat(env, *chains):
    env.server.run(["nft", "-f", "-"], input="table ip n {\n" + "\n".join(
        f"chain c{i} {{ {c} }}" for i, c in enumerate(chains)) + "\n}\n")


IN_USE = 'type nat hook postrouting priority 100; oifname "lo" masquerade;'
REDIRECT = "type nat hook prerouting priority -100; " \
    "tcp dport 80 redirect to :8080;"


def first_clients(env, found):
    """Until the condition holds; these may fail."""
    for _ in range(FIRST):
        with contextlib.suppress(AssertionError):
            get_once(env, timeout=0.3)
        if found():
            return
    wait_for(found, 2, f"the daemon to find NAT by {FIRST} clients: "
             f"{service(env, '*:80')}, {reasons(env)}")


def all_served(env, what, n=20):
    for i in range(n):
        try:
            get_once(env)
        except AssertionError as e:
            raise AssertionError(f"{what}: client {i} failed: {e}; "
                                 f"{service(env, '*:80')}") from e


@net_test
def test_no_client_got_through_nat(env):
    """NAT in use: the kernel's own cookies need no socket to be assigned."""
    env.nginx()
    nat(env, IN_USE)
    protect(env)
    first_clients(env, lambda: service(env, "*:80")["cookies"] == "kernel")
    row = service(env, "*:80")
    assert row["armed"] and "NAT" in row["cookies_why"], \
        f"expected an armed service and NAT as the reason, got {row}"
    with counted(env, "after NAT was found", kernel_cookie=20, admitted=0,
                 rst_withheld=0):
        all_served(env, "NAT in use")


@net_test
def test_clients_in_flight_disarmed_it(env):
    """A crowd has cookies of our own when NAT is found out. That those are not
    honoured says nothing of the kernel's."""
    env.nginx()
    nat(env, IN_USE)
    protect(env)
    with contextlib.ExitStack() as crowd:
        clients = [crowd.enter_context(connect(env)) for _ in range(20)]
        for c in clients:
            with contextlib.suppress(ConnectionResetError):
                c.sendall(b"GET /1k HTTP/1.0\r\n\r\n")
        for c in clients:
            with contextlib.suppress(ConnectionResetError):
                c.recv(1)
    row = service(env, "*:80")
    assert row["armed"] and row["cookies"] == "kernel", \
        f"after a crowd in flight: expected the kernel's cookies, got {row}"
    all_served(env, "after a crowd in flight")


@net_test
def test_no_client_got_to_what_is_elsewhere(env):
    """The port is redirected, though somebody listens on it here as well, as
    Docker's proxy does: no cookie made here is honoured there."""
    env.nginx()
    env.nginx(port=8080)
    nat(env, IN_USE, REDIRECT)
    protect(env)
    first_clients(env, lambda: not service(env, "*:80")["armed"])
    row = service(env, "*:80")
    assert "NAT" in row["why"], f"expected NAT as the reason, got {row}"
    with counted(env, "after the redirection was found", answered=0):
        all_served(env, "redirected")


@net_test
def test_strangers_disarmed_a_service(env):
    """Who connects, resets, and sends on is a stray to the kernel, as who is
    behind NAT; whatever he does, a service that serves others stays armed."""
    env.nginx()
    for cookies in ("auto", "kernel"):
        daemon = env.synkeeperd(
            "-c", env.configure("[service web]\nlisten = *:80\n"
                                f"cookies = {cookies}\n"), services=())
        wait_armed(env)
        had = service(env, "*:80")["cookies"]
        get_once(env)
        with Peer(env) as peer:
            for _ in range(6):
                flow = peer.flow()
                flow.open(LINUX)
                flow.send("R")
                flow.seq += 1460
                flow.send("PA", b"x")
                with contextlib.suppress(AssertionError):
                    flow.recv("the kernel's RST", "R", timeout=0.3)
        all_served(env, f"cookies = {cookies}, after six strangers", 3)
        row = service(env, "*:80")
        assert row["armed"] and row["cookies"] == had, \
            f"cookies = {cookies}, after six strangers: expected {had}, got " \
            f"{row}"
        daemon.stop()
        env.synkeeper("down")


@net_test
def test_nat_is_forgotten_at_reload(env):
    """Who has taken NAT off the port says so with a reload."""
    env.nginx()
    nat(env, IN_USE)
    env.synkeeperd("-c", env.configure("[service web]\nlisten = *:80\n"),
                   services=())
    wait_armed(env)
    first_clients(env, lambda: service(env, "*:80")["cookies"] == "kernel")
    env.server.run(["nft", "flush", "ruleset"])
    env.synkeeper("reload")
    wait_for(lambda: service(env, "*:80")["cookies"] == "own", 2,
             "cookies of its own after a reload")
    all_served(env, "without NAT")
