# SPDX-License-Identifier: GPL-2.0-only
"""Many long transfers at once, with every byte compared.

Theory of operation: connections to an echo server (crowd.serve), all in one
thread. Each sends a block of random bytes, waits until all of it has come back,
byte for byte, pauses briefly and sends the next. A connection that ends or
returns a wrong byte has failed, which go_on() reports.

	with Transfers(env, 200, port=81) as transfers:
		...
		transfers.go_on("after the restart")
"""
import random
import selectors
import threading
import time

from namespace import wait_for
from sockets import connect

PIECE = 8192
REST_S = 0.1
LOOK_S = 0.02


class Transfer:
    def __init__(self, env, port, number):
        self._dice = random.Random(number)
        self._sock = connect(env, port, v6=number % 2 == 1)
        self._sock.setblocking(False)
        self._out = self._due = b""
        self._next_at = 0.0
        self.moved = 0
        self.error = ""

    def fileno(self):
        return self._sock.fileno()

    def close(self):
        self._sock.close()

    def go(self, readable):
        """One step; never blocks."""
        try:
            if readable:
                self._take(self._sock.recv(PIECE))
            if not self._due and time.monotonic() >= self._next_at:
                self._due = self._out = self._dice.randbytes(PIECE)
            if self._out:
                self._out = self._out[self._sock.send(self._out):]
        except BlockingIOError:
            pass
        except OSError as e:
            self.error = f"{self._sock}: {e} after {self.moved} bytes"

    def _take(self, data):
        if not data:
            raise OSError("closed")
        if not self._due.startswith(data):
            raise OSError("wrong bytes")
        self._due = self._due[len(data):]
        self.moved += len(data)
        if not self._due:
            self._next_at = time.monotonic() + REST_S


class Transfers:
    def __init__(self, env, count, port):
        self._all = [Transfer(env, port, n) for n in range(count)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        for t in self._all:
            t.close()

    def _run(self):
        with selectors.DefaultSelector() as selector:
            for t in self._all:
                selector.register(t, selectors.EVENT_READ)
            while not self._stop.is_set():
                for key, _ in selector.select(LOOK_S):
                    if not key.fileobj.error:
                        key.fileobj.go(True)
                for t in self._all:
                    if not t.error:
                        t.go(False)

    def moved(self):
        return sum(t.moved for t in self._all)

    def go_on(self, when, timeout=10):
        """Waits until each has moved another block; none may have failed."""
        goals = [t.moved + PIECE for t in self._all]

        def all_moved():
            failed = [t.error for t in self._all if t.error]
            assert not failed, f"{len(failed)} of {len(self._all)} " \
                f"transfers failed {when}; the first: {failed[0]}"
            return all(t.moved >= g for t, g in zip(self._all, goals))

        wait_for(all_moved, timeout,
                 f"all {len(self._all)} transfers to move on {when}")
