# SPDX-License-Identifier: GPL-2.0-only
"""The four-way close with a client that violates the usual order.

Theory of operation: FINs from scapy cross, come twice, too early, damaged, or
as the first packet seen; acknowledgements come late or separately. At each step
the session must match the server's socket.
"""
import contextlib
import socket

from nettest import net_test
from scapytools import WINDOWS, Peer
from sockets import accept, receive
from teardown import (CLIENT_FIRST, SERVER_FIRST, client_of, family,
                      kernel_state, life, open_flow, send_fin, stage, states,
                      stats_agree, stays, take_fin, wait_kernel, wait_state)


@contextlib.contextmanager
def peers(env):
    with Peer(env) as four, Peer(env, v6=True) as six:
        yield four, six


@net_test
def test_fin_damaged_on_the_way(env):
    """XDP sees a FIN that the kernel drops for its checksum: the kernel
    decides, and the connection continues and is closed properly later."""
    with stage(env) as (listener, watch), peers(env) as both:
        for peer in both:
            name = f"{family(peer.v6)}, FIN with a wrong checksum"
            with life(env, name, closed=1):
                flow, s, client = open_flow(env, peer, listener)
                with s:
                    before = env.server.nstat()["TcpInCsumErrors"]
                    flow.send("FA", chksum=0x1234)
                    flow.nothing_came(name)
                    assert env.server.nstat()["TcpInCsumErrors"] > before, \
                        f"{name}: test set-up: no checksum error"
                    stats_agree(env, name, timeout=10)
                    wait_state(env, client, "established", name)
                    flow.say(b"on", name)
                    receive(s, 2)
                    send_fin(flow, name)
                    wait_state(env, client, "half-closed-client", name)
                    s.close()
                    take_fin(flow, name)
                    flow.send("A")
            told = watch.told(client)
            assert told[-3:] == list(CLIENT_FIRST[-3:]), \
                f"{name}: expected {CLIENT_FIRST[-3:]} at last, got {told}"


@net_test
def test_fin_ahead_of_lost_data(env):
    """The FIN arrives, the data before it not yet: the socket stays ESTAB, and
    goes to CLOSE-WAIT without another FIN once the data arrives."""
    with stage(env) as (listener, watch), peers(env) as both:
        for peer in both:
            name = f"{family(peer.v6)}, FIN ahead of lost data"
            with life(env, name, closed=1):
                flow, s, client = open_flow(env, peer, listener)
                with s:
                    flow.send("FA", seq=flow.seq + 4)
                    flow.expect_ack(f"{name}: a duplicate ACK")
                    assert kernel_state(env, client) == "ESTAB", \
                        f"{name}: test set-up: no gap"
                    stats_agree(env, name, timeout=10)
                    flow.send("PA", b"late")
                    flow.seq += 5
                    flow.expect_ack(f"{name}: data and FIN")
                    got = receive(s, 5)
                    assert got == b"late", f"{name}: expected the data and " \
                        f"the end, got {got!r}"
                    stats_agree(env, name, timeout=10)
                    s.close()
                    take_fin(flow, name)
                    flow.send("A")
                wait_state(env, client, "time-wait", name)
            told = watch.told(client)
            assert told[-1] == "closed", f"{name}: expected closed at last, " \
                f"got {told}"


@net_test
def test_fin_three_times(env):
    with stage(env) as (listener, watch), peers(env) as both:
        for peer in both:
            name = f"{family(peer.v6)}, FIN three times"
            with life(env, name, closed=1, half_closed_client=1, closing=1):
                flow, s, client = open_flow(env, peer, listener)
                for _ in range(3):
                    flow.send("FA")
                flow.seq += 1
                flow.expect_ack(name)
                peer.barrier()
                wait_state(env, client, "half-closed-client", name)
                stats_agree(env, name)
                s.close()
                take_fin(flow, name)
                flow.send("FA", seq=flow.seq - 1)  # again, with the ACK
                wait_state(env, client, "time-wait", name)
                flow.send("FA", seq=flow.seq - 1)
                peer.barrier()
                stays(env, client, "time-wait", name, 0.1)
            watch.expect(client, *CLIENT_FIRST)


@net_test
def test_server_fin_sent_again(env):
    """The client is silent, then acknowledges one of them."""
    with stage(env) as (listener, watch), peers(env) as both:
        for peer in both:
            name = f"{family(peer.v6)}, server's FIN again"
            with life(env, name, closed=1, half_closed_client=1, closing=1):
                flow, s, client = open_flow(env, peer, listener, WINDOWS)
                send_fin(flow, name)
                s.close()
                for _ in range(3):
                    take_fin(flow, name)
                    assert states(env, client) == ["closing"], \
                        f"{name}: expected closing, got {states(env, client)}"
                stats_agree(env, name)
                flow.send("A")
                wait_state(env, client, "time-wait", name)
            watch.expect(client, *CLIENT_FIRST)


