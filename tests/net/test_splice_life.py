# SPDX-License-Identifier: GPL-2.0-only
"""Spliced connections while the daemon comes and goes, and in floods.

Theory of operation: transfers run all the time, every byte compared. The
programs and their maps do the work, so a daemon that was killed, restarted or
told to reload must not be missed; and a flood, of SYNs or of ACKs, must not
reach the server.
"""
import contextlib

from goodclients import GoodClients
from nettest import net_test
from session_stats import reasons, sessions
from sockets import Server, connect, echo, listen
from splicebed import behind, splice
from transfers import Transfers

N = 40


@contextlib.contextmanager
def transfers(env, strict=True):
    with behind(env, strict=strict):
        env.nginx()
        Server(listen(env, port=81), echo)
        daemon = splice(env, ports=(80, 81))
        for v6 in (False, True):
            connect(env, 81, v6).close()
        with Transfers(env, N, port=81) as t:
            t.go_on("at first")
            n = sum(row["state"] == "established" for row in sessions(env))
            assert n == N, f"expected {N} established sessions, got {n}"
            yield daemon, t


def again(env):
    return env.synkeeperd("-c", f"{env.dir}/synkeeper.conf", services=())


@net_test
def test_restarted(env):
    with transfers(env) as (daemon, t):
        daemon.stop()
        t.go_on("without a daemon")
        env.fetch("1k")
        again(env)
        t.go_on("with the next one")
        env.fetch("1k")


@net_test
def test_killed_and_restarted(env):
    with transfers(env) as (daemon, t):
        daemon.kill()
        t.go_on("without a daemon")
        again(env)
        t.go_on("with the next one")


@net_test
def test_reloaded(env):
    with transfers(env) as (_, t):
        env.configure("[service s80]\nlisten = *:80\nowner = splice\n"
                      "[service s81]\nlisten = *:81\nowner = splice\n"
                      "policy = auto\n")
        env.synkeeper("reload")
        t.go_on("after the reload")


@net_test
def test_service_deleted(env):
    """Its connections continue."""
    with transfers(env) as (_, t):
        env.synkeeper("service", "del", "*:81")
        t.go_on("after the service was deleted")


@net_test
def test_down_is_refused(env):
    with transfers(env, strict=False) as (_, t):
        p = env.synkeeper("down", check=False)
        assert p.returncode == 1 and f"{N} spliced connections" in p.stderr \
            and "--force" in p.stderr, f"expected a refusal that names {N} " \
            f"connections, got {p.returncode}: {p.stdout}{p.stderr}"
        t.go_on("after the refusal")
        env.synkeeper("down", "--force")


@net_test
def test_floods(env):
    """Good clients beside SYNs and ACKs; the server gets none of them."""
    with behind(env, strict=False):  # some of the flood may pass
        env.nginx()
        splice(env)
        for kind in ("syn", "ack", "mixed"):
            before = syns(env)
            with GoodClients(env):
                env.flood(kind, 3, rate=50000).wait()
            passed = syns(env) - before
            clients = reasons(env).get("spliced", 0)
            assert passed <= clients + 100, f"flood of {kind}: {passed} SYNs " \
                f"reached the server, of {clients} clients"


def syns(env):
    """How many SYNs the server's kernel has taken."""
    out = env.server.run(["nstat", "-azj", "TcpPassiveOpens",
                          "TcpExtSyncookiesSent"]).stdout
    return sum(int(word) for word in out.replace("}", ",").split(",")
               if word.strip().isdigit())
