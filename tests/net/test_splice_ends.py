# SPDX-License-Identifier: GPL-2.0-only
"""How spliced connections end, without a socket to ask.

Theory of operation: the server is behind the host, so only the packets of both
ways tell what became of a connection. Each end of it is in this process. The
books must show the cause, and both ends must have noticed.
"""
import socket
import struct

from namespace import wait_for
from nettest import net_test
from session_stats import counted, reasons, sessions
from sockets import connect, pair
from splicebed import FAMILIES, SPLICED_PORT as PORT, spliced_listener, totals

def state_of(env, sock):
    """@sock: the client's, or its port."""
    port = sock if isinstance(sock, int) else sock.getsockname()[1]
    rows = sessions(env, port)
    return rows[0]["state"] if rows else "none"


def wait_state(env, sock, want, what):
    wait_for(lambda: state_of(env, sock) == want, 5,
             f"{what}: state {want}; it is {state_of(env, sock)}")


def end_of(sock, what):
    """Requires the end of the stream."""
    got = sock.recv(1)
    assert not got, f"{what}: expected the end of the stream, got {got!r}"


@net_test
def test_client_closes_first(env):
    with spliced_listener(env) as listener:
        for v6, name in FAMILIES:
            c, s = pair(env, listener, PORT, v6)
            wait_state(env, c, "established", name)
            before = totals(env)["closed"]
            c.shutdown(socket.SHUT_WR)
            wait_state(env, c, "half-closed-client", name)
            s.sendall(b"still there")
            assert c.recv(64) == b"still there", f"{name}: data after FIN"
            end_of(s, f"{name}: the server")
            s.close()
            wait_state(env, c, "time-wait", name)
            end_of(c, f"{name}: the client")
            c.close()
            assert totals(env)["closed"] == before + 1, \
                f"{name}: expected one more closed: {totals(env)}"


@net_test
def test_server_closes_first(env):
    with spliced_listener(env) as listener:
        for v6, name in FAMILIES:
            c, s = pair(env, listener, PORT, v6)
            s.shutdown(socket.SHUT_WR)
            wait_state(env, c, "half-closed-server", name)
            c.sendall(b"still there")
            assert s.recv(64) == b"still there", f"{name}: data after FIN"
            end_of(c, f"{name}: the client")
            port = c.getsockname()[1]
            c.close()
            wait_state(env, port, "time-wait", name)
            s.close()


def abort(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


def is_reset(sock):
    try:
        return sock.recv(1) != b""
    except ConnectionResetError:
        return True


def is_refused(env, v6):
    """Is a client reset, while it connects or right afterwards?"""
    try:
        with connect(env, PORT, v6) as c:
            return is_reset(c)
    except AssertionError as e:
        return isinstance(e.__cause__, ConnectionResetError)


@net_test
def test_client_resets(env):
    with spliced_listener(env) as listener:
        for v6, name in FAMILIES:
            c, s = pair(env, listener, PORT, v6)
            s.sendall(b"x")
            assert c.recv(1) == b"x"
            before = totals(env)["reset"]
            abort(c)
            assert is_reset(s), f"{name}: expected the server to be reset"
            wait_for(lambda: totals(env)["reset"] == before + 1, 5,
                     f"{name}: a session that the client reset")


@net_test
def test_server_resets(env):
    with spliced_listener(env) as listener:
        for v6, name in FAMILIES:
            c, s = pair(env, listener, PORT, v6)
            before = totals(env)["reset"]
            abort(s)
            assert is_reset(c), f"{name}: expected the client to be reset"
            wait_for(lambda: totals(env)["reset"] == before + 1, 5,
                     f"{name}: a session that the server reset")
            c.close()


@net_test
def test_killed(env):
    """Both ends are reset, with numbers that they accept."""
    with spliced_listener(env) as listener:
        for v6, name in FAMILIES:
            c, s = pair(env, listener, PORT, v6)
            s.sendall(b"x" * 1000)
            assert len(c.recv(2000)) == 1000
            c.sendall(b"y" * 2000)
            wait_for(lambda: len(s.recv(4000, socket.MSG_PEEK)) == 2000, 5,
                     "what the client sent")
            s.recv(4000)
            before = totals(env)["killed"]
            env.synkeeper("session", "kill", "sport",
                          str(c.getsockname()[1]))
            assert is_reset(c), f"{name}: expected the client to be reset"
            assert is_reset(s), f"{name}: expected the server to be reset"
            assert totals(env)["killed"] == before + 1, f"{name}: {totals(env)}"
            c.close()
            s.close()


@net_test
def test_refused(env):
    """The server's RST is the client's, at once."""
    with spliced_listener(env) as listener:
        listener.close()
        for v6, name in FAMILIES:
            with counted(env, f"refused, {name}", spliced=1,
                         splice_refused=1):
                assert is_refused(env, v6), f"{name}: expected a reset"
        wait_for(lambda: not totals(env)["alive"], 5, "no session to be alive")


@net_test
def test_silent_server(env):
    """It never answers: its client is reset after opening-timeout."""
    with spliced_listener(env, "[gateway]\nopening-timeout = 1s\n"):
        env.host.run(["nft", "insert rule inet strict forward tcp dport "
                      f"{PORT} tcp flags syn / syn,ack drop"])
        for v6, name in FAMILIES:
            assert is_refused(env, v6), f"{name}: expected a reset"
        assert not totals(env)["alive"], f"expected none: {totals(env)}"


@net_test
def test_port_again(env):
    """A client that uses its port again right after a close is served."""
    with spliced_listener(env) as listener:
        for v6, name in FAMILIES:
            for closer in ("server", "client"):
                c, s = pair(env, listener, PORT, v6)
                sport = c.getsockname()[1]
                first, second = (s, c) if closer == "server" else (c, s)
                first.close()
                end_of(second, name)
                second.close()
                wait_state(env, sport, "time-wait", name)
                if closer == "client":
                    continue  # its own TIME-WAIT has the port
                c, s = pair(env, listener, PORT, v6, sport)
                c.sendall(b"again")
                got = s.recv(64)
                assert got == b"again", f"{name}: expected again, got {got!r}"
                c.close()
                s.close()


@net_test
def test_books(env):
    """opened = ended + alive, and none is left after all have ended."""
    with spliced_listener(env) as listener:
        before = totals(env)["opened"]
        for i in range(50):
            c, s = pair(env, listener, PORT, i % 2 == 1)
            (c if i % 3 else s).close()
            (s if i % 3 else c).close()
        wait_for(lambda: not totals(env)["alive"], 5, "all to end")
        t = totals(env)
        assert t["opened"] == before + 50, f"expected {before + 50} opened: {t}"
        assert not reasons(env).get("splice_no_room"), reasons(env)
