# SPDX-License-Identifier: GPL-2.0-only
"""Handshakes by hand: what a client may send after the SYN-ACK, and when.

Theory of operation: scapy plays a client whose kernel is not involved (see
scapytools.py); the server is real. Each valid variant must result in a socket
that gets all the data; invalid ones are in test_invalid_ack.py.
"""
import socket

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

from namespace import wait_for
from nettest import net_test
from scapytools import LINUX, Peer, check_sums, each_kind
from session_stats import counted, deltas, protect, reasons, sessions
from sockets import (accept, client_socket, listen, move, receive,
                     server_address)


def got_data(sock, want, what):
    got = receive(sock, len(want))
    assert got == want, f"{what}: expected {want!r} at the server, got {got!r}"


@net_test
def test_syn_ack_is_well_formed(env):
    with listen(env):
        protect(env)
        for name, peer, options in each_kind(env):
            with counted(env, name, answered=1):
                frame = peer.flow().syn(options)
            check_sums(frame, f"SYN-ACK, {name}")
            if IP in frame:
                assert frame[IP].tos & 3 == 0 and frame[IP].flags == "DF" \
                    and frame[IP].ttl == 64, \
                    f"SYN-ACK, {name}: expected Not-ECT, DF, TTL 64, got " \
                    f"{frame[IP].summary()} tos {frame[IP].tos}"
            else:
                assert frame[IPv6].tc & 3 == 0 and frame[IPv6].hlim == 64, \
                    f"SYN-ACK, {name}: expected Not-ECT, hop limit 64, got " \
                    f"tc {frame[IPv6].tc}, hlim {frame[IPv6].hlim}"


@net_test
def test_repeated_syn_gets_the_same_answer(env):
    with listen(env):
        protect(env)
        for name, peer, options in each_kind(env):
            flow = peer.flow()
            first, second = bytes(flow.syn(options)), bytes(flow.syn(options))
            assert first == second, f"SYN sent twice, {name}: expected the " \
                f"same SYN-ACK, got {first.hex()} and {second.hex()}"


@net_test
def test_rotation_between_syn_and_ack(env):
    with listen(env) as listener:
        protect(env)
        for name, peer, options in each_kind(env):
            flow = peer.flow()
            flow.syn(options)
            env.synkeeper("key", "rotate")
            with counted(env, f"ACK after one rotation, {name}", admitted=1,
                         bad_cookie=0, expired_cookie=0):
                flow.send("A")
                accept(listener, f"ACK after one rotation, {name}").close()


@net_test
def test_syn_with_data(env):
    with listen(env) as listener:
        protect(env)
        for name, peer, options in each_kind(env):
            flow = peer.flow()
            # syn() requires that the data is not acknowledged
            flow.syn(options, what=f"SYN with data, {name}", data=b"early")
            flow.send("A")
            with accept(listener, f"SYN with data, {name}") as s:
                flow.say(b"early", f"data sent again, {name}")
                got_data(s, b"early", f"SYN with data, {name}")


@net_test
def test_ack_then_data(env):
    with listen(env) as listener:
        protect(env)
        for name, peer, options in each_kind(env):
            with counted(env, name, answered=1, admitted=1):
                flow = peer.flow()
                flow.open(options)
                with accept(listener, f"ACK, {name}") as s:
                    flow.say(b"x" * 1000, name)
                    got_data(s, b"x" * 1000, f"ACK, then data, {name}")
                    s.sendall(b"back")
                    data = flow.recv(f"the server's data, {name}", "PA")
                    assert bytes(data[TCP].payload)[:4] == b"back", \
                        f"{name}: expected the server's data, got {data!r}"


@net_test
def test_first_ack_has_data(env):
    """Also what arrives when the bare ACK is lost and data follows."""
    with listen(env) as listener:
        protect(env)
        for name, peer, options in each_kind(env):
            flow = peer.flow()
            flow.syn(options)
            with counted(env, name, admitted=1, data_before_socket=0):
                flow.say(b"first", f"ACK with data, {name}")
                with accept(listener, f"ACK with data, {name}") as s:
                    got_data(s, b"first", f"ACK with data, {name}")


