# SPDX-License-Identifier: GPL-2.0-only
"""Session events that cannot be delivered are counted, to the last one.

Theory of operation: thousands of connections open and close while a watcher
stops reading, or the daemon stops emptying the ring, or nobody watches. The
totals are exact in each case, and the events delivered plus those counted as
lost match the totals. Good clients are unaffected.
"""
import contextlib
import re

from crowd import Crowd, Probe, make_room, serve
from namespace import wait_for
from nettest import net_test
from session_stats import protect
from teardown import Watch, life, stats_agree

# a watcher's backlog is 4 MB in the daemon, as is the ring
STORM = 16_000  # connections; five events each, 200 bytes a line
GROWTH = 12 << 20
GOOD_MS = 1500  # a SYN lost in the burst is retransmitted after a second
SOURCES = [f"198.18.0.{n}" for n in range(1, 5)]


def happened(env):
    """{event: n} by the totals, and those that found the ring full."""
    t = env.json("session", "totals")["total"]
    return {k: n for k, n in t["events"].items() if n}, t["lost"]


def told_by(watch):
    """(events, lost) that a watcher got."""
    events = watch.events()
    lost = sum(e["count"] for e in events if e["event"] == "lost")
    return sum(e["event"] != "lost" for e in events), lost


def accounts(env, watch, before, what):
    """Waits until what a watcher got and what was lost on the way add up to
    what happened since @before. (got, lost by the watcher, by the ring)."""
    got = None

    def adds_up():
        nonlocal got
        events, ring = happened(env)
        told, lost = told_by(watch)
        got = (sum(events.values()) - sum(before[0].values()), told, lost,
               ring - before[1])
        return got[0] == sum(got[1:])

    try:
        wait_for(adds_up, 10, "")
    except AssertionError:
        raise AssertionError(
            f"{what}: {got[0]} events happened, but {got[1]} were delivered, "
            f"{got[2]} lost by the watcher and {got[3]} by the ring: "
            f"{sum(got[1:])}") from None
    print(f"{what}: {got[0]} events, {got[1]} delivered, {got[2]} lost by the "
          f"watcher, {got[3]} by the ring")
    return got[1:]


def memory(daemon):
    """Private memory in bytes; the session table is mapped and shared."""
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as f:
        return int(re.search(r"RssAnon:\s*(\d+)", f.read()).group(1)) << 10


@contextlib.contextmanager
def storm(env):
    """A crowd that may churn, and a good client beside it."""
    make_room(env, SOURCES)
    serve(env)
    serve(env, 81)
    env.neighbour(env.client.ip4)
    daemon = protect(env, "*:80", "*:81")
    crowd = Crowd(env, *SOURCES)
    yield daemon, crowd
    crowd.end()
    stats_agree(env, "after the storm")


@net_test
def test_watcher_that_stops(env):
    """It costs the daemon a backlog and no more, and later gets the exact
    number that it missed. Another watcher keeps getting events."""
    with storm(env) as (daemon, crowd):
        slow = Watch(env)
        rss, before = memory(daemon), happened(env)
        probe = Probe(env, env.client.ip4)
        with slow.process.stopped():
            quick = Watch(env, "dport", "81")
            seconds = crowd.churn(STORM)
            good = probe.well("while a watcher has stopped", GOOD_MS)
            grown = memory(daemon) - rss
            assert grown < GROWTH, f"a watcher that has stopped: the " \
                f"daemon grew by {grown >> 20} MB"
            assert quick.events(), "the other watcher gets nothing"
        print(f"{STORM} connections in {seconds:.1f} s, the daemon grew by "
              f"{grown >> 10} kB, {good}")
        probe.end()
        _, lost, _ = accounts(env, slow, before, "a watcher that stopped")
        assert lost, "test set-up: the watcher lost nothing"
        daemon.check_alive()


@net_test
def test_ring_full(env):
    """The daemon is stopped and empties no ring: good clients connect, the
    stats continue, and what could not be delivered is counted."""
    with storm(env) as (daemon, crowd):
        watch = Watch(env)
        before = happened(env)
        probe = Probe(env, env.client.ip4)
        with daemon.stopped():
            seconds = crowd.churn(STORM)
            good = probe.well("while the daemon is stopped", GOOD_MS)
        print(f"{STORM} connections in {seconds:.1f} s, {good}")
        probe.end()
        _, _, ring = accounts(env, watch, before, "a full ring")
        assert ring, "test set-up: the ring was never full"
        after = happened(env)
        with life(env, "the ring is empty again", opened=100, closed=100):
            crowd.churn(100)
        _, _, ring = accounts(env, watch, before, "empty again")
        assert ring == after[1] - before[1], \
            f"the ring lost {ring} with the daemon running"


@net_test
def test_nobody_watches(env):
    """The totals need no watcher; nothing is sent, so nothing is lost."""
    with storm(env) as (daemon, crowd):
        with life(env, "nobody watches", opened=2000, closed=2000,
                  admitted=2000, established=2000, closing=2000), \
                daemon.stopped():
            crowd.churn(2000)
        lost = happened(env)[1]
        assert not lost, f"nobody watches: {lost} events lost"
