# SPDX-License-Identifier: GPL-2.0-only
"""The verbs of `synkeeper session`, on real connections.

Theory of operation: a listener and a few clients of both families, most of them
established, one half-closed. What a filter selects, a count says and a kill
ends is compared with the sockets that the test itself holds.
"""
import contextlib
import json
import re
import signal
import socket

from namespace import run, wait_for
from nettest import net_test
from session_stats import protect
from sockets import listen
from teardown import Watch, life, open_pair, stats_agree, wait_state

SERVER = {False: "192.0.2.2:80", True: "[2001:db8::2]:80"}
STATES = ("opening", "pending", "established", "half-closed-client",
          "half-closed-server", "closing", "time-wait")


@contextlib.contextmanager
def clients(env, v4=3, v6=2):
    """{client: (its socket, the server's)}; the first IPv4 one has sent its
    FIN."""
    with listen(env) as listener:
        protect(env)
        held = {}
        for six in [False] * v4 + [True] * v6:
            c, s, client = open_pair(env, listener, six)
            held[client] = (c, s)
        first = next(iter(held))
        held[first][0].shutdown(socket.SHUT_WR)
        wait_state(env, first, "half-closed-client", "shutdown()")
        yield held


def listed(env, *words):
    return [row["client"] for row in env.json("session", "list", *words)]


def refused(env, code, words, *args):
    """Fails with one line that has the words, and prints nothing."""
    p = env.synkeeper(*args, check=False)
    assert p.returncode == code and not p.stdout and \
        p.stderr.count("\n") == 1 and all(w in p.stderr for w in words), \
        f"{args}: expected exit code {code} and a line with {words}, got " \
        f"{p.returncode}, {p.stdout!r}, {p.stderr!r}"


@net_test
def test_list_filters(env):
    with clients(env) as held:
        v4 = {c for c in held if not c.startswith("[")}
        first = next(iter(held))
        port = first.rpartition(":")[2]
        for want, *words in (
                (set(held), ),
                (v4, "src", "192.0.2.0/24"),
                (v4, "src", "0.0.0.0/0"),
                (set(held) - v4, "src", "::/0"),
                (set(held) - v4, "dst", "2001:db8::2"),
                (set(), "src", "198.51.100.0/24"),
                ({first}, "src", "192.0.2.0/24", "sport", port),
                (set(held), "dport", "80"),
                (set(), "dport", "81-65535"),
                ({first}, "state", "half-closed"),
                (set(held) - {first}, "state", "established"),
                (set(held), "state", "live"),
                (set(held), "age", "0s-1h"),
                (set(), "age", "1h"),
                (set(), "idle", "1h"),
                (set(held), "service", "*:80")):
            got = listed(env, *words)
            assert sorted(got) == sorted(want), \
                f"list {words}: expected {sorted(want)}, got {sorted(got)}"
            n = env.json("session", "list", "--count", *words)
            assert list(n) == [*STATES, "total"] and \
                n["total"] == len(want) == sum(n[s] for s in STATES), \
                f"list --count {words}: expected {len(want)}, got {n}"
        counts = env.json("session", "list", "--count")
        assert counts["half-closed-client"] == 1 and \
            counts["established"] == len(held) - 1, counts
        text = env.synkeeper("session", "list", "--count").stdout
        got = dict(line.split() for line in text.splitlines())
        assert got == {k: str(n) for k, n in counts.items()}, text
        stats_agree(env, "after lists")


@net_test
def test_sessions_of_an_unknown_service_were_an_empty_table(env):
    """It is an error, which names those that exist."""
    with clients(env) as held:
        for words in (("list",), ("list", "--count"), ("list", "--sort", "age"),
                      ("kill",), ("kill", "--dry-run"), ("watch",)):
            for name in ("nosuch", "*:81"):
                refused(env, 1, [f"{name} is not a service", "there are *:80"],
                        "session", *words, "service", name)
        refused(env, 1, ["*:81 is not a service", "there are *:80"], "session",
                "totals", "*:81")
        refused(env, 1, ["*:81 is not a service", "there are *:80"], "stats",
                "--service", "*:81")
        assert sorted(listed(env)) == sorted(held), "something was killed"


