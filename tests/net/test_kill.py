# SPDX-License-Identifier: GPL-2.0-only
"""An operator kills sessions: all that match, and no others.

Theory of operation: for each word of a filter a few victims are opened that it
matches, beside transfers that it does not match. A victim is dead when its
client was reset, the server's socket and the entry are gone, and `killed` was
reported and counted once. The transfers run throughout, with every byte
compared.
"""
import contextlib
import errno
import socket

from crowd import Paced
from namespace import wait_for
from nettest import net_test
from scapytools import LINUX, Peer
from session_stats import protect, sessions, wait_armed
from sockets import Stream, accept, connect, listen, pair, receive
from teardown import (BOTH, Watch, client_of, family, kernel_sockets, life,
                      open_pair, stats_agree, stays, wait_kernel, wait_state)

SERVICES = "[service other]\nlisten = *:81\n"
OTHER_SOURCE = "192.0.2.65"
RST = (errno.ECONNRESET, errno.EPIPE)  # the latter after the server's FIN


def error_of(sock):
    """The pending error of this socket, or 0."""
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def dead(env, watch, victims, left, what):
    """Each was reset, and nothing is left of it. Its tuple may have been killed
    before: only its last life counts."""
    for c, _, client in victims:
        error = wait_for(lambda c=c: error_of(c), 3,
                         f"{what}: {client} to be reset")
        assert error in RST, f"{what}: {client}: expected ECONNRESET, got " \
            f"{errno.errorcode[error]}"
        wait_kernel(env, client, None, what, 0)
        wait_state(env, client, None, what, 0)
        wait_for(lambda client=client: watch.told(client)[-1:] == ["killed"],
                 3, f"{what}: {client} to be reported as killed")
        events = watch.events(client)
        names = [e["event"] for e in events]
        life_of = names[len(names) - names[::-1].index("admitted"):]
        assert life_of.count("killed") == 1 and names[-1] == "killed", \
            f"{what}: expected {client} to be killed once and last, {names}"
        assert events[-1]["left"] == left and "by" not in events[-1], \
            f"{what}: expected {client} to leave {left}, got {events[-1]}"


def kill(env, watch, what, words, victims, left="established"):
    """Kills with these words; exactly the victims must die."""
    n = len(victims)
    want = {"matched": n, "killed": n, "pending": 0}
    with life(env, what, opened=0):
        got = env.json("session", "kill", *words, "--dry-run")
        assert got == {**want, "killed": 0, "dry_run": True}, \
            f"{what}, --dry-run: expected {n} to match, got {got}"
    with life(env, what, opened=0, killed=n):
        got = env.json("session", "kill", *words)
        assert got == {**want, "dry_run": False}, \
            f"{what}: expected {n} to be killed, got {got}"
        dead(env, watch, victims, left, what)
    for c, s, _ in victims:
        c.close()
        s.close()


@contextlib.contextmanager
def bystanders(env, listener):
    """Transfers to the server, and over IPv6 from it; they lost nothing."""
    pairs = [open_pair(env, listener, v6) for v6 in BOTH]
    (c4, s4, _), (c6, s6, _) = pairs
    streams = [Stream(Paced(c4), s4), Stream(Paced(s6), c6)]
    for stream in streams:
        stream.wait_moved()
    yield [client for _, _, client in pairs]
    for stream in streams:
        stream.wait_moved()
    for stream in streams:
        stream.stop()
    for c, s, _ in pairs:
        c.close()
        s.close()


@contextlib.contextmanager
def stage(env):
    """Two services, bystanders on the first, and a Watch."""
    env.client.ip("addr", "add", f"{OTHER_SOURCE}/32", "dev",
                  env.client.iface)
    env.neighbour(OTHER_SOURCE)
    with listen(env) as listener, listen(env, port=81) as other:
        protect(env, config=SERVICES)
        wait_armed(env, "*:81")
        watch = Watch(env)
        with bystanders(env, listener):
            yield listener, other, watch
        stats_agree(env, "at the end")


