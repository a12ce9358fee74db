# SPDX-License-Identifier: GPL-2.0-only
"""Tens of thousands of connections, and what a good client sees meanwhile.

Theory of operation: three programs in one, each in a process of its own, so
that none waits for another or for the test. `serve` holds what it accepts and
echoes what it receives; `crowd` opens connections, a few hundred at a time, and
holds them; `probe` opens a new connection every few milliseconds, sends on a
long-lived one, and records the slowest. A test talks to the last two in lines:
"open 1000" in, {"opened": 1000, ...} out; see Crowd and Probe below.
Connections are bound to a source address only: connect() picks the port, so
each source has sixty thousand. Open files are limited by the hard limit, so a
large crowd takes several processes, and the server has children that accept
until they are full.

usage: crowd.py serve PORT CHILDREN | crowd.py crowd|probe SERVER PORT SOURCE...
"""
import collections
import errno
import json
import os
import random
import resource
import select
import socket
import subprocess
import sys
import time

from slack import slack
from sockets import receive

IP_BIND_ADDRESS_NO_PORT = 24
OUTSTANDING = 256  # handshakes at once
ANSWER_S = slack(10)  # for a connection, or an echo
PROBE_EVERY_S = 0.01
PROBE_BYTES = 65536
WORD = 8  # bytes of a request to echo


# -- for tests

def make_room(env, v4=(), v6=()):
    """Ports, queues and source addresses for a crowd."""
    env.xdp(env.client, "pass")  # the default one treats these as spoofed
    for ns in (env.client, env.server):
        ns.sysctl("net.ipv4.ip_local_port_range", "1024 65535")
        ns.sysctl("net.core.somaxconn", 65535)
        ns.sysctl("net.ipv4.tcp_tw_reuse", 1)
    for address in v4:
        env.client.ip("addr", "add", f"{address}/32", "dev", env.client.iface)
    for address in v6:
        env.client.ip("addr", "add", f"{address}/128", "dev",
                      env.client.iface, "nodad")


