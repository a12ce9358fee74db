# SPDX-License-Identifier: GPL-2.0-only
"""Valid ACKs replayed by the thousand, and clients that are slow.

Theory of operation: a Peer opens connections by hand and keeps each ACK as a
frame. Sent over and over, from its own tuple or another one, none of them may
create a connection: the listener's accepted sockets and the totals are counted.
Then come clients that hold resources: half-open ones, which cost nothing, and
slow ones, which are real connections; good clients continue beside them.
"""
import contextlib

from goodclients import GoodClients
from nettest import net_test
from scapytools import LINUX, Peer
from session_stats import counted, protect
from sockets import accept, client_socket, listen, server_address
from teardown import life, stats_agree
from underflood import half_open

FLOWS = 50
TIMES = 40
SLOW = 500


def opened(peer, listener, stack):
    """Connections, and the frame of each one's ACK."""
    frames = []
    for _ in range(FLOWS):
        flow = peer.flow()
        flow.syn(LINUX)
        frames.append((flow, bytes(peer.ether() / peer.ip_header() /
                                   flow.segment("A"))))
        peer.sock.send(frames[-1][1])
        stack.enter_context(accept(listener))
    return frames


def nobody_comes(listener, what):
    listener.settimeout(0)
    with contextlib.suppress(BlockingIOError):
        s, who = listener.accept()
        s.close()
        raise AssertionError(f"{what}: {who} was accepted")
    listener.settimeout(5)


def send_often(peer, frames):
    for _ in range(TIMES):
        for frame in frames:
            peer.sock.send(frame)
        peer.barrier()  # no more than the driver's queue holds


@net_test
def test_again_from_the_same_tuple(env):
    with listen(env) as listener, contextlib.ExitStack() as stack:
        protect(env)
        for v6 in (False, True):
            what = f"IPv{6 if v6 else 4}, {FLOWS * TIMES} ACKs again"
            with Peer(env, v6) as peer:
                frames = opened(peer, listener, stack)
                with life(env, what, opened=0), \
                        counted(env, what, admitted=0, adopted=0,
                                session=FLOWS * TIMES):
                    send_often(peer, [frame for _, frame in frames])
                nobody_comes(listener, what)


@net_test
def test_again_from_another_tuple(env):
    with listen(env) as listener, contextlib.ExitStack() as stack:
        protect(env, config="[answer]\ninvalid-ack = drop\n")
        for v6 in (False, True):
            what = f"IPv{6 if v6 else 4}, {FLOWS * TIMES} stolen ACKs"
            with Peer(env, v6) as peer, Peer(env, v6, host=78) as thief:
                stolen = []
                for n, (flow, _) in enumerate(opened(peer, listener, stack)):
                    who = thief if n % 2 else peer
                    other = who.flow(sport=flow.sport if n % 2 else
                                     flow.sport + 20000)
                    for key in ("seq", "ack", "ts", "tsecr"):
                        setattr(other, key, getattr(flow, key))
                    stolen.append(bytes(who.ether() / who.ip_header() /
                                        other.segment("A")))
                with life(env, what, opened=0), \
                        counted(env, what, admitted=0, adopted=0,
                                bad_cookie=FLOWS * TIMES):
                    send_often(peer, stolen)
                nobody_comes(listener, what)


@net_test
def test_half_open_clients_cost_nothing(env):
    """They get their SYN-ACK and never answer it."""
    env.nginx(backlog=16)
    protect(env)
    with GoodClients(env) as good, Peer(env) as peer:
        good.wait_more(5, "before")
        for _ in range(200):
            peer.flow().syn(LINUX)
        assert half_open(env) <= 2, \
            f"{half_open(env)} half-open connections in the kernel"
        good.wait_more(20, "beside 200 half-open clients")


@net_test
def test_slow_clients(env):
    """A byte of a request now and then, from hundreds of connections: to a SYN
    cookie they are clients, and counted as such; others get in beside them, and
    a kill ends them."""
    env.nginx()
    protect(env)
    slow = [client_socket(env, v6=n % 2 == 1) for n in range(SLOW)]
    with GoodClients(env) as good:
        for n, s in enumerate(slow):
            s.connect(server_address(env, v6=n % 2 == 1))
            s.sendall(b"G")
        for byte in b"ET /1":
            for s in slow:
                s.sendall(bytes([byte]))
            good.wait_more(5, "beside slow clients")
    alive = env.json("status")["sessions"]["alive"]
    assert alive >= SLOW, f"{SLOW} slow clients, {alive} sessions"
    stats_agree(env, "slow clients")
    killed = env.json("session", "kill", "state", "established")["killed"]
    assert killed >= SLOW, f"{SLOW} slow clients, {killed} killed"
    for s in slow:
        with contextlib.suppress(ConnectionResetError), s:
            got = s.recv(1)
            raise AssertionError(f"a slow client was not reset: {got!r}")
    stats_agree(env, "slow clients were killed")