@net_test
def test_second_data_arrives_first(env):
    """ACK and first segment are lost: the rest has another sequence number. It
    must be dropped, not reset, and without any later effect."""
    with listen(env) as listener:
        protect(env)
        for name, peer, options in each_kind(env):
            flow = peer.flow()
            flow.syn(options)
            with counted(env, name, data_before_socket=1, reset=0, admitted=1):
                flow.send("PA", b"second", seq=flow.seq + 5)
                flow.nothing_came(f"data ahead, {name}")
                flow.send("PA", b"first")
                with accept(listener, name) as s:
                    flow.seq += 5
                    flow.say(b"second", f"second segment, {name}")
                    got_data(s, b"firstsecond", name)


@net_test
def test_lost_ack_then_fin(env):
    with listen(env) as listener:
        protect(env)
        for name, peer, options in each_kind(env):
            flow = peer.flow()
            flow.syn(options)
            flow.send("FA")
            flow.seq += 1
            flow.expect_ack(f"lost ACK, then FIN, {name}")
            with accept(listener, f"lost ACK, then FIN, {name}") as s:
                got_data(s, b"", f"lost ACK, then FIN, {name}")
                s.sendall(b"last words")
                flow.recv(f"data to the half-closed client, {name}", "PA")


@net_test
def test_lost_ack_then_data_with_fin(env):
    with listen(env) as listener:
        protect(env)
        for name, peer, options in each_kind(env):
            flow = peer.flow()
            flow.syn(options)
            flow.send("FPA", b"all")
            flow.seq += 4
            flow.expect_ack(f"data with FIN, {name}")
            with accept(listener, f"data with FIN, {name}") as s:
                got_data(s, b"all", f"data with FIN, {name}")
                assert not s.recv(1), f"{name}: expected the end after FIN"


@net_test
def test_ack_twice(env):
    with listen(env) as listener:
        protect(env)
        for name, peer, options in each_kind(env):
            flow = peer.flow()
            flow.syn(options)
            flow.send("A")
            flow.send("A")
            with accept(listener, f"ACK twice, {name}") as s:
                flow.say(b"still here", f"data after ACK twice, {name}")
                got_data(s, b"still here", f"ACK twice, {name}")
                rows = sessions(env, flow.sport)
                assert [r["state"] for r in rows] == ["established"], \
                    f"ACK twice, {name}: expected one session, got {rows}"


@net_test
def test_session_is_listed(env):
    """...with both its ends."""
    with listen(env) as listener, Peer(env) as peer:
        protect(env)
        flow = peer.flow()
        flow.open(LINUX)
        with accept(listener, "handshake") as s:
            flow.say(b"x")
            got_data(s, b"x", "handshake")
            row = wait_for(lambda: sessions(env, flow.sport), 2,
                           "the session in `session list`")[0]
            want = (f"{peer.ip}:{flow.sport}", f"{env.server.ip4}:80",
                    "established")
            got = (row["client"], row["server"], row["state"])
            assert got == want, f"session list: expected {want}, got {got}"


@net_test
def test_fast_open_client(env):
    """Linux sends data in its SYN, without asking for a cookie (sysctl 4)."""
    env.client.sysctl("net.ipv4.tcp_fastopen", 0x5)
    with listen(env) as listener:
        protect(env)
        for v6 in (False, True):
            name = f"Fast Open over IPv{6 if v6 else 4}"
            before, told = env.client.nstat(), reasons(env)
            with counted(env, name, admitted=1), \
                    client_socket(env, v6) as c:
                c.sendto(b"early", socket.MSG_FASTOPEN,
                         server_address(env, v6=v6))
                with accept(listener, name) as s:
                    got_data(s, b"early", name)
                    move(c, s)
            more = deltas(before, env.client.nstat())
            assert more.get("TcpExtTCPFastOpenActiveFail"), \
                f"{name}: expected the client to see its data in the SYN " \
                "refused, so none was sent there"
            syns = 1 + more.get("TcpExtTCPSynRetrans", 0)
            answered = deltas(told, reasons(env)).get("answered")
            assert answered == syns, \
                f"{name}: {syns} SYNs, but {answered} answered"