def files_max():
    """The maximum number of open files per process."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def serve(env, port=80, children=1):
    """An echo server; returns once it listens."""
    p = env.server.start([sys.executable, __file__, "serve", port, children],
                         name=f"serve-{port}")
    env.server.wait_listening(port, p)
    return p


class Speaker:
    """A program of this file, on the client, driven by lines."""

    def __init__(self, env, what, port, sources):
        v6 = ":" in sources[0]
        cmd = env.client.command(
            [sys.executable, __file__, what,
             env.server.ip6 if v6 else env.server.ip4, port, *sources])
        self.what = f"{what} of {sources[0]}"
        self.popen = subprocess.Popen(
            cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            bufsize=1, start_new_session=True)

    def say(self, *words):
        print(*words, file=self.popen.stdin, flush=True)

    def hear(self):
        line = self.popen.stdout.readline()
        assert line, f"{self.what} exited with code {self.popen.wait()}"
        return json.loads(line)

    def ask(self, *words):
        self.say(*words)
        return self.hear()

    def end(self):
        self.popen.stdin.close()
        return self.popen.wait(60)


class Crowd(Speaker):
    """Connections from some sources, in turn."""

    def __init__(self, env, *sources, port=80):
        super().__init__(env, "crowd", port, sources or (env.client.ip4,))

    def _all(self, word, n, done):
        got = self.ask(word, n)
        assert got[done] == n, f"{self.what}: {word} {n}: {got}"
        return got

    def open(self, n):
        """Opens @n more, all of which must succeed. Returns the seconds."""
        return self._all("open", n, "opened")["seconds"]

    def churn(self, n):
        """Opens @n and closes them on the client. Returns the seconds."""
        return self._all("churn", n, "churned")["seconds"]

    def talk(self, n):
        """Each of the @n must get its own word back."""
        return self._all("talk", n, "answered")["seconds"]

    def outcomes(self):
        """{"alive" "reset" "closed": n} since the last call; only those alive
        are kept."""
        return self.ask("outcomes")

    def wait_reset(self, n, timeout=10):
        """Waits until @n were reset; none may have ended otherwise."""
        end, sums = time.monotonic() + slack(timeout), collections.Counter()
        while True:
            got = self.outcomes()
            sums.update(reset=got["reset"], closed=got["closed"])
            if sums["reset"] >= n or time.monotonic() > end:
                break
            time.sleep(0.05)
        assert sums["reset"] == n and not sums["closed"], f"{self.what}: " \
            f"expected {n} to be reset, got {dict(sums)}, {got['alive']} alive"
        return got["alive"]

    def close(self):
        """Closes all."""
        return self.ask("close")


class Probe(Speaker):
    """A good client that measures latency."""

    def __init__(self, env, source, port=81):
        super().__init__(env, "probe", port, (source,))
        self.report()  # waits until it is up

    def report(self):
        """Since the last report: {"connected" "slowest_ms" "median_ms" "echoed"
        (bytes) "longest_gap_ms" "errors": [text]}."""
        return self.ask("report")

    def well(self, when, most_ms):
        """No errors, and nothing took longer than that. The report."""
        got = self.report()
        assert not got["errors"], f"a good client {when}: {got}"
        assert got["connected"] and got["echoed"], \
            f"a good client {when} made no progress: {got}"
        slowest = max(got["slowest_ms"], got["longest_gap_ms"])
        assert slowest <= most_ms, \
            f"a good client {when}: expected at most {most_ms} ms, got {got}"
        return got


class Paced:
    """A socket for a Stream that should leave the CPUs to others."""

    def __init__(self, sock):
        self.shutdown = sock.shutdown
        self._sock = sock

    def sendall(self, data):
        time.sleep(PROBE_EVERY_S)
        self._sock.sendall(data)


# -- the programs

def run_server(port, children):
    with socket.socket(socket.AF_INET6) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::", port))
        listener.listen(65535)
        listener.setblocking(False)
        for _ in range(children - 1):
            if not os.fork():
                break
        serve_all(listener)


def serve_all(listener):
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN | select.EPOLLEXCLUSIVE)
    held = {}
    while True:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                take_all(listener, poll, held)
            elif not echo(held[fd]):
                del held[fd]  # closes it


def take_all(listener, poll, held):
    for _ in range(OUTSTANDING):
        try:
            s, _ = listener.accept()
        except OSError as e:
            if e.errno == errno.EMFILE:
                poll.unregister(listener)  # full: the other children accept
            break
        s.setblocking(False)
        held[s.fileno()] = s
        poll.register(s, select.EPOLLIN)


def echo(s):
    try:
        data = s.recv(PROBE_BYTES)
        if data:
            s.setblocking(True)
            s.sendall(data)
            s.setblocking(False)
    except OSError:
        data = b""
    if not data:
        s.close()
    return data


def new_socket(source):
    s = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET)
    s.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    s.bind((source, 0))
    return s


class Connections:
    """The program behind Crowd."""

    def __init__(self, server, sources):
        self.server = server
        self.sources = sources
        self.held = []
        self.turn = 0

    def _begin(self):
        self.turn += 1
        s = new_socket(self.sources[self.turn % len(self.sources)])
        s.setblocking(False)
        s.connect_ex(self.server)
        return s

    def _open(self, n, keep):
        """Opens @n, OUTSTANDING at a time. The count and the first error."""
        poll, waiting, done, begun = select.epoll(), {}, 0, 0
        error, end = "", time.monotonic() + ANSWER_S
        while begun < n or waiting:
            while begun < n and len(waiting) < OUTSTANDING:
                s = self._begin()
                waiting[s.fileno()] = s
                poll.register(s, select.EPOLLOUT)
                begun += 1
            for fd, _ in poll.poll(1):
                end = time.monotonic() + ANSWER_S
                s = waiting.pop(fd)
                poll.unregister(fd)
                e = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                error = error or (e and os.strerror(e))
                done += not e
                if keep and not e:
                    self.held.append(s)
                else:
                    s.close()
            if time.monotonic() > end:
                error = error or f"{len(waiting)} got no answer"
                break
        return done, error

    def open(self, n):
        start = time.monotonic()
        done, error = self._open(int(n), True)
        return {"opened": done, "error": error,
                "seconds": time.monotonic() - start}

    def churn(self, n):
        start = time.monotonic()
        done, error = self._open(int(n), False)
        return {"churned": done, "error": error,
                "seconds": time.monotonic() - start}

    def talk(self, _n):
        """All send first, then each reads its echo."""
        start, answered, error = time.monotonic(), 0, ""
        words = []
        for s in self.held:
            words.append(random.randbytes(WORD))
            s.setblocking(True)
            s.settimeout(ANSWER_S)
            try:
                s.sendall(words[-1])
            except OSError as e:
                error = error or f"send: {e}"
        for s, word in zip(self.held, words):
            try:
                got = receive(s, WORD)
                answered += got == word
                error = error or (got != word and f"{got!r} for {word!r}")
            except OSError as e:
                error = error or f"recv: {e}"
        return {"answered": answered, "error": error,
                "seconds": time.monotonic() - start}

    def outcomes(self):
        kept, counts = [], collections.Counter(alive=0, reset=0, closed=0)
        for s in self.held:
            s.setblocking(False)
            try:
                outcome = "alive" if s.recv(1, socket.MSG_PEEK) else "closed"
            except BlockingIOError:
                outcome = "alive"
            except OSError:
                outcome = "reset"
            counts[outcome] += 1
            if outcome == "alive":
                kept.append(s)
            else:
                s.close()
        self.held = kept
        return counts

    def close(self):
        for s in self.held:
            s.close()
        n, self.held = len(self.held), []
        return {"closed": n}


def run_crowd(server, sources):
    crowd = Connections(server, sources)
    for line in sys.stdin:
        word, *args = line.split()
        print(json.dumps(getattr(crowd, word)(*args)), flush=True)


class Timed:
    """The program behind Probe."""

    def __init__(self, server, source):
        self.server = server
        self.source = source
        self.data = random.randbytes(PROBE_BYTES)
        self.kept = self._connect()
        self.clear()

    def clear(self):
        self.times, self.errors = [], []
        self.echoed, self.gap = 0, 0.0

    def _connect(self):
        s = new_socket(self.source)
        s.settimeout(ANSWER_S)
        s.connect(self.server)
        return s

    def round(self):
        try:
            start = time.monotonic()
            self._connect().close()
            self.times.append(time.monotonic() - start)
            start = time.monotonic()
            self.kept.sendall(self.data)
            got = receive(self.kept, PROBE_BYTES)
            self.gap = max(self.gap, time.monotonic() - start)
            self.echoed += len(got)
            if got != self.data:
                self.errors.append("wrong bytes in the echo")
        except OSError as e:
            self.errors.append(str(e))

    def report(self):
        times = sorted(self.times)
        got = {"connected": len(times), "echoed": self.echoed,
               "slowest_ms": round(1000 * max(times, default=0), 1),
               "median_ms": round(1000 * times[len(times) // 2], 1)
               if times else 0,
               "longest_gap_ms": round(1000 * self.gap, 1),
               "errors": self.errors[:5]}
        self.clear()
        return got


def run_probe(server, source):
    probe = Timed(server, source)
    while True:
        probe.round()
        if select.select([sys.stdin], [], [], PROBE_EVERY_S)[0]:
            if not sys.stdin.readline():
                break
            print(json.dumps(probe.report()), flush=True)


def main(what, *args):
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max(), files_max()))
    if what == "serve":
        run_server(int(args[0]), int(args[1]))
    elif what == "crowd":
        run_crowd((args[0], int(args[1])), args[2:])
    else:
        run_probe((args[0], int(args[1])), args[2])


if __name__ == "__main__":
    main(*sys.argv[1:])