@net_test
def test_show_looked_for_the_socket_in_the_wrong_namespace(env):
    """It asks the daemon; without one it says where it looked."""
    with clients(env) as held:
        args = ("session", "show", list(held)[-1], SERVER[True])
        elsewhere = [*env.synkeeper_command(), "-j", *args]
        got = json.loads(env.client.run(elsewhere).stdout)
        assert got["socket"] == "ESTAB" and got["socket_by"] == "daemon", got
        run(["kill", "-KILL", str(env.json("status")["pid"])])
        elsewhere.remove("-j")
        text = env.client.run(elsewhere).stdout
        assert re.search("^socket +none in this network namespace "
                         r"\(no daemon", text, re.M), text
        text = env.synkeeper(*args).stdout
        assert re.search("^socket +ESTAB$", text, re.M), text


@net_test
def test_list_sorted(env):
    with clients(env) as held:
        order = list(held)
        got = listed(env, "--sort", "client")
        assert len(got) == len(held) and \
            [c.startswith("[") for c in got] == [False] * 3 + [True] * 2, \
            f"--sort client: expected IPv4 first, got {got}"
        p = env.synkeeper("-j", "session", "list", "--sort", "state",
                          "--limit", "2")
        assert order[0] not in p.stdout and \
            p.stderr == "synkeeper: session: showing 2 of 5: raise --limit\n", \
            f"--sort state --limit 2: {p}"
        rows = env.json("session", "list", "--sort", "age")
        ages = [row["age_s"] for row in rows]
        assert ages == sorted(ages, reverse=True), f"--sort age: {ages}"
        got = listed(env, "--limit", "2")
        assert len(got) == 2, f"--limit 2: {got}"


@net_test
def test_show(env):
    with clients(env) as held:
        first, last = list(held)[0], list(held)[-1]
        got = env.json("session", "show", last, SERVER[True])
        assert got["client"] == last and got["server"] == SERVER[True] and \
            got["state"] == "established" and got["socket"] == "ESTAB" and \
            "client_fin_acked_by" not in got, got
        got = env.json("session", "show", first, SERVER[False])
        assert got["state"] == "half-closed-client" and \
            got["socket"] == "CLOSE-WAIT" and got["client_fin_acked_by"] and \
            "server_fin_acked_by" not in got, got
        text = env.synkeeper("session", "show", first, SERVER[False]).stdout
        names = [line[:12].strip() for line in text.splitlines()]
        assert names == ["client", "server", "service", "name", "state",
                         "age", "idle", "client FIN", "socket"], text
        assert f"acknowledged by {got['client_fin_acked_by']}\n" in text, text
        refused(env, 1, ["no session", first, "192.0.2.2:81", "list"],
                "session", "show", first, "192.0.2.2:81")
        refused(env, 1, ["no session", "other direction"],
                "session", "show", SERVER[False], first)
        refused(env, 2, ["'*:80'"], "session", "show", first, "*:80")
        refused(env, 2, ["family"], "session", "show", first, SERVER[True])


@net_test
def test_kill(env):
    """What matches gets RST, what does not survives."""
    with clients(env) as held:
        for words, *args in (
                (["--all"], ),
                (["--all"], "--dry-run"),
                (["exclude"], "--all", "dport", "80"),
                (["--all"], "age", "0s"),
                (["src", "192.0.2.0/24"], "src", "192.0.2.1/24"),
                (["filters are"], "192.0.2.1")):
            refused(env, 2, words, "session", "kill", *args)
        refused(env, 1, ["no session matches"], "session", "kill", "dport",
                "81")
        before = sorted(listed(env))
        assert before == sorted(held), f"something was killed: {before}"

        got = env.json("session", "kill", "src", "::/0", "--dry-run")
        assert got == {"matched": 2, "killed": 0, "pending": 0,
                       "dry_run": True}, got
        text = env.synkeeper("session", "kill", "src", "::/0",
                             "--dry-run").stdout
        assert text == "would kill 2 sessions\n", text
        assert sorted(listed(env)) == before, "--dry-run killed"

        watch = Watch(env)
        with life(env, "kill src ::/0", opened=0, killed=2):
            text = env.synkeeper("session", "kill", "src", "::/0").stdout
            assert text == "killed 2 sessions\n", text
        for client, (c, s) in held.items():
            if client.startswith("["):
                with contextlib.suppress(ConnectionResetError):
                    got = c.recv(1)
                    raise AssertionError(f"{client}: expected RST, got {got!r}")
                watch.expect(client, "killed")
            else:
                s.sendall(b"alive")
                got = c.recv(5)
                assert got == b"alive", f"{client}: expected data, got {got!r}"
        with life(env, "kill --all", opened=0, killed=3):
            got = env.json("session", "kill", "--all")
            assert got == {"matched": 3, "killed": 3, "pending": 0,
                           "dry_run": False}, got
        refused(env, 1, ["no session matches"], "session", "kill", "--all")


