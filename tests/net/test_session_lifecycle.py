# SPDX-License-Identifier: GPL-2.0-only
"""Synkeeper stops and starts; the sessions stay, and are found again.

Theory of operation: connections of both families exist, some half-closed, and
transfers run, with every byte compared. Then the daemon crashes, exits,
restarts, is stopped; its service, or an interface, is removed. No socket may be
lost, and afterwards table, sockets and totals agree again, with not one session
more than there were connections.
"""
import contextlib
import signal
import socket
import threading
import time

import attached
from attached import add_pair
from crowd import Paced
from namespace import wait_for
from nettest import net_test
from session_stats import protect, sessions, wait_armed
from sockets import Stream, ask, connect, echo, listen, move, pair, receive
from teardown import (BOTH, client_of, kernel_sockets, life, stats_agree,
                      wait_state)

STANDING = 48
TURNS = 3
KEEP = "[daemon]\non-exit = keep\n"
STOPPED_S = 3


def totals(env):
    return env.json("session", "totals")["total"]


def opened_and_ended(env):
    t = totals(env)
    return t["opened"], {k: n for k, n in t["ended"].items() if n}


def half_close(c, s, n):
    """Half-closes every eighth by its client, every eighth by its server."""
    if n % 8 == 3:
        c.shutdown(socket.SHUT_WR)
        assert s.recv(1) == b"", "the client's FIN did not arrive"
    elif n % 8 == 7:
        s.shutdown(socket.SHUT_WR)
        assert c.recv(1) == b"", "the server's FIN did not arrive"


def still_there(c, s, n):
    """Data goes each way that is open."""
    if n % 8 != 3:
        c.sendall(b"there")
        got = receive(s, 5)
        assert got == b"there", f"connection {n}: expected data, got {got!r}"
    if n % 8 != 7:
        s.sendall(b"back")
        got = receive(c, 4)
        assert got == b"back", f"connection {n}: expected data, got {got!r}"


