# SPDX-License-Identifier: GPL-2.0-only
"""`session watch`: what is reported, and to whom.

Theory of operation: complete lives of sessions are created and must be reported
in order, with all details, to each watcher whose filter includes them.
test_watch_lost.py is about events that get lost.
"""
import contextlib
import re
import signal
import time

from attached import has_setting
from backend import OWN_COOKIES
from namespace import wait_for
from nettest import net_test
from scapytools import LINUX, Peer
from session_stats import protect, wait_armed
from sockets import accept, connect, listen
from teardown import (CLIENT_FIRST, OPENED, SERVER_FIRST, Watch, client_of,
                      endpoint, life, open_pair, reset, stats_agree,
                      wait_state)

CONFIG = "[service web]\nlisten = *:81\n[sessions]\npending-timeout = 1s\n"


def lives(env, listener, v6):
    """One session for each kind of end; {client: the expected events}."""
    told = {}

    def opened():
        return open_pair(env, listener, v6)

    c, s, client = opened()
    c.close()
    s.close()
    told[client] = CLIENT_FIRST
    c, s, client = opened()
    s.close()
    c.close()
    told[client] = SERVER_FIRST
    c, s, client = opened()
    reset(c)
    told[client] = (*OPENED, "reset by client")
    wait_state(env, client, None, "reset by the client")
    s.close()
    c, s, client = opened()
    reset(s)
    told[client] = (*OPENED, "reset by server")
    c.close()
    c, s, client = opened()
    env.synkeeper("session", "kill", "sport", client.rpartition(":")[2])
    told[client] = (*OPENED, "killed")
    c.close()
    s.close()
    return told


def check_event(e, name, since):
    """Everything in one event besides its name."""
    service = "web" if e["server"].endswith(":81") else ""
    assert e["name"] == service and e["service"] > 0, \
        f"{name}: expected the service named '{service}', got {e}"
    assert since <= e["time"] <= time.time() + 0.1 and \
        0 <= e["duration_s"] <= e["time"] - since + 0.05, \
        f"{name}: impossible time or duration, at {time.time()}: {e}"


def check_life(events, server, since):
    """The events of one session, oldest first."""
    last, duration = since, 0.0
    for e in events:
        what = f"{e['client']}, {e['event']}"
        check_event(e, what, since)
        assert e["server"] == server, f"{what}: expected {server}, got {e}"
        assert e["time"] >= last - 0.001 and e["duration_s"] >= duration, \
            f"{what}: earlier than the event before: {events}"
        last, duration = e["time"], e["duration_s"]
    for e, left in zip(events, lefts(events)):
        assert e["left"] == left, f"{e['client']}, {e['event']}: expected " \
            f"it to have left {left}, got {e}"


# tc counts what XDP admitted, where there is such a program
BEFORE = "opening" if OWN_COOKIES else "free"


def lefts(events):
    """The state that each of them left."""
    half = next((f"half-closed-{e['by']}" for e in events
                 if e["event"] == "half-closed"), None)
    for e in events:
        yield {"admitted": BEFORE, "adopted": "free", "established": "pending",
               "closing": half, "closed": "closing"}.get(e["event"],
                                                         "established")


@net_test
def test_whole_lives(env):
    since = time.time()
    with listen(env) as listener:
        protect(env)
        watch = Watch(env)
        for v6, server in ((False, endpoint(env.server.ip4, 80)),
                           (True, endpoint(env.server.ip6, 80))):
            for client, names in lives(env, listener, v6).items():
                events = watch.expect(client, *names)
                check_life(events, server, since)
        stats_agree(env, "after ten lives")


@contextlib.contextmanager
def web(env, backlog=128):
    """A listener on port 81, whose service is named web."""
    with listen(env), listen(env, port=81, backlog=backlog) as listener:
        yield listener


def protect_web(env):
    protect(env, config=CONFIG)
    wait_armed(env, "*:81")


@net_test
def test_pending_and_adopted(env):
    """A session that never saw its socket; one older than the daemon."""
    since = time.time()
    with web(env, backlog=1) as listener, Peer(env, v6=True) as peer:
        old = peer.flow(81)
        old.open(LINUX)
        s = accept(listener)
        protect_web(env)
        flow = peer.flow(81)
        flow.syn(LINUX)  # a full queue would ignore it
        held = fill_queue(peer)
        watch = Watch(env)
        flow.send("A")
        client = client_of(flow)
        events = watch.expect(client, "admitted", "timeout", timeout=10)
        assert [e["left"] for e in events] == [BEFORE, "pending"], \
            f"pending until its time-out: {events}"
        for e in events:
            check_event(e, client, since)
        assert 1 <= events[-1]["duration_s"] < 10, \
            f"pending until its time-out of 1 s: {events[-1]}"
        reset(s)
        watch.expect(client_of(old), "reset by server")
        stats_agree(env, "pending and adopted",
                    {client_of(f) for f in (flow, *held)})


def fill_queue(peer):
    """The accept queue of a backlog of 1 holds two."""
    flows = [peer.flow(81) for _ in range(2)]
    for flow in flows:
        flow.open(LINUX)
        flow.say(b"x")
    return flows


