# SPDX-License-Identifier: GPL-2.0-only
"""Sockets of the two namespaces, made by the test process itself.

Theory of operation: a socket stays in the namespace in which it was created, so
a test can hold both ends of a connection: listen() and connect() create them,
and Server runs a function in a thread for each accepted socket. move()
transfers a pattern both ways at once and compares every byte. Every socket has
a time-out, so that a lost packet is an error and not a hanging test.
"""
import contextlib
import errno
import hashlib
import random
import re
import socket
import struct
import threading

import nettest
from namespace import wait_for
from slack import slack

TIMEOUT = slack(5)
CHUNK = 1 << 18


def server_address(env, port=80, v6=False):
    return (env.server.ip6 if v6 else env.server.ip4, port)


def listen(env, address="::", port=80, backlog=128, v6only=False,
           reuseport=False, proto=0, namespace=None):
    """A listener on the server; :: accepts both families unless v6only."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with (namespace or env.server).inside():
        s = socket.socket(family, socket.SOCK_STREAM, proto)
    s.settimeout(TIMEOUT)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    if reuseport:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind((address, port))
    s.listen(backlog)
    return s


def client_socket(env, v6=False, sport=0):
    with env.client.inside():
        s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET,
                          socket.SOCK_STREAM)
    s.settimeout(TIMEOUT)
    if sport:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("", sport))
    return s


def connect(env, port=80, v6=False, sport=0, timeout=TIMEOUT, address=None):
    """A connection from the client's kernel to the server."""
    s = client_socket(env, v6, sport)
    s.settimeout(timeout)
    try:
        s.connect((address or server_address(env, v6=v6)[0], port))
    except OSError as e:
        s.close()
        raise AssertionError(f"connecting to port {port} over IPv"
                             f"{6 if v6 else 4}: {e!r}") from e
    return s


def connect_again(env, v6, sport, name):
    """From the same port, as soon as the client's kernel releases it."""
    c = None

    def connected():
        nonlocal c
        c = client_socket(env, v6, sport)
        error = c.connect_ex(server_address(env, v6=v6))
        assert error in (0, errno.EADDRNOTAVAIL), \
            f"{name}: expected a connection, got {errno.errorcode[error]}"
        if error:
            c.close()
        return not error

    wait_for(connected, 5, f"{name}: the client's kernel to reuse the port")
    return c


def connect_error(env, port=80, v6=False, timeout=TIMEOUT, address=None):
    """Connects and closes. The exception, or None if it worked."""
    try:
        connect(env, port, v6, timeout=timeout, address=address).close()
    except AssertionError as e:
        return e.__cause__
    return None


def accept(listener, what="accept()"):
    try:
        s, _ = listener.accept()
    except TimeoutError:
        raise AssertionError(f"{what}: expected a connection at accept(), "
                             "none came") from None
    s.settimeout(TIMEOUT)
    return s


def pair(env, listener, port=80, v6=False, sport=0):
    """A connection: (the client's socket, the server's)."""
    c = connect(env, port, v6, sport)
    return c, accept(listener)


def receive(sock, size):
    """Exactly @size bytes, or fewer if the stream ends."""
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            break
        data += part
    return data


def echo(sock):
    """Handler for Server: echoes until the end."""
    while data := sock.recv(65536):
        sock.sendall(data)


def banner(text):
    """Handler for Server: speaks first, then echoes."""
    def handler(sock):
        sock.sendall(text)
        echo(sock)
    return handler


class Server:
    """Accepts in a thread and runs handler(socket) in another for each."""

    def __init__(self, listener, handler=echo):
        self.listener = listener
        self.accepted = 0
        self.errors = []
        self._handler = handler
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):  # closed by the test
            self.listener.settimeout(None)
            while True:
                s, _ = self.listener.accept()
                self.accepted += 1
                threading.Thread(target=self._serve, args=(s,),
                                 daemon=True).start()

    def _serve(self, sock):
        sock.settimeout(TIMEOUT)
        with sock:
            try:
                self._handler(sock)
            except OSError as e:
                self.errors.append(e)


def ask(sock, text=b"ping"):
    """Sends to an echo handler, and requires the echo."""
    sock.sendall(text)
    got = receive(sock, len(text))
    assert got == text, f"echo: expected {text!r}, got {got!r}"