class Held:
    """Open connections and four running transfers."""

    def __init__(self, env, listener):
        self.env = env
        self.pairs = [pair(env, listener, v6=n % 2 == 1)
                      for n in range(STANDING)]
        for n, (c, s) in enumerate(self.pairs):
            move(c, s, 1000)
            half_close(c, s, n // 2)
        running = [pair(env, listener, v6=v6) for v6 in BOTH * 2]
        self.streams = [Stream(Paced(a), b) for a, b in
                        (ends if n < 2 else ends[::-1]
                         for n, ends in enumerate(running))]
        self.clients = {client_of(c) for c, _ in (*self.pairs, *running)}
        self.all = (*self.pairs, *running)
        self.go_on()

    def go_on(self):
        for stream in self.streams:
            stream.wait_moved()

    def found_again(self, what, opened=None):
        """One session for each, over all time; the sockets are the same.
        @opened: how often a session was opened, if it is known."""
        missing = self.clients - {c for c, _ in kernel_sockets(self.env)}
        assert not missing, f"{what}: the sockets of {missing} are gone"
        self.go_on()
        stats_agree(self.env, what)
        rows = sessions(self.env)
        got = {row["client"] for row in rows}
        assert got == self.clients and len(rows) == len(got), \
            f"{what}: expected {len(self.clients)} sessions, got {len(rows)}," \
            f" {len(self.clients - got)} missing"
        if opened is not None:
            assert opened_and_ended(self.env) == (opened, {}), \
                f"{what}: expected {opened} opened and none ended, got " \
                f"{opened_and_ended(self.env)}"

    def use_all(self):
        for n, (c, s) in enumerate(self.pairs):
            still_there(c, s, n // 2)

    def end(self, what):
        """Everything is closed by both sides, and was counted as that."""
        n = len(self.all)
        with life(self.env, f"{what}, the end", opened=0, closed=n):
            for stream in self.streams:
                stream.stop()
            for c, s in self.all:
                c.close()
                s.close()


@contextlib.contextmanager
def held(env, config=KEEP):
    """(listener, daemon, Held), which is closed at the end."""
    with listen(env) as listener:
        daemon = protect(env, config=config)
        h = Held(env, listener)
        h.found_again("at the start", len(h.clients))
        yield listener, daemon, h
        h.use_all()
        stats_agree(env, "all used")
        h.end("at the end")


@net_test
def test_killed_and_started(env):
    """kill -9, three times: the totals continue."""
    with held(env) as (_, daemon, h):
        for turn in range(TURNS):
            what = f"kill -9 number {turn}"
            daemon.kill()
            h.go_on()
            if turn == 1:
                h.use_all()
            daemon = protect(env, config=KEEP)
            h.found_again(what, len(h.clients))


@net_test
def test_ended_and_started(env):
    """SIGTERM with on-exit = keep, three times."""
    with held(env) as (_, daemon, h):
        for turn in range(TURNS):
            daemon.signal(signal.SIGTERM)
            code = daemon.wait(10)
            assert code == 0, f"SIGTERM: exit code {code}"
            h.go_on()
            daemon = protect(env, config=KEEP)
            h.found_again(f"SIGTERM number {turn}", len(h.clients))


@net_test
def test_changes_while_it_is_gone(env):
    """No daemon while connections open, close and are reset; FINs are tracked,
    and the successor finds out the rest."""
    with held(env) as (listener, daemon, h):
        ends = [pair(env, listener, v6=n % 2 == 1) for n in range(12)]
        for c, s in ends:
            move(c, s, 1000)
        before = opened_and_ended(env)[0]
        daemon.kill()
        new = [pair(env, listener) for _ in range(4)]
        for c, s in new:
            move(c, s, 1000)
        for n, (c, s) in enumerate((*ends, *new)):
            for sock in ((c, s), (s, c))[n % 2]:
                if n % 4 >= 2:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                    b"\1\0\0\0\0\0\0\0")
                sock.close()
        h.go_on()
        daemon = protect(env, config=KEEP)
        wait_for(lambda: sum(totals(env)["ended"].values()) == 16, 10,
                 f"16 sessions to be ended, now {opened_and_ended(env)}")
        got = opened_and_ended(env)
        assert got == (before + 4, {"closed": 8, "reset": 8}), \
            f"without a daemon: expected {before + 4} opened, 8 closed and " \
            f"8 reset, got {got}"
        stats_agree(env, "without a daemon")


@net_test
def test_down_and_up(env):
    """Everything is removed, sockets and transfers stay; the next start enters
    each of them once."""
    with held(env) as (_, daemon, h):
        for turn in range(TURNS):
            env.synkeeper("down")
            assert daemon.wait(10) == 0, daemon.output()
            attached.nothing_left(env, f"down number {turn}")
            h.go_on()
            h.use_all()
            daemon = protect(env, config=KEEP)
            h.found_again(f"down number {turn}", len(h.clients))
            got = totals(env)["events"]["adopted"]
            assert got == len(h.clients), \
                f"start after down: expected {len(h.clients)}, {got} adopted"


@net_test
def test_service_deleted_and_added(env):
    """The same sessions and the same totals are kept for it."""
    with held(env) as (_, _, h):
        for turn in range(TURNS):
            what = f"service del and add, number {turn}"
            env.synkeeper("service", "del", "*:80")
            h.go_on()
            h.use_all()
            env.synkeeper("service", "add", "*:80")
            wait_armed(env)
            h.found_again(what, len(h.clients))


@net_test
def test_connections_without_the_service(env):
    """What opens and closes while the service does not exist is left to the
    kernel; what stays open is found when the service is added."""
    with held(env) as (listener, _, h):
        env.synkeeper("service", "del", "*:80")
        gone, stay = ([pair(env, listener, v6=v6) for v6 in BOTH * 3]
                      for _ in range(2))
        for c, s in (*gone, *stay):
            move(c, s, 1000)
        for c, s in gone:
            c.close()
            s.close()
        env.synkeeper("service", "add", "*:80")
        wait_armed(env)
        stats_agree(env, "service added")
        clients = {client_of(c) for c, _ in stay}
        with life(env, "what was opened without the service", opened=0,
                  closed=len(stay)):
            for c, s in stay:
                move(c, s, 1000)
                c.close()
                s.close()
        assert clients, "test set-up: no clients"


@net_test
def test_interface_removed(env):
    """Its sessions stay until the kernel closes their sockets; those of the
    other interface are unaffected."""
    address = add_pair(env)
    with listen(env) as listener:
        protect(env, config=f"{KEEP}interface = server1\n")
        h = Held(env, listener)
        others = [(connect(env, address=address), listener.accept()[0])
                  for _ in range(8)]
        for c, s in others:
            c.sendall(b"x")
            s.recv(1)
        stats_agree(env, "two interfaces")
        env.server.ip("link", "del", "server1")
        h.go_on()
        h.use_all()
        stats_agree(env, "one interface removed")
        n = env.json("session", "list", "--count", "dst", address)["total"]
        assert n == len(others), \
            f"sessions of the removed interface: expected 8, got {n}"
        with life(env, "sessions of the removed interface are killed",
                  opened=0, killed=len(others)):
            env.synkeeper("session", "kill", "dst", address)
        for c, s in others:
            c.close()
            s.close()
        h.end("one interface removed")


def come_and_go(env, v6, errors):
    """A connection that opens, sends and closes."""
    try:
        with connect(env, v6=v6) as c:
            ask(c, b"hello")
    except (OSError, AssertionError) as e:
        errors.append(repr(e))


def serve_all(listener, done):
    """Echoes to each, until stopped."""
    listener.settimeout(0.1)
    while not done.is_set():
        with contextlib.suppress(TimeoutError):
            s, _ = listener.accept()
            s.settimeout(5)
            with s, contextlib.suppress(OSError):
                echo(s)


@net_test
def test_stopped_for_a_while(env):
    """SIGSTOP: connections open and close, good clients are unaffected, and
    after SIGCONT the stats are right at once."""
    with held(env) as (listener, daemon, h):
        done, errors, count = threading.Event(), [], 0
        server = threading.Thread(target=serve_all, args=(listener, done))
        before = opened_and_ended(env)
        daemon.signal(signal.SIGSTOP)
        server.start()
        try:
            end = time.monotonic() + STOPPED_S
            while time.monotonic() < end:
                come_and_go(env, count % 2 == 1, errors)
                count += 1
        finally:
            done.set()
            server.join()
            daemon.signal(signal.SIGCONT)
        h.go_on()
        assert not errors and count > 20, \
            f"while the daemon was stopped: {count} clients, {len(errors)} " \
            f"failed: {errors[:1]}"
        stats_agree(env, "stopped and continued")
        got = opened_and_ended(env)
        assert got == (before[0] + count, {"closed": count}), \
            f"stopped and continued: expected {count} more opened and " \
            f"closed, got {before}, then {got}"
        wait_state(env, client_of(h.pairs[0][0]), "established", "SIGCONT")
        print(f"{count} connections while the daemon was stopped")
