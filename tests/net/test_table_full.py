# SPDX-License-Identifier: GPL-2.0-only
"""The session table is full: no good connection is refused or lost.

Theory of operation: a table of the minimum size gets several times as many real
connections as it holds. Each new session evicts one that was idle longest,
which is adopted again when it next sends. Every step is counted, so totals,
events and rows stay consistent; there are only more sockets than sessions.
"""
import contextlib
import re

from crowd import Crowd, Probe, make_room, serve
from namespace import wait_for
from nettest import net_test
from session_stats import NO_DROPS, counted, protect, sessions
from teardown import LIVE, Watch

SMALL = "[sessions]\nmax = 1024\nclosing-timeout = 2s\n"
SLOTS = 2048  # of the minimum size; checked
CROWD = 5000
SOURCES = [f"198.18.0.{n}" for n in range(1, 5)]
BOTNET = [f"198.18.{n % 8}.{n}" for n in range(1, 241)]
GOOD_MS = 1500  # a SYN lost in the burst is retransmitted after a second
EVICTED = re.compile(r"evicted (\d+) live sessions")


def totals(env):
    return env.json("session", "totals")["total"]


def check_stats(env, what):
    """opened = ended + alive, and alive matches the table."""
    seen = None

    def agree():
        nonlocal seen
        t, rows = totals(env), sessions(env)
        alive = sum(t["alive"].values())
        ended = sum(t["ended"].values())
        live = sum(row["state"] in LIVE for row in rows)
        seen = f"{t['opened']} opened, {ended} ended, {alive} alive, {live} " \
            "live rows"
        tuples = {(row["client"], row["server"]) for row in rows}
        assert len(tuples) == len(rows), \
            f"{what}: {len(rows) - len(tuples)} sessions are there twice"
        assert len(rows) <= SLOTS, f"{what}: {len(rows)} rows in {SLOTS} slots"
        return t["opened"] == ended + alive and alive == live

    try:
        wait_for(agree, 5, "")
    except AssertionError as e:
        raise AssertionError(str(e) if "waited" not in str(e) else
                             f"{what}: {seen}") from None


@contextlib.contextmanager
def crowded(env, sources=SOURCES):
    """(daemon, Watch, Crowd) of a small table; all are open."""
    make_room(env, sources)
    serve(env)
    serve(env, 81)
    daemon = protect(env, "*:80", "*:81", config=SMALL)
    watch = Watch(env, "state", "live")
    crowd = Crowd(env, *sources)
    with counted(env, f"{CROWD} connections", **NO_DROPS):
        crowd.open(CROWD)
    check_stats(env, "all are open")
    yield daemon, watch, crowd
    crowd.end()


@net_test
def test_all_can_open_and_speak(env):
    """Each of them, several times, whether evicted or not."""
    with crowded(env) as (_, _, crowd):
        probe = Probe(env, env.client.ip4)
        before = totals(env)
        assert before["ended"]["evicted"] >= CROWD - SLOTS, \
            f"{CROWD} connections in {SLOTS} slots: {before}"
        for turn in range(3):
            what = f"all speak, number {turn}"
            with counted(env, what, **NO_DROPS):
                crowd.talk(CROWD)
            check_stats(env, what)
        now = totals(env)
        adopted = now["events"]["adopted"] - before["events"]["adopted"]
        assert adopted >= CROWD - SLOTS, \
            f"all spoke: only {adopted} were adopted again: {now}"
        good = probe.well("beside a table that is full", GOOD_MS)
        outcomes = crowd.outcomes()
        assert outcomes == {"alive": CROWD, "reset": 0, "closed": 0}, \
            f"expected {CROWD} alive, got {outcomes}"
        sockets = env.server.run(["ss", "-Htn", "sport", "=", ":80"])
        n = sockets.stdout.count("\n")
        assert n == CROWD, f"expected {CROWD} sockets, ss counts {n}"
        print(f"{now['ended']['evicted']} evicted, {adopted} adopted by three "
              f"turns, {good}")


@net_test
def test_a_botnet_of_real_addresses(env):
    """Hundreds of hosts hold as many connections as they can: a good client
    gets in beside them, and keeps what it has."""
    with crowded(env, BOTNET) as (_, _, crowd):
        probe = Probe(env, env.client.ip4)
        with counted(env, "a botnet speaks", **NO_DROPS):
            crowd.talk(CROWD)
        print(probe.well("beside a botnet", GOOD_MS))
        check_stats(env, "a botnet has spoken")


@net_test
def test_told_and_logged(env):
    """Watchers get each of them; the log has one line for thousands, and the
    next one half a minute later."""
    with crowded(env) as (daemon, watch, crowd):
        crowd.talk(CROWD)

        def told():
            return [e for e in watch.events() if e["event"] == "evicted"]

        evicted = totals(env)["ended"]["evicted"]
        wait_for(lambda: len(told()) >= evicted, 10,
                 f"{evicted} evictions to be reported, {len(told())} were")
        events = watch.events()
        assert len(told()) == evicted and \
            not any(e["event"] == "lost" for e in events), \
            f"expected {evicted} evicted to be reported, got {len(told())}"
        left = {e["left"] for e in told()}
        assert left <= {"pending", "established"}, f"evicted from {left}"
        wait_for(lambda: EVICTED.search(daemon.output()), 40,
                 "a line in the daemon's log")
        lines = [int(n) for n in EVICTED.findall(daemon.output())]
        assert len(lines) == 1 and 0 < lines[0] <= evicted, \
            f"{evicted} evicted: expected one line, got {daemon.output()}"


@net_test
def test_all_close(env):
    """A connection whose session was evicted while it was closing is adopted by
    its last ACK, and is closed once the kernel is asked."""
    with crowded(env) as (_, _, crowd):
        crowd.talk(CROWD)
        before = totals(env)
        crowd.close()

        def nothing_alive():
            return not sum(totals(env)["alive"].values())

        wait_for(lambda: not env.server.ss("-tn", "sport = :80"), 10,
                 "all sockets to be gone")
        wait_for(nothing_alive, 10,
                 f"no session to be alive: {totals(env)['alive']}")
        check_stats(env, "all are closed")
        now = totals(env)
        ended = {k: n - before["ended"][k] for k, n in now["ended"].items()
                 if n > before["ended"][k]}
        assert set(ended) <= {"closed", "evicted"}, \
            f"all were closed by their clients: ended by {ended}"
        print(f"closing {CROWD}: {ended}")


@net_test
def test_kill_what_is_there(env):
    """A kill takes the sessions in the table; those evicted are not known, and
    survive."""
    with crowded(env) as (_, _, crowd):
        n = sum(totals(env)["alive"].values())
        got = env.json("session", "kill", "src", "198.18.0.0/24")
        assert got["killed"] == got["matched"] == n, \
            f"kill of {n} sessions: {got}"
        alive = crowd.wait_reset(n)
        assert alive == CROWD - n, \
            f"{n} killed of {CROWD}: expected the others alive, got {alive}"
        crowd.talk(alive)
        check_stats(env, "killed, and the others spoke")