class Pattern:
    """Bytes of which every chunk differs; with position and digest."""

    def __init__(self, size, seed):
        self.size = size
        self._block = random.Random(seed).randbytes(CHUNK)

    def chunks(self):
        for at in range(0, self.size, CHUNK):
            yield (at.to_bytes(8, "big") + self._block[8:])[:self.size - at]

    def digest(self):
        h = hashlib.sha256()
        for chunk in self.chunks():
            h.update(chunk)
        return h.hexdigest()

    def send(self, sock):
        for chunk in self.chunks():
            sock.sendall(chunk)

    def check(self, sock):
        """Receives the whole pattern; fails with what came instead."""
        h, got = hashlib.sha256(), 0
        while got < self.size:
            data = sock.recv(min(CHUNK, self.size - got))
            if not data:
                break
            h.update(data)
            got += len(data)
        assert got == self.size, \
            f"transfer: expected {self.size} bytes, the end came after {got}"
        assert h.hexdigest() == self.digest(), \
            f"transfer: {got} bytes arrived, but not those sent"


class Task(threading.Thread):
    """A thread whose exception done() raises."""

    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self._call = (function, args)
        self._error = None
        self.start()

    def run(self):
        function, args = self._call
        try:
            function(*args)
        except Exception as e:  # of any kind: done() raises it
            self._error = e

    def done(self, timeout=60):
        timeout = slack(timeout)
        self.join(timeout)
        assert not self.is_alive(), f"still running after {timeout} s"
        if self._error:
            raise self._error


def start_move(a, b, size):
    """Starts a transfer both ways between two ends: tasks to wait for."""
    there, back = Pattern(size, "there"), Pattern(size, "back")
    return [Task(there.send, a), Task(there.check, b),
            Task(back.send, b), Task(back.check, a)]


def move(a, b, size=2 << 20):
    for task in start_move(a, b, size):
        try:
            task.done()
        except OSError as e:
            raise AssertionError(f"transfer of {size} bytes: {e!r}") from e


class Stream:
    """Endless bytes from one socket to the other, until stop()."""

    def __init__(self, source, sink):
        self.moved = 0
        self._stop = threading.Event()
        self._sent, self._got = hashlib.sha256(), hashlib.sha256()
        self._tasks = [Task(self._send, source), Task(self._receive, sink)]

    def _send(self, sock):
        for chunk in Pattern(1 << 50, "stream").chunks():
            if self._stop.is_set():
                break
            sock.sendall(chunk)
            self._sent.update(chunk)
        sock.shutdown(socket.SHUT_WR)

    def _receive(self, sock):
        while data := sock.recv(CHUNK):
            self._got.update(data)
            self.moved += len(data)

    def wait_moved(self, more=1 << 20):
        """Waits until more has arrived; fails if the transfer has."""
        goal = self.moved + more

        def arrived():
            if self.moved < goal and not all(t.is_alive() for t in self._tasks):
                self.stop()
                raise AssertionError(f"transfer ended after {self.moved} bytes")
            return self.moved >= goal

        wait_for(arrived, 10, f"more than {self.moved} bytes to arrive")

    def stop(self):
        self._stop.set()
        for task in self._tasks:
            try:
                task.done()
            except OSError as e:
                raise AssertionError(f"transfer broke after {self.moved} "
                                     f"bytes: {e!r}") from e
        assert self._got.digest() == self._sent.digest(), \
            f"transfer: {self.moved} bytes arrived, but not those sent"


def tcp_info(namespace, sock):
    """What ss -tinoe says about this socket: {"ts": True, "wscale": "7,7"...}.
    Words without a value are True."""
    port, peer = sock.getsockname()[1], sock.getpeername()[1]
    found = namespace.ss("-tinoe", f"sport = :{port} and dport = :{peer}")
    assert len(found) == 1, f"ss: expected one socket, got {found}"
    info = {}
    for word in found[0]["info"].split():
        m = re.match(r"([a-z_]+):(\S+)$", word)
        info[m.group(1) if m else word] = m.group(2) if m else True
    return info


def sign(sock, peer):
    """TCP_MD5SIG: struct tcp_md5sig of linux/tcp.h."""
    addr = struct.pack("=HH4s120x", socket.AF_INET, 0, socket.inet_aton(peer))
    key = struct.pack("=BBHi80s", 0, 0, 6, 0, b"secret")
    try:
        sock.setsockopt(socket.IPPROTO_TCP, 14, addr + key)
    except OSError as e:
        nettest.skip(f"no TCP MD5: {e}")
