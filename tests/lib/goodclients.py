# SPDX-License-Identifier: GPL-2.0-only
"""Good clients, which must not be affected by anything a test does.

Theory of operation: threads of this process, in the client's namespace, talk
HTTP to env.nginx(). GoodClients opens one connection after another while its
`with` lasts and fails the test if any of them failed; Held is one long-lived
connection that sends a request now and then. Both compare every byte with the
file that nginx serves.
"""
import contextlib
import socket
import threading
import time

from namespace import wait_for
from slack import slack

TIMEOUT = slack(15)  # seconds per connection; each lost SYN costs at least one


def body_of(answer):
    """Checks the status line, strips the headers."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise AssertionError(f"expected HTTP 200, got {head[:60]!r}")
    return body


def connect(env, port=80, v6=False, address=None, timeout=TIMEOUT):
    """A connected client socket."""
    address = address or (env.server.ip6 if v6 else env.server.ip4)
    with env.client.inside():
        return socket.create_connection((address, port), timeout)


def get_once(env, port=80, v6=False, address=None, timeout=TIMEOUT):
    """Connects, gets /1k, compares."""
    want, answer = file_1k(env), b""
    try:
        with contextlib.closing(connect(env, port, v6, address,
                                        timeout)) as s:
            s.sendall(b"GET /1k HTTP/1.0\r\n\r\n")
            while got := s.recv(65536):
                answer += got
    except OSError as e:
        where = address or ("IPv6" if v6 else "IPv4")
        raise AssertionError(f"a good client to {where}, port {port}, "
                             f"failed: {e}") from e
    if body_of(answer) != want:
        raise AssertionError("/1k: wrong bytes")


def get_until(env, count, what, **where):
    """Connects until count() grows. The first attempt may not be counted: a
    port that had a session before is left to the kernel (TIME-WAIT)."""
    before = count()
    for _ in range(20):
        get_once(env, **where)
        if count() > before:
            return
    raise AssertionError(f"20 connections, none {what}")


def file_1k(env):
    with open(f"{env.dir}/www/1k", "rb") as f:
        return f.read()


class Held:
    """A connection that must survive whatever a test does."""

    def __init__(self, env, port=80, v6=False):
        self.want = file_1k(env)
        self.what = f"the held connection to port {port}"
        try:
            self.socket = connect(env, port, v6)
        except OSError as e:
            raise AssertionError(f"{self.what} failed: {e}") from e
        self.ask()

    def ask(self, when="at its start"):
        try:
            self.socket.sendall(b"GET /1k HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while len(answer.partition(b"\r\n\r\n")[2]) < len(self.want):
                got = self.socket.recv(65536)
                if not got:
                    raise AssertionError(f"{self.what} was closed {when}")
                answer += got
        except OSError as e:
            raise AssertionError(f"{self.what} broke {when}: {e}") from e
        if body_of(answer) != self.want:
            raise AssertionError(f"{self.what} got wrong bytes {when}")


class GoodClients:
    """with GoodClients(env) as good: ...; good.wait_more(20)"""

    def __init__(self, env, port=80, v6=False, address=None, threads=2):
        self.env = env
        self.args = {"port": port, "v6": v6, "address": address}
        self.done = 0
        self.errors = []
        self.slowest = 0.0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._ended = [0] * threads  # connections, of each thread
        self._threads = [threading.Thread(target=self._loop, args=(i,),
                                          daemon=True)
                         for i in range(threads)]

    def _loop(self, i):
        while not self._stop.is_set():
            start = time.monotonic()
            try:
                get_once(self.env, **self.args)
            except AssertionError as e:
                with self._lock:
                    self.errors.append(str(e))
                    self._ended[i] += 1
                    if len(self.errors) > 20:
                        return
                continue
            with self._lock:
                self.done += 1
                self._ended[i] += 1
                self.slowest = max(self.slowest, time.monotonic() - start)

    def __enter__(self):
        for t in self._threads:
            t.start()
        return self

    def __exit__(self, kind, *_):
        self._stop.set()
        for t in self._threads:
            t.join(2 * TIMEOUT)
        if not kind:
            self.check("meanwhile")

    def check(self, when):
        """No client may have failed, and at least one was served."""
        if self.errors:
            raise AssertionError(
                f"{len(self.errors)} good clients failed {when}, {self.done} "
                f"succeeded; the first: {self.errors[0]}")
        if not self.done:
            raise AssertionError(f"no good client got through {when}")

    def wait_in_flight(self):
        """Waits until the connections that are open now have ended."""
        before = list(self._ended)
        wait_for(lambda: all(now > then for now, then
                             in zip(self._ended, before)), 30,
                 "the connections of this moment to end")

    def wait_more(self, n, when="meanwhile", timeout=30):
        """Waits until @n more of them have been served."""
        end = time.monotonic() + slack(timeout)
        want = self.done + n
        while self.done < want:
            if self.errors:
                self.check(when)
            if time.monotonic() > end:
                raise AssertionError(
                    f"{n + self.done - want} of {n} good clients got through "
                    f"in {timeout} s {when}")
            time.sleep(0.01)
