# SPDX-License-Identifier: GPL-2.0-only
"""Sessions followed to their end, and session stats compared with the kernel.

Theory of operation: stats_agree() compares three views, the server's sockets
(ss), the rows of the session table and each service's totals, and waits until
they agree. life() encloses what opens and ends sessions: the totals must grow
by exactly that, and then the stats agree. Watch is the output of `session
watch`, in order.

How kernel socket states map to session states:

	ESTAB			established; pending when just admitted
	CLOSE-WAIT		half-closed-client
	FIN-WAIT-1, -2		half-closed-server
	CLOSING, LAST-ACK	closing

TIME-WAIT is a lingering row or none, as the two time-outs differ, and SYN-RECV
is not a session yet.
"""
import collections
import contextlib
import json
import socket
import struct
import time

from attached import has_setting
from namespace import wait_for
from scapytools import LINUX
from session_stats import protect, sessions
from sockets import accept, listen, pair, receive

LIVE = ("pending", "established", "half-closed-client", "half-closed-server",
        "closing")
STATES = ("opening", *LIVE, "time-wait")
ENDS = {"closed": "closed", "reset-client": "reset", "reset-server": "reset",
        "timeout": "timeout", "killed": "killed", "evicted": "evicted"}
FITS = {"ESTAB": ("established", "pending"),
        "CLOSE-WAIT": ("half-closed-client",),
        "FIN-WAIT-1": ("half-closed-server",),
        "FIN-WAIT-2": ("half-closed-server",),
        "CLOSING": ("closing",),
        "LAST-ACK": ("closing",)}
BOTH = (False, True)  # IPv4, IPv6

# the events of a whole life
OPENED = ("admitted", "established")
CLIENT_FIRST = (*OPENED, "half-closed by client", "closing", "closed")
SERVER_FIRST = (*OPENED, "half-closed by server", "closing", "closed")


def family(v6):
    return "IPv6" if v6 else "IPv4"


# -- identification: "address:port" of the client, as `session list` prints it

def endpoint(address, port):
    address = address.removeprefix("::ffff:")
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def client_of(end):
    """For a client's socket, or for a hand-made Flow."""
    if hasattr(end, "sport"):
        return endpoint(end.peer.ip, end.sport)
    return endpoint(*end.getsockname()[:2])


def _ss_endpoint(text):
    address, _, port = text.rpartition(":")
    return endpoint(address.strip("[]").partition("%")[0], port)


def kernel_sockets(env):
    """{(client, server): state} of all of the server's connections."""
    return {(_ss_endpoint(s["peer"]), _ss_endpoint(s["local"])): s["state"]
            for s in env.server.ss("-tan")
            if s["state"] not in ("LISTEN", "UNCONN")}


def kernel_state(env, client):
    """The state of the server's socket, or None."""
    return next((state for (c, _), state in kernel_sockets(env).items()
                 if c == client), None)


def states(env, client):
    """The states of all rows of this client; there should be at most one."""
    return [r["state"] for r in sessions(env) if r["client"] == client]


def wait_state(env, client, state, what, timeout=3):
    """Waits until the session's only row is in that state; None: it is gone."""
    want = [state] if state else []
    got = None

    def reached():
        nonlocal got
        got = states(env, client)
        return got == want

    try:
        wait_for(reached, timeout, "")
    except AssertionError:
        raise AssertionError(
            f"{what}: expected within {timeout} s the rows of {client} to be "
            f"{want}, got {got}; the kernel's socket is "
            f"{kernel_state(env, client)}") from None


def wait_kernel(env, client, state, what, timeout=3):
    """The same for the kernel's socket."""
    got = None

    def reached():
        nonlocal got
        got = kernel_state(env, client)
        return got == state

    try:
        wait_for(reached, timeout, "")
    except AssertionError:
        raise AssertionError(f"{what}: expected within {timeout} s the "
                             f"server's socket for {client} in {state}, got "
                             f"{got}") from None


