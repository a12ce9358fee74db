# SPDX-License-Identifier: GPL-2.0-only
"""Spliced connections that take a while to open, and what is lost meanwhile.

Theory of operation: what the client sends before the server has answered is
held. A rule on the host's way in delays the server's side: it drops the first
packets of a kind, so that somebody has to send them again. All data have to
arrive, in order, once.
"""
import contextlib
import hashlib
import socket
import threading

from namespace import wait_for
from nettest import net_test
from session_stats import reasons
from sockets import accept, connect, pair, receive
from splicebed import FAMILIES, SPLICED_PORT as PORT, spliced_listener

# drops the first @n packets that match; a counter of its own
LOSES = """
table inet loses {{
	chain way {{
		type filter hook forward priority -10
		{match} limit rate over 1/hour burst {burst} packets accept
		{match} drop
	}}
}}
"""


@contextlib.contextmanager
def losing(env, match):
    """The first packet that matches is lost on the host."""
    env.host.run(["nft", "-f", "-"], input=LOSES.format(match=match, burst=1))
    try:
        yield
    finally:
        env.host.run(["nft", "delete", "table", "inet", "loses"])


def blob(size):
    return hashlib.shake_128(b"first data").digest(size)


def ask_first(env, listener, v6, size, what):
    """The client sends at once; the server must receive just that."""
    want = blob(size)
    with connect(env, PORT, v6) as c:
        c.sendall(want)
        with accept(listener, what) as s:
            got = receive(s, size)
            assert got == want, f"{what}: expected {size} bytes, got " \
                f"{len(got)}, the first {len(commonprefix(got, want))} right"
            s.sendall(b"done")
            assert receive(c, 4) == b"done", f"{what}: no answer"


def commonprefix(a, b):
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return a[:n]


SYN = f"tcp dport {PORT} tcp flags syn / syn,ack"
SYN_ACK = f"tcp sport {PORT} tcp flags syn,ack / syn,ack"
ACK = f"tcp dport {PORT} tcp flags ack / syn,ack"


def ask_while_losing(env, listener, match, size, what):
    for v6, name in FAMILIES:
        with losing(env, match):
            ask_first(env, listener, v6, size, f"{what}, {name}")


@net_test
def test_syn_lost(env):
    """The made SYN: the client's own data bring it again."""
    with spliced_listener(env) as listener:
        ask_while_losing(env, listener, SYN, 7000, "SYN lost")
        got = reasons(env)
        assert got.get("spliced_again") and got.get("held"), \
            f"expected spliced_again and held, got {got}"


@net_test
def test_syn_ack_lost(env):
    with spliced_listener(env) as listener:
        ask_while_losing(env, listener, SYN_ACK, 7000, "SYN-ACK lost")


@net_test
def test_opening_ack_lost(env):
    """The ACK that XDP owes in the client's name; the data make up for it."""
    with spliced_listener(env) as listener:
        ask_while_losing(env, listener, ACK, 3000, "ACK lost")


@net_test
def test_held_in_all_sizes(env):
    """From one byte to all that can be held."""
    with spliced_listener(env) as listener:
        for size in (1, 2, 3, 5, 99, 1447, 1448, 1449, 2895, 7001, 11000):
            ask_while_losing(env, listener, SYN, size, f"{size} bytes")


@net_test
def test_fin_behind_data(env):
    """A client that sends and half-closes at once."""
    with spliced_listener(env) as listener:
        for v6, name in FAMILIES:
            with losing(env, SYN), \
                    connect(env, PORT, v6) as c:
                c.sendall(blob(500))
                c.shutdown(socket.SHUT_WR)
                with accept(listener, name) as s:
                    assert receive(s, 501) == blob(500), \
                        f"{name}: expected 500 bytes and the end"
                    s.sendall(b"ok")
                    assert receive(c, 2) == b"ok", f"{name}: no answer"


@net_test
def test_many_at_once(env):
    """A hundred requests of 5 kB at once, every byte compared."""
    with spliced_listener(env) as listener:
        wrong = []

        def serve():
            for _ in range(100):
                s = accept(listener)
                threading.Thread(target=answer, args=(s,)).start()

        def answer(s):
            with s:
                data = receive(s, 5000)
                s.sendall(b"+" if data == blob(5000) else b"-")

        thread = threading.Thread(target=serve)
        thread.start()
        clients = [connect(env, PORT, i % 2 == 1) for i in range(100)]
        for c in clients:
            c.sendall(blob(5000))
        for i, c in enumerate(clients):
            with c:
                if receive(c, 1) != b"+":
                    wrong.append(i)
        thread.join()
        assert not wrong, f"clients {wrong}: wrong bytes at the server"


@net_test
def test_old_connection_at_the_server(env):
    """It answers the SYN with a challenge ACK: reset, and opened anew."""
    with spliced_listener(env) as listener:
        for v6, name in FAMILIES:
            c, s = pair(env, listener, PORT, v6)
            sport = c.getsockname()[1]
            with losing(env, f"tcp dport {PORT} tcp flags & rst == rst"):
                env.synkeeper("session", "kill", "sport", str(sport))
                wait_for(lambda: is_over(c), 5, f"{name}: the client's reset")
                c.close()
            with connect(env, PORT, v6, sport) as c:
                c.sendall(b"new")
                with accept(listener, name) as t:
                    got = receive(t, 3)
                    assert got == b"new", f"{name}: expected new, got {got!r}"
            s.close()


def is_over(sock):
    try:
        sock.recv(1, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except ConnectionResetError:
        pass
    return True
