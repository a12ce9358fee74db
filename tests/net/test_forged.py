# SPDX-License-Identifier: GPL-2.0-only
"""Forged RST, FIN and SYN change no live session.

Theory of operation: what the kernel ignores (RFC 5961) must leave the session
unchanged. This is checked repeatedly for a while, then data flows, and in the
end the session is closed normally, which would fail if anything had changed.
Last comes a flood of forged packets, at a transfer.
"""
import errno
import random
import socket

from scapy.layers.inet import TCP

from nettest import net_test
from scapytools import LINUX, WINDOWS, Peer
from sockets import Stream, Task, ask, echo, receive
from teardown import (BOTH, CLIENT_FIRST, OPENED, end_of, family, life,
                      open_flow, open_pair, reset, send_fin, stage, states,
                      stats_agree, stays, take_fin, wait_state)

FORGED = 3000
FAR = 1 << 30  # beyond every window


def kept(env, peer, listener, name, forge, options=LINUX, answer=None):
    """forge(flow) sends; @answer: what must come back (challenge ACK)."""
    with life(env, name, closed=1, half_closed_client=1, closing=1):
        flow, s, client = open_flow(env, peer, listener, options)
        with s:
            forge(flow)
            if answer:
                got = flow.recv(f"{name}: {answer}", "A")[TCP]
                assert (got.ack, got.seq) == (flow.seq, flow.ack), \
                    f"{name}: expected the {answer} with ACK {flow.seq}, " \
                    f"SEQ {flow.ack}, got {got.ack}, {got.seq}"
            peer.barrier()
            stays(env, client, "established", name)
            stats_agree(env, name)
            for _ in range(3):
                flow.say(b"still here", f"{name}: data")
                got = receive(s, 10)
                assert got == b"still here", f"{name}: expected data, " \
                    f"got {got!r}"
                s.sendall(b"so am I")
                flow.recv(f"{name}: data from the server", "PA")
                flow.ack = (flow.ack + 7) & 0xffffffff
                flow.send("A")
            send_fin(flow, name)
            end_of(s, name)
            wait_state(env, client, "half-closed-client", name)
        take_fin(flow, name)
        flow.send("A")


def forged(env, cases, options=LINUX):
    with stage(env) as (listener, _):
        for v6 in BOTH:
            with Peer(env, v6) as peer:
                for what, forge, answer in cases:
                    kept(env, peer, listener, f"{family(v6)}, {what}", forge,
                         options, answer)


def each(flags, **offsets):
    """Sends a segment whose numbers are off by these amounts."""
    def forge(flow):
        flow.send(flags, **{key: getattr(flow, key) + offset
                            for key, offset in offsets.items()})
    return forge


def guesses(flags, count=100):
    """Random numbers, none of which is in the window of 2^16 << 7."""
    def forge(flow):
        for _ in range(count):
            offset = random.randrange(1 << 24, (1 << 32) - (1 << 24))
            flow.send(flags, seq=flow.seq + offset)
    return forge


@net_test
def test_forged_rst(env):
    forged(env, [
        ("RST ahead of the window", each("R", seq=FAR), None),
        ("RST behind the window", each("R", seq=-FAR), None),
        ("RST one before", each("R", seq=-1), None),
        ("RST in window", each("R", seq=100), "challenge ACK"),
        ("RST-ACK in window", each("RA", seq=100), "challenge ACK"),
        ("100 guessed RST", guesses("R"), None),
        ("100 guessed RST-ACK", guesses("RA"), None),
    ])


@net_test
def test_forged_rst_without_timestamps(env):
    forged(env, [
        ("RST ahead of the window", each("R", seq=FAR), None),
        ("RST in window", each("R", seq=1), "challenge ACK"),
        ("100 guessed RST", guesses("R"), None),
    ], WINDOWS)


@net_test
def test_forged_fin(env):
    """Out of window, or acknowledging what was never sent."""
    forged(env, [
        ("FIN ahead of the window", each("FA", seq=FAR), None),
        ("FIN behind the window", each("FA", seq=-FAR), None),
        ("FIN for data never sent", each("FA", ack=FAR), None),
        ("FIN for an ACK of old", each("FA", ack=-FAR), None),
        ("FIN with data, ahead", lambda f: f.send(
            "FPA", b"forged", seq=f.seq + FAR), None),
        ("FIN without ACK", each("F", seq=0), None),
        ("100 guessed FIN", guesses("FA"), None),
    ])