def stays(env, client, state, what, seconds=0.5):
    """The one row must stay in that state throughout."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = states(env, client)
        assert got == [state], f"{what}: expected the rows of {client} to " \
            f"stay {[state]}, got {got}; the kernel's socket is " \
            f"{kernel_state(env, client)}"


# -- session stats

def _of_service(listen_on, server):
    return server == listen_on or (
        listen_on.startswith("*:") and
        server.rpartition(":")[2] == listen_on[2:])


def _sums_differ(name, t):
    """Where one service's totals contradict each other."""
    ended = sum(t["ended"].values())
    alive = sum(t["alive"].get(s, 0) for s in LIVE)
    if t["opened"] != ended + alive:
        return f"{name}: {t['opened']} opened, but {ended} ended and " \
            f"{alive} alive: {t}"
    events = collections.Counter(t["events"])
    if t["opened"] != events["admitted"] + events["adopted"]:
        return f"{name}: {t['opened']} opened, but {events['admitted']} " \
            f"admitted and {events['adopted']} adopted"
    for cause in dict.fromkeys(ENDS.values()):
        told = sum(events[e] for e, c in ENDS.items() if c == cause)
        if t["ended"].get(cause, 0) != told:
            return f"{name}: {t['ended'].get(cause, 0)} ended by {cause}, " \
                f"but {told} such events"
    if t["durations"]["count"] != ended:
        return f"{name}: {ended} ended, but {t['durations']['count']} " \
            "durations"
    return None


def _rows_differ(name, t, rows):
    counts = collections.Counter(r["state"] for r in rows)
    for state in STATES:
        if state in t["alive"] or state in LIVE:
            if t["alive"].get(state, 0) != counts[state]:
                return f"{name}: {t['alive'].get(state, 0)} {state} by the " \
                    f"totals, {counts[state]} in the table"
    return None


def _sockets_differ(name, rows, sockets, without_row):
    """One row for each live socket, one socket for each live row."""
    by_tuple = collections.defaultdict(list)
    for row in rows:
        by_tuple[row["client"], row["server"]].append(row["state"])
    for who, found in by_tuple.items():
        text = f"{name}: {who[0]} > {who[1]}"
        if len(found) > 1:
            return f"{text}: {len(found)} rows, {found}"
        if found[0] in LIVE[1:] and sockets.get(who) not in FITS:
            return f"{text}: {found[0]}, but the kernel's socket is " \
                f"{sockets.get(who)}"
    for who, kernel in sockets.items():
        found = by_tuple.get(who, ["no row"])[0]
        if kernel in FITS and who[0] not in without_row and \
                found not in FITS[kernel]:
            return f"{name}: {who[0]} > {who[1]}: {kernel} in the kernel, " \
                f"but {found}"
    return None


def first_difference(env, without_row=()):
    """A sentence about the first disagreement, or None."""
    totals = env.json("session", "totals")
    rows = sessions(env)
    counted = env.json("session", "list", "--count")
    sockets = kernel_sockets(env)
    counts = {s: sum(r["state"] == s for r in rows) for s in STATES}
    counts["total"] = len(rows)
    if counted != counts:
        return f"`session list --count` says {counted}, its rows {counts}"
    for t in totals["services"]:
        name = f"service {t['listen']}"
        mine = [r for r in rows if _of_service(t["listen"], r["server"])]
        here = {who: state for who, state in sockets.items()
                if _of_service(t["listen"], who[1])}
        found = _sums_differ(name, t) or _rows_differ(name, t, mine) or \
            _sockets_differ(name, mine, here, without_row)
        if found:
            return found
    return _sums_differ("total", totals["total"])


def stats_agree(env, what, without_row=(), timeout=5):
    """Waits until sockets, table and totals agree. @without_row: clients whose
    session was ended before its socket."""
    found = None

    def agree():
        nonlocal found
        found = first_difference(env, without_row)
        return not found

    try:
        wait_for(agree, timeout, "")
    except AssertionError:
        raise AssertionError(f"{what}: after {timeout} s the books still "
                             f"differ: {found}") from None


def _entries(env):
    t = env.json("session", "totals")["total"]
    return collections.Counter({"opened": t["opened"], **t["events"]})


@contextlib.contextmanager
def life(env, what, opened=None, within=5, without_row=(), **ends):
    """Requires that meanwhile as many sessions were opened and ended, and no
    others: closed=1, reset_client=1 ... @opened: if more were opened than
    ended. Other events (admitted=1) are checked if named."""
    ends = {k.replace("_", "-"): n for k, n in ends.items()}
    want = {**dict.fromkeys(ENDS, 0), **ends}
    want["opened"] = sum(n for e, n in ends.items() if e in ENDS) \
        if opened is None else opened
    before = _entries(env)
    yield
    got = {}

    def as_wanted():
        now = _entries(env)
        got.update({k: now[k] - before[k] for k in want})
        return got == want

    with contextlib.suppress(AssertionError):
        wait_for(as_wanted, within, "")
    wrong = {k: (n, got[k]) for k, n in want.items() if got[k] != n}
    assert not wrong, f"{what}: after {within} s the totals (expected, got) " \
        f"differ: {wrong}"
    stats_agree(env, what, without_row)


