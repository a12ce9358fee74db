# SPDX-License-Identifier: GPL-2.0-only
"""Good clients at a steady rate, in a process of their own.

Theory of operation: every 1/RATE s a client connects, requests /1k and reads to
the end; no port is used twice. It prints a line once the first is served. A
line on stdin ends it; clients still running may finish first, and the results
are printed as JSON: {"asked" "served" "failures": n, "failed": [...]
"slowest"}. A lost SYN costs its client a second and is no failure; a reset, a
time-out and a wrong byte are.

usage: steady.py SOURCE SERVER PORT RATE FILE
"""
import errno
import json
import os
import select
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "../lib"))
from slack import slack  # noqa: E402

PORTS = range(10000, 61000)
PATIENCE_S = slack(15)
FAILURES_TOLD = 5


class Client:
    def __init__(self, source, server, port):
        self.start = time.monotonic()
        self.got = b""
        self.asked = False
        self.port = source[1]
        self.sock = socket.socket(socket.AF_INET6 if ":" in source[0] else
                                  socket.AF_INET)
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(source)
        if self.sock.connect_ex((server, port)) not in (0, errno.EINPROGRESS):
            raise OSError(f"cannot start a connection from {source}")

    def step(self):
        """Handles an event. Returns whether it is done; raises OSError."""
        if not self.asked:
            error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, os.strerror(error))
            self.sock.sendall(b"GET /1k HTTP/1.0\r\n\r\n")
            self.asked = True
            return False
        data = self.sock.recv(65536)
        self.got += data
        return not data


class Steady:
    def __init__(self, source, server, port, rate, want):
        self.where = source, server, port
        self.every = 1 / rate
        self.want = want
        self.ports = iter(PORTS)
        self.clients = {}
        self.poll = select.epoll()
        self.out = {"asked": 0, "served": 0, "failed": [], "slowest": 0.0}

    def begin(self):
        source, server, port = self.where
        c = Client((source, next(self.ports)), server, port)
        self.clients[c.sock.fileno()] = c
        self.poll.register(c.sock, select.EPOLLOUT)
        self.out["asked"] += 1

    def end(self, c, why=None):
        del self.clients[c.sock.fileno()]
        self.poll.unregister(c.sock)
        c.sock.close()
        took = time.monotonic() - c.start
        if not why and not c.got.endswith(self.want):
            why = f"{len(c.got)} bytes, not those expected"
        if why:
            self.out["failed"].append(f"port {c.port}, {why} after "
                                      f"{took:.2f} s")
        else:
            self.out["served"] += 1
            if self.out["served"] == 1:
                print("begun", flush=True)
            self.out["slowest"] = max(self.out["slowest"], took)

    def wait(self, seconds):
        for fd, _ in self.poll.poll(max(0, seconds)):
            c = self.clients[fd]
            try:
                if c.step():
                    self.end(c)
                elif c.asked:
                    self.poll.modify(c.sock, select.EPOLLIN)
            except OSError as e:
                self.end(c, e.strerror)
        now = time.monotonic()
        for c in list(self.clients.values()):
            if now - c.start > PATIENCE_S:
                self.end(c, "time-out")

    def run(self):
        following = time.monotonic()
        while not select.select([sys.stdin], [], [], 0)[0]:
            if time.monotonic() >= following:
                self.begin()
                following += self.every
            self.wait(following - time.monotonic())
        while self.clients:
            self.wait(0.1)
        self.out["failures"] = len(self.out["failed"])
        del self.out["failed"][FAILURES_TOLD:]
        print(json.dumps(self.out), flush=True)


def main(source, server, port, rate, path):
    with open(path, "rb") as f:
        want = f.read()
    Steady(source, server, int(port), float(rate), b"\r\n\r\n" + want).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
