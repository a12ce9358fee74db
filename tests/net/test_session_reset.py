# SPDX-License-Identifier: GPL-2.0-only
"""Resets, from either side and in every state.

Theory of operation: Linux sockets are made to reset in all the ways that
applications have: SO_LINGER, close() with data unread, data for a closed
socket. The session ends once, and the event says by whom. Resets that the
kernel ignores are in test_forged.py.
"""
import contextlib
import socket

from scapy.layers.inet import TCP

from namespace import wait_for
from nettest import net_test
from scapytools import LINUX, Peer
from sockets import accept, connect, receive
from teardown import (BOTH, CLIENT_FIRST, OPENED, end_of, family, life,
                      open_flow, open_pair, reset, send_fin, stage, take_fin,
                      wait_kernel, wait_state)

TCP_CLOSE = b"\7"  # tcp_states.h


def was_reset(sock, what):
    """recv() would not tell: after a FIN it returns the end."""
    wait_for(lambda: sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
             == TCP_CLOSE, 2, f"{what}: the other end to be reset")


def waiting(sock, what):
    """Waits until there is unread data in the socket."""
    wait_for(lambda: sock.recv(1, socket.MSG_PEEK), 2, f"{what}: data")


# -- real ones: what the resetting end and the other do

def linger(closes, other, what):
    reset(closes)
    was_reset(other, what)


def unread(closes, other, what):
    other.sendall(b"never read")
    waiting(closes, what)
    closes.close()
    was_reset(other, what)


def data_to_closed(closes, other, what):
    """close() and not shutdown(): data that comes later causes a RST."""
    closes.close()
    end_of(other, what)
    other.sendall(b"too late")
    was_reset(other, what)


def after_own_fin(closes, other, what):
    closes.shutdown(socket.SHUT_WR)
    end_of(other, what)
    linger(closes, other, what)


def after_other_fin(closes, other, what):
    other.shutdown(socket.SHUT_WR)
    end_of(closes, what)
    linger(closes, other, what)


def real(env, act, half_closed_by=None):
    """@half_closed_by: "resets" or "other", the end that sent FIN before."""
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            for by in ("client", "server"):
                name = f"{family(v6)}, {act.__name__} by the {by}"
                with life(env, name, **{f"reset_{by}": 1}):
                    c, s, client = open_pair(env, listener, v6)
                    with c, s:
                        act(*((c, s) if by == "client" else (s, c)), name)
                    wait_state(env, client, None, name)
                other = "server" if by == "client" else "client"
                who = {"resets": by, "other": other}.get(half_closed_by)
                between = [f"half-closed by {who}"] if who else []
                told = watch.expect(client, *OPENED, *between,
                                    f"reset by {by}")
                want = f"half-closed-{who}" if who else "established"
                assert told[-1]["left"] == want, f"{name}: expected the " \
                    f"state left to be {want}, got {told[-1]}"


@net_test
def test_linger(env):
    real(env, linger)


@net_test
def test_reset_by_the_server_at_once_was_withheld(env):
    """The server resets whom it accepts, before the client sends anything: the
    session is still pending then, as it is when the kernel had no room."""
    with stage(env) as (listener, _):
        for v6 in BOTH:
            name = f"{family(v6)}, RST right behind accept()"
            with connect(env, v6=v6) as c:
                reset(accept(listener, name))
                was_reset(c, name)


@net_test
def test_unread_data(env):
    real(env, unread)


@net_test
def test_data_to_a_closed_socket(env):
    real(env, data_to_closed, "resets")


@net_test
def test_after_own_fin(env):
    real(env, after_own_fin, "resets")


@net_test
def test_after_the_others_fin(env):
    real(env, after_other_fin, "other")


@net_test
def test_while_closing(env):
    """The server is in LAST-ACK, and the client resets."""
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            name = f"{family(v6)}, RST to LAST-ACK"
            with life(env, name, reset_client=1), Peer(env, v6) as peer:
                flow, s, client = open_flow(env, peer, listener)
                send_fin(flow, name)
                s.close()
                take_fin(flow, name)
                wait_state(env, client, "closing", name)
                flow.send("R")
                wait_kernel(env, client, None, name)
                wait_state(env, client, None, name)
            watch.expect(client, *CLIENT_FIRST[:-1], "reset by client")


@net_test
def test_under_transfer(env):
    """All buffers are full in both directions when the RST comes."""
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            for by in ("client", "server"):
                name = f"{family(v6)}, reset under transfer by the {by}"
                with life(env, name, **{f"reset_{by}": 1}):
                    c, s, client = open_pair(env, listener, v6)
                    with c, s:
                        fill(c)
                        fill(s)
                        reset(c if by == "client" else s)
                        wait_state(env, client, None, name)
                watch.expect(client, *OPENED, f"reset by {by}")


def fill(sock):
    """Sends until no buffer has room."""
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            sock.send(bytes(1 << 16))


@net_test
def test_client_starts_anew(env):
    """It has lost the connection (reboot), and its SYN is answered with a
    challenge ACK; its RST for that is exact and ends the session; the next SYN
    opens another."""
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            with Peer(env, v6) as peer:
                name = f"{family(v6)}, client starts anew"
                with life(env, name, reset_client=1):
                    flow, s, client = open_flow(env, peer, listener)
                    with s:
                        again = peer.flow(sport=flow.sport)
                        again.send("S", seq=again.isn, options=LINUX)
                        got = again.recv(f"{name}: challenge ACK", "A")[TCP]
                        again.send("R", seq=got.ack)
                        was_reset(s, name)
                    wait_state(env, client, None, name)
                with life(env, f"{name}, again", closed=1, admitted=1):
                    again.open(LINUX)
                    again.say(b"hello", name)
                    wait_state(env, client, "established", name)
                    send_fin(again, name)
                    with accept(listener, name) as s:
                        receive(s, 5)
                        end_of(s, name)
                    take_fin(again, name)
                    again.send("A")
                watch.expect(client, *OPENED, "reset by client",
                             *CLIENT_FIRST)