def from_other(env, listener):
    """A connection from the client's other address."""
    with env.client.inside():
        c = socket.create_connection((env.server.ip4, 80), 5,
                                     (OTHER_SOURCE, 0))
    s = accept(listener)
    c.sendall(b"x")
    s.recv(1)
    client = client_of(c)
    wait_state(env, client, "established", "first data")
    return c, s, client


def to_other(env, other, v6):
    """A connection to the service on port 81."""
    c = connect(env, 81, v6)
    s = accept(other)
    c.sendall(b"x")
    s.recv(1)
    client = client_of(c)
    wait_state(env, client, "established", "first data")
    return c, s, client


@net_test
def test_by_address_and_port(env):
    with stage(env) as (listener, _, watch):
        kill(env, watch, "src, a host", ("src", OTHER_SOURCE),
             [from_other(env, listener) for _ in range(3)])
        kill(env, watch, "src, a prefix", ("src", "192.0.2.64/26"),
             [from_other(env, listener) for _ in range(3)])
        for v6 in BOTH:
            what = family(v6)
            ports = range(1100, 1104)
            kill(env, watch, f"sport, a range, {what}",
                 ("sport", "1100-1103"),
                 [open_pair(env, listener, v6, port) for port in ports])
            kill(env, watch, f"src and sport, {what}",
                 ("src", "2001:db8::/32" if v6 else "192.0.2.0/24", "sport",
                  "1200"), [open_pair(env, listener, v6, 1200)])


@net_test
def test_by_service(env):
    with stage(env) as (_, other, watch):
        for words in (("service", "other"), ("service", "*:81"),
                      ("dport", "81"), ("dst", "0.0.0.0/0", "dport", "81")):
            v6s = (False, False) if "dst" in words else (False, True)
            kill(env, watch, " ".join(words), words,
                 [to_other(env, other, v6) for v6 in v6s])


def aged(env, victims, member):
    """Waits until they have existed, or been silent, for three seconds."""
    clients = {client for _, _, client in victims}

    def old():
        ages = [row[member] for row in sessions(env)
                if row["client"] in clients]
        return len(ages) == len(victims) and min(ages) >= 3

    wait_for(old, 10, f"{len(victims)} sessions with {member} >= 3")


@net_test
def test_by_age_and_idle(env):
    """The bystanders are old and never idle; the new one is neither."""
    with stage(env) as (listener, _, watch):
        victims = [open_pair(env, listener, v6) for v6 in BOTH]
        aged(env, victims, "idle_s")
        fresh = open_pair(env, listener)
        kill(env, watch, "idle, at least", ("idle", "2s"), victims)
        stays(env, fresh[2], "established", "idle 2s", 0)
        aged(env, [fresh], "age_s")
        kill(env, watch, "age, a range", ("age", "0s-2s"),
             [open_pair(env, listener, v6) for v6 in BOTH])
        stays(env, fresh[2], "established", "age 0s-2s", 0)
        kill(env, watch, "age and idle, at least",
             ("age", "2s", "idle", "2s"), [fresh])


@net_test
def test_half_closed(env):
    """By either side; what had arrived before the RST may still be read."""
    with stage(env) as (listener, _, watch):
        for v6 in BOTH:
            what = f"half-closed by the client, {family(v6)}"
            victim = open_pair(env, listener, v6)
            victim[0].shutdown(socket.SHUT_WR)
            wait_state(env, victim[2], "half-closed-client", what)
            kill(env, watch, what, ("state", "half-closed-client"), [victim],
                 "half-closed-client")
            what = f"half-closed by the server, {family(v6)}"
            victim = open_pair(env, listener, v6)
            victim[1].shutdown(socket.SHUT_WR)
            wait_state(env, victim[2], "half-closed-server", what)
            kill(env, watch, what, ("state", "half-closed-server"), [victim],
                 "half-closed-server")
        both = [open_pair(env, listener) for _ in range(2)]
        for n, (_, _, client) in enumerate(both):
            both[n][n].shutdown(socket.SHUT_WR)
            wait_state(env, client, ("half-closed-client",
                                     "half-closed-server")[n], "shutdown()")
        with life(env, "state half-closed", opened=0, killed=2):
            got = env.json("session", "kill", "state", "half-closed")
            assert got["killed"] == 2, f"kill state half-closed: {got}"