@net_test
def test_fins_cross(env):
    """CLOSING: the client's FIN does not acknowledge the server's."""
    with stage(env) as (listener, watch), peers(env) as both:
        for peer in both:
            name = f"{family(peer.v6)}, FINs cross"
            with life(env, name, closed=1):
                flow, s, client = open_flow(env, peer, listener)
                ack = flow.ack
                s.close()
                take_fin(flow, name)
                behind, flow.ack = flow.ack, ack
                send_fin(flow, name)
                wait_kernel(env, client, "CLOSING", name)
                wait_state(env, client, "closing", name)
                stats_agree(env, name)
                flow.ack = behind
                flow.send("A")
                wait_kernel(env, client, "TIME-WAIT", name)
                wait_state(env, client, "time-wait", name)
            watch.expect(client, *SERVER_FIRST)


@net_test
def test_ack_of_fin_and_fin_apart(env):
    with stage(env) as (listener, watch), peers(env) as both:
        for peer in both:
            name = f"{family(peer.v6)}, ACK of the FIN, then the FIN"
            with life(env, name, closed=1):
                flow, s, client = open_flow(env, peer, listener)
                s.close()
                take_fin(flow, name)
                wait_kernel(env, client, "FIN-WAIT-1", name)
                stats_agree(env, name)
                flow.send("A")
                wait_kernel(env, client, "FIN-WAIT-2", name)
                stats_agree(env, name)
                flow.send("FA")
                wait_kernel(env, client, "TIME-WAIT", name)
                wait_state(env, client, "time-wait", name)
            watch.expect(client, *SERVER_FIRST)


@net_test
def test_fin_with_the_ack_of_the_fin(env):
    """Three packets close: FIN, FIN with ACK, ACK. Both FINs carry data."""
    with stage(env) as (listener, watch), peers(env) as both:
        for peer in both:
            name = f"{family(peer.v6)}, close in three packets"
            with life(env, name, closed=1):
                flow, s, client = open_flow(env, peer, listener)
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                s.sendall(b"bye")
                s.close()
                fin = take_fin(flow, name)
                assert bytes(fin.payload) == b"bye", \
                    f"{name}: test set-up: no data with {fin.summary()}"
                send_fin(flow, name)
                wait_state(env, client, "time-wait", name)
            watch.expect(client, *SERVER_FIRST)
            name = f"{family(peer.v6)}, client's FIN with data"
            with life(env, name, closed=1):
                flow, s, client = open_flow(env, peer, listener)
                send_fin(flow, name, b"bye")
                got = receive(s, 4)
                assert got == b"bye", f"{name}: expected the data and the " \
                    f"end, got {got!r}"
                wait_state(env, client, "half-closed-client", name)
                s.close()
                take_fin(flow, name)
                flow.send("A")
                wait_state(env, client, "time-wait", name)
            watch.expect(client, *CLIENT_FIRST)


@net_test
def test_fin_to_time_wait(env):
    """The server's last ACK is lost: the client retransmits its FIN."""
    with stage(env) as (listener, watch), peers(env) as both:
        for peer in both:
            name = f"{family(peer.v6)}, FIN to TIME-WAIT"
            with life(env, name, closed=1, closing=1):
                flow, s, client = open_flow(env, peer, listener)
                s.close()
                take_fin(flow, name)
                send_fin(flow, name)
                wait_state(env, client, "time-wait", name)
                flow.send("FA", seq=flow.seq - 1)
                flow.expect_ack(f"{name}, sent again")
                stays(env, client, "time-wait", name, 0.1)
            watch.expect(client, *SERVER_FIRST)


@net_test
def test_fin_on_the_admitted_ack(env):
    """The ACK of the handshake was lost; the next packet is a FIN, and the
    client's only one until the server closes, too."""
    with stage(env) as (listener, watch), peers(env) as both:
        for peer in both:
            for data in (b"", b"all I have to say"):
                name = f"{family(peer.v6)}, FIN on the admitted ACK, " \
                    f"{len(data)} bytes"
                with life(env, name, closed=1, admitted=1):
                    flow = peer.flow()
                    client = client_of(flow)
                    flow.syn(WINDOWS)
                    send_fin(flow, name, data)
                    with accept(listener, name) as s:
                        got = receive(s, len(data) + 1)
                        assert got == data, f"{name}: got {got!r}"
                        stats_agree(env, name)
                    take_fin(flow, name)
                    flow.send("A")
                    wait_state(env, client, "time-wait", name)
                watch.expect(client, *CLIENT_FIRST)