# -- events

class Watch:
    """`synkeeper -j session watch`, from now on."""

    def __init__(self, env, *words):
        self.process = env.server.start(
            [*env.synkeeper_command(), "-j", "session", "watch", *words],
            name="session-watch")

        def watched():
            self.process.check_alive()
            return has_setting(env, "WATCHED")

        wait_for(watched, 5, "the programs to notice `session watch`")

    def events(self, client=None):
        """All complete lines so far; of one client or of all."""
        whole = self.process.output().rpartition("\n")[0]
        lines = [json.loads(line) for line in whole.splitlines()]
        return [e for e in lines if "event" in e and
                client in (None, e.get("client"))]

    def told(self, client):
        """The same as text: ["admitted", "half-closed by client", ...]."""
        return [e["event"] + (f" by {e['by']}" if e.get("by") else "")
                for e in self.events(client)]

    def wait(self, client, name, timeout=3):
        """Waits for this event."""
        try:
            wait_for(lambda: name in self.told(client), timeout, "")
        except AssertionError:
            raise AssertionError(
                f"session watch, {client}: expected {name} within {timeout} "
                f"s, got {self.told(client)}") from None

    def expect(self, client, *names, timeout=3):
        """Requires exactly these events, in this order; returns them."""
        with contextlib.suppress(AssertionError):
            wait_for(lambda: len(self.told(client)) >= len(names), timeout, "")
        got = self.told(client)
        assert got == list(names), f"session watch, {client}: expected " \
            f"{list(names)}, got {got}"
        return self.events(client)


# -- sessions to follow

@contextlib.contextmanager
def stage(env, config=None):
    """A listener on port 80, Synkeeper in front of it, and a Watch."""
    with listen(env) as listener:
        protect(env, config=config)
        yield listener, Watch(env)


def open_pair(env, listener, v6=False, sport=0):
    """Two sockets whose session is established: (client's, server's, client
    as the session list names it)."""
    c, s = pair(env, listener, v6=v6, sport=sport)
    client = client_of(c)
    c.sendall(b"hello")
    got = receive(s, 5)
    assert got == b"hello", f"{client}: expected the first data, got {got!r}"
    wait_state(env, client, "established", "first data")
    return c, s, client


def open_flow(env, peer, listener, options=LINUX):
    """The same with a hand-made client: (flow, server's socket, client). Data
    goes both ways, so that the kernel knows its retransmission time-out."""
    flow = peer.flow()
    client = client_of(flow)
    flow.open(options)
    s = accept(listener, client)
    flow.say(b"hello", f"{client}: first data")
    got = receive(s, 5)
    assert got == b"hello", f"{client}: expected the first data, got {got!r}"
    s.sendall(b"welcome")
    flow.recv(f"{client}: first data from the server", "PA")
    flow.ack = (flow.ack + 7) & 0xffffffff
    flow.send("A")
    wait_state(env, client, "established", "first data")
    return flow, s, client


def reset(sock):
    """close() with SO_LINGER 0, which sends RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


def end_of(sock, what):
    """Requires that the other side has closed."""
    got = sock.recv(1)
    assert got == b"", f"{what}: expected the end, got {got!r}"


def send_fin(flow, what, data=b""):
    """The client's FIN by hand, and the kernel's acknowledgement of it."""
    flow.send("FPA" if data else "FA", data)
    flow.seq = (flow.seq + len(data) + 1) & 0xffffffff
    flow.expect_ack(f"{what}: the client's FIN")


def take_fin(flow, what):
    """The server's FIN; the flow acknowledges it with its next segment. The
    FIN."""
    frame = flow.peer.recv(
        lambda f: flow.matches(f) and "F" in f["TCP"].flags, 3,
        f"{what}: the server's FIN to {client_of(flow)}")
    tcp = frame["TCP"]
    flow.ack = (tcp.seq + len(tcp.payload) + 1) & 0xffffffff
    return tcp