@net_test
def test_forged_fin_without_timestamps(env):
    forged(env, [
        ("FIN ahead of the window", each("FA", seq=FAR), None),
        ("FIN for data never sent", each("FA", ack=FAR), None),
        ("FIN for an ACK of old", each("FA", ack=-FAR), None),
    ], WINDOWS)


@net_test
def test_syn_on_an_established_session(env):
    forged(env, [
        ("SYN with a random number", each("S", seq=12345678),
         "challenge ACK"),
        ("SYN with the next number", each("S", seq=0), "challenge ACK"),
        ("SYN with the first number", lambda f: f.send("S", seq=f.isn),
         "challenge ACK"),
    ])


@net_test
def test_forged_to_half_closed(env):
    """The later states are no weaker than the first."""
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            with Peer(env, v6) as peer:
                name = f"{family(v6)}, forged to half-closed by the client"
                with life(env, name, closed=1):
                    flow, s, client = open_flow(env, peer, listener)
                    send_fin(flow, name)
                    all_kinds(flow)
                    stays(env, client, "half-closed-client", name)
                    stats_agree(env, name)
                    s.close()
                    take_fin(flow, name)
                    all_kinds(flow)
                    stays(env, client, "closing", name)
                    flow.send("A")
                watch.expect(client, *CLIENT_FIRST)


def all_kinds(flow):
    """Only the client knows the number that acknowledges a FIN."""
    for flags in ("R", "RA", "FA", "S"):
        for offset in (FAR, -FAR):
            flow.send(flags, seq=flow.seq + offset, ack=flow.ack - 1)
    for flags in ("A", "FA"):
        for offset in (1, FAR, -FAR):
            flow.send(flags, ack=flow.ack + offset)
    flow.peer.barrier()


# -- a flood of them, at a connection between two Linux sockets

def resets_for(peer, sport, count):
    """Frames of RST with random sequence numbers."""
    flow = peer.flow(sport=sport)
    frames = []
    for i in range(count):
        segment = flow.segment("RA" if i % 2 else "R",
                               seq=random.getrandbits(32),
                               ack=random.getrandbits(32))
        frames.append(bytes(peer.ether() / peer.ip_header() / segment))
    return frames


def push(sock, frame):
    """Sends a frame, even if the queue is full."""
    while True:
        try:
            return sock.send(frame)
        except OSError as e:
            if e.errno != errno.ENOBUFS:
                raise


@net_test
def test_rst_flood_at_a_transfer(env):
    """Some of them are in the window, one in a million is exact: transfers
    continue, both ways, with every byte correct."""
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            name = f"{family(v6)}, {FORGED} forged RST"
            with Peer(env, v6, host=1) as peer, \
                    life(env, name, closed=1, within=10):
                c, s, client = open_pair(env, listener, v6)
                frames = resets_for(peer, c.getsockname()[1], FORGED)
                streams = [Stream(c, s), Stream(s, c)]
                for i, frame in enumerate(frames):
                    push(peer.sock, frame)
                    if i % 500 == 0:
                        got = states(env, client)
                        assert got == ["established"], \
                            f"{name}: after {i}, expected established, " \
                            f"got {got}"
                for stream in streams:
                    stream.wait_moved()
                stays(env, client, "established", name)
                for stream in streams:
                    stream.stop()
                c.close()
                s.close()
            told = watch.told(client)
            assert told[:2] == list(OPENED) and told[-1] == "closed" and \
                not any("reset" in t for t in told), f"{name}: got {told}"


@net_test
def test_rst_flood_then_a_real_one(env):
    """Forged ones do not hide it."""
    with stage(env) as (listener, watch):
        for v6 in BOTH:
            for by in ("client", "server"):
                name = f"{family(v6)}, forged RST, then one of the {by}"
                with Peer(env, v6, host=1) as peer, \
                        life(env, name, **{f"reset_{by}": 1}):
                    c, s, client = open_pair(env, listener, v6)
                    for frame in resets_for(peer, c.getsockname()[1], 300):
                        push(peer.sock, frame)
                    echoes = Task(echo, s)
                    ask(c)
                    ends = (c, s) if by == "client" else (s, c)
                    if by == "server":
                        c.shutdown(socket.SHUT_WR)
                        echoes.done()
                    reset(ends[0])
                    wait_state(env, client, None, name)
                    ends[1].close()
                told = watch.told(client)
                assert told[-1] == f"reset by {by}", f"{name}: got {told}"