@net_test
def test_full_of_data(env):
    """The server's socket has unsent data, and unread data."""
    with stage(env) as (listener, _, watch):
        victim = open_pair(env, listener, sport=1300)
        for sock in victim[:2]:
            sock.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                while True:
                    sock.sendall(bytes(1 << 16))
        kill(env, watch, "full of data", ("sport", "1300"), [victim])


@net_test
def test_opened_again(env):
    """The same tuple may return at once, and is a session of its own."""
    with stage(env) as (listener, _, watch):
        for v6 in BOTH:
            for n in range(3):
                victim = open_pair(env, listener, v6, 1400)
                kill(env, watch, f"life {n} of a tuple, {family(v6)}",
                     ("sport", "1400"), [victim])
        told = watch.told(victim[2])
        assert told == ["admitted", "established", "killed"] * 3, \
            f"three lives of {victim[2]}: got {told}"


@net_test
def test_time_wait_is_no_session(env):
    """What has ended cannot be killed; TIME-WAIT is left to the kernel."""
    with listen(env) as listener:
        protect(env)
        c, s, client = open_pair(env, listener)
        s.close()
        c.close()
        wait_state(env, client, "time-wait", "closed by the server")
        p = env.synkeeper("session", "kill", "--all", check=False)
        assert p.returncode == 1 and "no session matches" in p.stderr, \
            f"kill --all, only TIME-WAIT there: expected exit code 1, got {p}"
        stays(env, client, "time-wait", "kill --all")
        wait_kernel(env, client, "TIME-WAIT", "kill --all", 0)
        stats_agree(env, "kill --all")


def fill_queue(env):
    """Two connections in the accept queue of a backlog of 1."""
    held = [connect(env) for _ in range(2)]
    wait_for(lambda: env.server.ss("-ltn", "sport = :80")[0]["recv_q"] == 2, 2,
             "two connections in the accept queue")
    for c in held:
        c.sendall(b"x")
        wait_state(env, client_of(c), "established", "data in the queue")
    return held


@net_test
def test_pending(env):
    """A session without a socket cannot be killed: it is reported and kept, and
    opens when there is room."""
    with listen(env, backlog=1) as listener, Peer(env) as peer:
        protect(env)
        flow = peer.flow()
        flow.syn(LINUX)
        held = fill_queue(env)
        flow.send("A")
        flow.nothing_came("ACK, the queue is full")
        client = client_of(flow)
        wait_state(env, client, "pending", "ACK, the queue is full")
        text = env.synkeeper("session", "kill", "state", "pending").stdout
        assert text.splitlines() == [
            "killed 0 sessions", "1 matched, but has no socket yet"], \
            f"kill state pending: {text}"
        with life(env, "kill with one pending", opened=0, killed=2):
            got = env.json("session", "kill", "dport", "80")
            assert got == {"matched": 3, "killed": 2, "pending": 1,
                           "dry_run": False}, f"kill with one pending: {got}"
        for c in held:
            assert wait_for(lambda c=c: error_of(c), 3, "the RST") in RST
        wait_state(env, client, "pending", "it cannot be killed")
        for _ in held:
            accept(listener).close()
        flow.say(b"late", "data when there is room")
        with accept(listener) as s:
            got = receive(s, 4)
            assert got == b"late", f"data when there is room: got {got!r}"
            wait_state(env, client, "established", "data when there is room")
            stats_agree(env, "open")
            assert env.json("session", "kill", "dport", "80")["killed"] == 1
            flow.recv("RST of the killed connection", "RA")
            stats_agree(env, "killed")