@net_test
def test_watch_text(env):
    """One line each; exit code 0 on SIGINT and when its reader is gone."""
    with listen(env) as listener:
        protect(env)
        Watch(env)
        p = env.server.start([*env.synkeeper_command(), "session", "watch",
                              "dport", "80"], name="watch-text")
        other = env.server.start([*env.synkeeper_command(), "session",
                                  "watch", "dport", "81"], name="watch-81")

        def seen():
            c, s, client = open_pair(env, listener)
            c.close()
            s.close()
            return client in p.output()

        wait_for(seen, 10, "a line of `session watch`")
        wait_for(lambda: "closed" in p.output().split(), 5, "its end")
        line = re.compile(
            r"\d\d:\d\d:\d\d\.\d{3}  (admitted|established|half-closed by "
            r"(client|server)|closing|closed) +192\.0\.2\.1:\d+ > "
            r"192\.0\.2\.2:80  +-  +\d+\.\d\ds")
        for got in p.output().splitlines():
            assert line.fullmatch(got), f"session watch: a line {got!r}"
        for sig in (signal.SIGINT, signal.SIGTERM):
            p.signal(sig)
            code = p.wait(5)
            assert code == 0, f"session watch: exit code {code} after {sig!r}"
            p = other
        assert not other.output(), \
            f"watch dport 81: expected nothing, got {other.output()}"


@net_test
def test_watch_ends(env):
    """With its reader, even if nothing more happens; with the daemon."""
    with listen(env) as listener:
        protect(env)
        command = " ".join(env.synkeeper_command())
        p = env.server.start(
            ["sh", "-c", f"{{ {command} session watch; echo $? >&2; }} | "
             "head -n 1"], name="watch-head")

        wait_for(lambda: open_pair(env, listener) and p.output(), 10,
                 "a line of `session watch`")
        p.wait(5)
        lines = p.output().splitlines()
        assert "0" in lines, f"session watch | head: {lines}"
        text = env.server.start([*env.synkeeper_command(), "session",
                                 "watch"], name="watch-down")
        wait_for(lambda: open_pair(env, listener) and text.output(), 10,
                 "a line of `session watch`")
        env.synkeeper("down")
        code = text.wait(10)
        assert code == 1 and "the daemon exited" in text.output(), \
            f"session watch when the daemon ends: {code}: {text.output()}"


@net_test
def test_totals(env):
    with clients(env) as held:
        for c, s in list(held.values())[:2]:
            c.close()
            s.close()
        wait_for(lambda: env.json("session", "totals")["total"]["ended"]
                 ["closed"] == 2, 5, "two sessions to be closed")
        got = env.json("session", "totals")
        one = env.json("session", "totals", "*:80")
        assert one["total"]["opened"] == got["total"]["opened"] == 5, got
        text = env.synkeeper("session", "totals").stdout
        head, web, total, *rest = [re.split("  +", line.strip())
                                   for line in text.splitlines()]
        assert head == ["LISTEN", "NAME", "OPENED", "ALIVE", "CLOSED", "RESET",
                        "TIMEOUT", "KILLED", "EVICTED", "LOST"], text
        assert web == ["*:80", "-", "5", "3", "2", "0", "0", "0", "0", "0"] \
            and total[1:] == web[1:], text
        assert "mean duration" in rest[1][0] and "#" * 20 in text, text
        refused(env, 1, ["*:81", "is not a service"], "session", "totals", "*:81")


@net_test
def test_without_a_daemon(env):
    """What is pinned can be listed; what needs the daemon reports that there is
    none."""
    with clients(env) as held:
        run(["kill", "-KILL", str(env.json("status")["pid"])])
        assert sorted(listed(env)) == sorted(held), "list without a daemon"
        n = env.json("session", "list", "--count")["total"]
        assert n == len(held), f"--count without a daemon: {n}"
        got = env.json("session", "show", list(held)[-1], SERVER[True])
        assert got["socket"] == "ESTAB", f"show without a daemon: {got}"
        for args in (("kill", "--all"), ("watch",), ("totals",)):
            refused(env, 1, ["no daemon is listening"], "session", *args)