@net_test
def test_filters(env):
    """What a watcher excludes is not sent to it; the state is the one that an
    event leaves."""
    with listen(env) as listener, listen(env, port=81) as other:
        protect_web(env)
        wanted = {"all": (), "v6": ("src", "::/0"),
                  "port": ("sport", "1500-1501"), "web": ("service", "web"),
                  "ends": ("state", "closing"), "none": ("dport", "82")}
        watches = {k: Watch(env, *words) for k, words in wanted.items()}
        both_hear(env, listener, watches["all"], [watches["all"]])
        clients = {}
        for name, v6, sport, where in (
                ("four", False, 1500, listener), ("six", True, 1501, listener),
                ("plain", False, 1502, listener), ("web", False, 1503, other)):
            clients[name] = whole_life(env, where, v6, sport)
        for name, client in clients.items():
            watches["all"].expect(client, *CLIENT_FIRST)
            for which, hears in (("v6", name == "six"),
                                 ("port", name in ("four", "six")),
                                 ("web", name == "web"), ("none", False)):
                names = CLIENT_FIRST if hears else ()
                watches[which].expect(client, *names)
            watches["ends"].expect(client, "closed")
        stats_agree(env, "after four lives")


def whole_life(env, listener, v6, sport):
    """Opens and closes one session. Its client."""
    c = connect(env, listener.getsockname()[1], v6, sport)
    s = accept(listener)
    c.sendall(b"x")
    s.recv(1)
    client = client_of(c)
    wait_state(env, client, "established", "first data")
    c.close()
    s.close()
    wait_state(env, client, "time-wait", "closed")
    return client


def both_hear(env, listener, first, watches):
    """Waits until each has seen them; @first is the one that sees most."""
    def heard():
        client = whole_life(env, listener, False, 0)
        first.wait(client, "closed")
        return all(w.told(client) for w in watches)

    wait_for(heard, 10, f"{len(watches)} watchers to report a session")


@net_test
def test_two_watchers(env):
    """They get the same, word for word; one that leaves does not matter."""
    with listen(env) as listener:
        protect(env)
        one, two = Watch(env), Watch(env)
        both_hear(env, listener, one, [one, two])
        held = [open_pair(env, listener) for _ in range(5)]
        for _, _, client in held:
            one.expect(client, *OPENED)
            two.expect(client, *OPENED)
            assert one.events(client) == two.events(client), \
                f"two watchers differ: {one.events(client)}, " \
                f"{two.events(client)}"
        one.process.stop()
        held.append(open_pair(env, listener))
        two.expect(held[-1][2], *OPENED)
        two.process.stop()
        with life(env, "nobody watches", opened=3, established=3):
            held += [open_pair(env, listener) for _ in range(3)]
        wait_for(lambda: not has_setting(env, "WATCHED"), 3,
                 "all watchers to be gone")
        three = Watch(env)
        for c, s, client in held:
            c.close()
            s.close()
            three.expect(client, *CLIENT_FIRST[2:])
        stats_agree(env, "watched, and not")


@net_test
def test_text(env):
    """A line per event, in columns, with clock times."""
    with web(env) as listener:
        protect_web(env)
        Watch(env)
        p = env.server.start([*env.synkeeper_command(), "session", "watch"],
                             name="watch-text")

        def heard():
            whole_life(env, listener, False, 0)
            return " closed " in p.output()

        wait_for(heard, 10, "a line of `session watch`")
        clients = [whole_life(env, listener, v6, 0) for v6 in (False, True)]
        for client in clients:
            wait_for(lambda client=client: [
                line for line in p.output().splitlines()
                if client in line and " closed " in line], 3,
                f"`session watch` to report the end of {client}")
            lines = [line for line in p.output().splitlines()
                     if client in line]
            check_lines(lines, client)


def check_lines(lines, client):
    server = "[2001:db8::2]:81" if client.startswith("[") else "192.0.2.2:81"
    cells = [re.split("  +", line) for line in lines]
    names = [c[1] for c in cells]
    assert names == list(CLIENT_FIRST), f"{client}: told {names}"
    for line, (clock, _, flow, name, age) in zip(lines, cells):
        assert re.fullmatch(r"[0-2]\d:[0-5]\d:[0-5]\d\.\d{3}", clock) and \
            flow == f"{client} > {server}" and name == "web" and \
            re.fullmatch(r"\d+\.\d\ds", age), f"session watch: {line!r}"
    for column in ("client > server", "name"):
        text = f"{client} > {server}" if ">" in column else "  web"
        at = {line.index(text) for line in lines}
        assert len(at) == 1, f"session watch: the column {column} is at " \
            f"{at}:\n" + "\n".join(lines)


@net_test
def test_daemon_ends(env):
    """SIGTERM, SIGKILL: exit code 1 and a line, in text and in JSON."""
    with listen(env):
        for number in (signal.SIGTERM, signal.SIGKILL):
            ends_with(env, number)


def ends_with(env, number):
    daemon = protect(env)
    Watch(env)
    ps = [env.server.start([*env.synkeeper_command(), *flags, "session",
                            "watch"], name="watch-end")
          for flags in ((), ("-j",))]
    wait_for(lambda: clients_of(env) >= 3, 5, "three watchers")
    daemon.signal(number)
    for p in ps:
        code = p.wait(5)
        lines = p.output().splitlines()
        assert code == 1 and len(lines) == 1 and \
            lines[0].startswith("synkeeper: session: the daemon exited: "), \
            f"session watch after {number!r}: {code}: {lines}"
    daemon.wait(10)


def clients_of(env):
    """Connections of the daemon's control socket."""
    out = env.server.run(["ss", "-Hxn", "state", "connected"]).stdout
    return len(re.findall(rf" {re.escape(env.control)} ", out))