@net_test
def test_small_socket(env):
    """FIN-WAIT-2 whose process is gone: the kernel keeps a small socket, which
    must go as well."""
    with stage(env) as (listener, _, watch):
        c, s, client = open_pair(env, listener)
        s.close()
        wait_state(env, client, "half-closed-server", "close()")
        wait_kernel(env, client, "FIN-WAIT-2", "close()")
        with life(env, "kill in FIN-WAIT-2", opened=0, killed=1):
            got = env.json("session", "kill", "state", "half-closed-server")
            assert got["killed"] == 1, f"kill in FIN-WAIT-2: {got}"
        wait_kernel(env, client, None, "kill in FIN-WAIT-2", 0)
        wait_state(env, client, None, "kill in FIN-WAIT-2", 0)
        watch.wait(client, "killed")
        c.close()


@net_test
def test_what_is_refused(env):
    """Each with its exit code and one line; nothing is killed, and transfers
    are unaffected."""
    with listen(env) as listener:
        protect(env)
        with bystanders(env, listener) as clients, \
                life(env, "what is refused", opened=0):
            before = kernel_sockets(env)
            for code, words in (
                    (2, ()),
                    (2, ("--dry-run",)),
                    (2, ("--all", "src", "192.0.2.1")),
                    (2, ("src", "0.0.0.0/0", "src", "::/0")),
                    (2, ("src",)),
                    (2, ("src", "192.0.2.256")),
                    (2, ("src", "192.0.2.1/24")),
                    (2, ("sport", "2-1")),
                    (2, ("sport", "65536")),
                    (2, ("state", "dead")),
                    (2, ("state", "established,")),
                    (2, ("age", "5")),
                    (2, ("idle", "-1s")),
                    (2, ("service", "")),
                    (2, ("sr", "192.0.2.1")),
                    (2, ("192.0.2.1",)),
                    (1, ("src", "192.0.2.128/25")),
                    (1, ("state", "closing")),
                    (1, ("service", "nosuch")),
                    (1, ("service", "*:81")),
                    (1, ("age", "1h")),
                    (1, ("src", "192.0.2.128/25", "--dry-run"))):
                p = env.synkeeper("session", "kill", *words, check=False)
                lines = p.stderr.splitlines()
                assert p.returncode == code and not p.stdout and \
                    len(lines) == 1 and \
                    lines[0].startswith("synkeeper: session: "), \
                    f"kill {words}: expected exit code {code} and a line, " \
                    f"got {p.returncode}, {p.stdout!r}, {p.stderr!r}"
            for client in (clients[0], "192.0.2.1:1"):
                p = env.synkeeper("session", "show", client, "192.0.2.2:81",
                                  check=False)
                assert p.returncode == 1 and "no session" in p.stderr, \
                    f"show {client} 192.0.2.2:81: expected exit code 1, {p}"
            assert kernel_sockets(env) == before, \
                f"sockets: before {before}, now {kernel_sockets(env)}"


@net_test
def test_other_program_has_the_socket(env):
    """At the server's own end reads fail, and no other descriptor does."""
    with listen(env) as listener:
        protect(env)
        victim, lives = pair(env, listener), pair(env, listener)
        for c, s in (victim, lives):
            c.sendall(b"x")
            s.recv(1)
        client = client_of(victim[0])
        wait_state(env, client, "established", "first data")
        port = client.rpartition(":")[2]
        env.synkeeper("session", "kill", "sport", port)
        try:
            got = victim[1].recv(1)
        except OSError as e:
            got = e.errno
        assert got == errno.ECONNABORTED, \
            f"the server's end: expected ECONNABORTED, got {got!r}"
        lives[0].sendall(b"alive")
        got = receive(lives[1], 5)
        assert got == b"alive", f"the other connection: got {got!r}"
        stats_agree(env, "one killed")
