# SPDX-License-Identifier: GPL-2.0-only
"""Kernel cookies: for MPTCP listeners, and where configured.

Theory of operation: XDP answers the SYN with the listener's own cookie, and its
kernel accepts the ACK by itself. What both ends then have agreed on depends on
net.ipv4.tcp_timestamps: with 2 all options survive, with 1 (the default) only
the MSS. Connecting proves little, so megabytes move both ways. The daemon must
set tcp_syncookies when it needs it, and restore it afterwards.
"""
import socket

from backend import OWN_COOKIES, needs_own_cookies
from goodclients import get_once
from namespace import wait_for
from nettest import net_test, skip
from scapytools import LINUX, WINDOWS, Peer
from session_stats import counted, protect, service, sessions
from sockets import (Server, accept, ask, connect, listen, move, pair, receive,
                     tcp_info)

KERNEL = "[service web]\nlisten = *:80\ncookies = kernel\n"
WORDS = ("ts", "sack", "ecn", "wscale", "mss", "advmss", "pmtu")
KEY = "net.ipv4.tcp_syncookies"


def kernels(env, text=KERNEL, **kwargs):
    """A daemon whose service answers with kernel cookies."""
    path = env.configure(text)
    daemon = env.synkeeperd("-c", path, services=(), **kwargs)
    wait_for(lambda: service(env, "*:80")["armed"], 3, "*:80 to be armed")
    row = service(env, "*:80")
    assert row["cookies"] == "kernel", f"expected kernel cookies, got {row}"
    return daemon


def wait_cookies(env, kind, listen="*:80"):
    wait_for(lambda: service(env, listen)["cookies"] == kind, 3,
             f"{listen} to have cookies: {kind}")


def syncookies(env):
    return int(env.server.sysctl(KEY))


def mptcp_listener(env, **kwargs):
    try:
        return listen(env, proto=socket.IPPROTO_MPTCP, **kwargs)
    except OSError as e:
        skip(f"no MPTCP: {e}")


def words(env, c, s):
    return [{w: info[w] for w in WORDS if w in info}
            for info in (tcp_info(env.client, c), tcp_info(env.server, s))]


def moves(env, listener, what, v6=False):
    """One connection by a kernel cookie, and megabytes both ways."""
    with counted(env, what, answered=1, kernel_cookie=1, admitted=0,
                 kernel_syn=0, bad_cookie=0, data_before_socket=0):
        c, s = pair(env, listener, v6=v6)
        with c, s:
            move(c, s, 4 << 20)
            return words(env, c, s)


@net_test
def test_mptcp_listener(env):
    """Go listens like this by default. Every SYN gets a usable answer."""
    with mptcp_listener(env) as listener:
        Server(listener)
        kernels(env, "[service web]\nlisten = *:80\n")
        row = service(env, "*:80")
        why = "MPTCP" if OWN_COOKIES else "bpf_sk_assign_tcp_reqsk"
        assert why in row["cookies_why"], f"expected why, got {row}"
        for v6 in (False, True):
            with counted(env, f"MPTCP listener, IPv{6 if v6 else 4}",
                         answered=1, kernel_cookie=1, refused=0):
                with connect(env, v6=v6) as c:
                    ask(c)
        text = env.synkeeper("service", "list").stdout
        assert why in text, f"service list: expected the reason in {text}"


@net_test
def test_mptcp_client(env):
    """It falls back to TCP, as the cookie has no room for its key."""
    with mptcp_listener(env) as listener:
        Server(listener)
        kernels(env, "[service web]\nlisten = *:80\n")
        with env.client.inside():
            c = socket.socket(socket.AF_INET, socket.SOCK_STREAM,
                              socket.IPPROTO_MPTCP)
        c.settimeout(5)
        with c, counted(env, "MPTCP client", answered=1, kernel_cookie=1):
            c.connect((env.server.ip4, 80))
            ask(c)


@net_test
def test_mptcp_listener_of_cookies_own(env):
    """With own cookies only, it must not answer with what it cannot honour."""
    with mptcp_listener(env) as listener:
        Server(listener)
        env.synkeeperd("-c", env.configure(KERNEL.replace("kernel", "own")),
                       services=())
        row = service(env, "*:80")
        assert not row["armed"] and "MPTCP" in row["why"], \
            f"cookies = own, MPTCP: expected not armed and why, got {row}"
        with counted(env, "cookies = own, MPTCP", answered=0):
            with connect(env) as c:
                ask(c)


@net_test
def test_mss_only_by_default(env):
    """tcp_timestamps = 1: the kernel could not read the options we encode."""
    with listen(env) as listener:
        kernels(env)
        for v6 in (False, True):
            for end in moves(env, listener, "tcp_timestamps = 1", v6):
                got = end.keys() & {"ts", "sack", "ecn", "wscale"}
                assert not got, f"expected no option but MSS, got {end}"


def same_with_timestamps_2(env, listener, what, client=None):
    env.server.sysctl("net.ipv4.tcp_timestamps", 2)
    for key, value in (client or {}).items():
        env.client.sysctl(f"net.ipv4.{key}", value)
    plain = {}
    for v6 in (False, True):
        c, s = pair(env, listener, v6=v6)
        with c, s:
            plain[v6] = words(env, c, s)
    kernels(env)
    for v6 in (False, True):
        got = moves(env, listener, what, v6)
        assert got == plain[v6], f"{what}, IPv{6 if v6 else 4}: expected " \
            f"{plain[v6]}, got {got}"
    return plain


@net_test
def test_all_options_with_timestamps_2(env):
    with listen(env) as listener:
        plain = same_with_timestamps_2(env, listener, "all options")
        assert {"ts", "sack", "wscale"} <= plain[False][1].keys(), \
            f"test set-up: the server lacks options: {plain}"


@net_test
def test_ecn_with_timestamps_2(env):
    with listen(env) as listener:
        plain = same_with_timestamps_2(env, listener, "ECN", {"tcp_ecn": 1})
        assert "ecn" in plain[False][1], f"test set-up: no ECN: {plain}"


@net_test
def test_no_scale_and_no_sack_with_timestamps_2(env):
    with listen(env) as listener:
        same_with_timestamps_2(env, listener, "timestamps alone",
                               {"tcp_window_scaling": 0, "tcp_sack": 0})


@net_test
def test_client_without_timestamps(env):
    """Its options are not encoded anywhere: it gets none but the MSS."""
    env.client.sysctl("net.ipv4.tcp_timestamps", 0)
    env.server.sysctl("net.ipv4.tcp_timestamps", 2)
    with listen(env) as listener:
        kernels(env)
        for end in moves(env, listener, "client without timestamps"):
            got = end.keys() & {"ts", "sack", "wscale"}
            assert not got, f"expected no option but MSS, got {end}"


@net_test
def test_listener_with_a_buffer_of_its_own(env):
    """Its scale differs from the endpoint's: none is offered, so that no window
    is misread."""
    env.server.sysctl("net.ipv4.tcp_timestamps", 2)
    for what, level, option, value in (
            ("SO_RCVBUF", socket.SOL_SOCKET, socket.SO_RCVBUF, 30000),
            ("TCP_WINDOW_CLAMP", socket.IPPROTO_TCP,
             socket.TCP_WINDOW_CLAMP, 30000)):
        with listen(env) as listener:
            listener.setsockopt(level, option, value)
            daemon = kernels(env)
            for end in moves(env, listener, what):
                assert "wscale" not in end, f"{what}: a scale in {end}"
            env.synkeeper("down")
            daemon.wait()


def bound_window(env, v6):
    """The server's route to the client limits its window."""
    route, = [line for line in
              env.server.ip("-6" if v6 else "-4", "route").splitlines()
              if "proto kernel" in line and not line.startswith("fe80:")]
    env.server.ip("-6" if v6 else "-4", "route", "change", *route.split(),
                  "window", "30000")


def scale_of_the_server(client, server):
    """The scale that the client assumes, and the real one; '' for none."""
    return (client.get("wscale", "").split(",")[0],
            server.get("wscale", "").split(",")[-1])


@net_test
def test_window_of_a_route_was_misread(env):
    """The kernel then uses another scale than the SYN-ACK offered: the client
    took each of the server's windows to be a thousand times as large."""
    env.server.sysctl("net.ipv4.tcp_timestamps", 2)
    for v6 in (False, True):
        bound_window(env, v6)
    with listen(env) as listener:
        kernels(env)
        for v6 in (False, True):
            what = f"route with a window, IPv{6 if v6 else 4}"
            taken, used = scale_of_the_server(*moves(env, listener, what, v6))
            assert taken == used, f"{what}: the server's window scale is " \
                f"{used or 'none'}, the client assumes {taken or 'none'}"


@net_test
def test_data_on_the_heels_of_the_ack(env):
    """...in one batch with it, several segments: the second one has no cookie,
    and the socket does not exist yet."""
    with listen(env) as listener, Peer(env) as peer:
        kernels(env)
        flow = peer.flow()
        flow.syn(WINDOWS)
        with counted(env, "ACK and data at once", bad_cookie=0, data_before_socket=0,
                     rst_suppressed=0):
            base = flow.seq
            for flags, offset, data in (("A", 0, b""), ("PA", 0, b"one"),
                                        ("PA", 3, b"two")):
                flow.send(flags, data, seq=base + offset)
            with accept(listener, "ACK and data at once") as s:
                got = receive(s, 6)
                assert got == b"onetwo", f"expected the data, got {got!r}"


@net_test
def test_session_from_birth_to_end(env):
    with listen(env) as listener:
        kernels(env)
        c, s = pair(env, listener)
        ask_both(c, s)
        row, = sessions(env, c.getsockname()[1])
        assert row["state"] == "established", f"expected established: {row}"
        before = ended(env)
        c.close()
        s.close()
        wait_for(lambda: ended(env) == before + 1, 5, "the session closed")


def ended(env):
    return env.json("session", "totals")["total"]["ended"].get("closed", 0)


def ask_both(c, s):
    c.sendall(b"ping")
    assert receive(s, 4) == b"ping"
    s.sendall(b"pong")
    assert receive(c, 4) == b"pong"


@net_test
def test_forged_acks_are_dropped(env):
    with listen(env), Peer(env) as peer:
        kernels(env)
        flow = peer.flow()
        flow.syn(LINUX)
        for off in (-9, 9):  # the lowest bits are the MSS
            with counted(env, f"ACK off by {off}", reset=1, kernel_cookie=0):
                flow.send("A", ack=flow.ack + off)


@net_test
def test_accept_queue_full(env):
    """The kernel then makes no cookie and drops the SYN: no client is led to
    believe in a connection. When there is room the client gets in."""
    with listen(env, backlog=1) as listener:
        kernels(env)
        held = [connect(env) for _ in range(2)]
        wait_for(lambda: env.server.ss("-ltn", "sport = :80")[0]["recv_q"] == 2,
                 2, "two connections in the accept queue")
        with Peer(env) as peer:
            flow = peer.flow()
            with counted(env, "SYN, queue full", kernel_syn=1, answered=0):
                flow.send("S", options=LINUX)
                flow.nothing_came("SYN, queue full")
            for _ in held:
                accept(listener).close()
            flow.syn(LINUX)
            flow.send("A")
            accept(listener, "SYN again when there is room").close()
        for c in held:
            c.close()


@net_test
def test_flood(env):
    """Clients connect throughout; the kernel's queue stays empty."""
    env.nginx()
    kernels(env)
    flood = env.flood("syn", 6, rate=20000)
    wait_for(lambda: env.json("stats")["total"].get("answered", 0) > 1000, 5,
             "the flood")
    for _ in range(20):
        get_once(env)
    half_open = env.server.ss("-tn", "state", "syn-recv", "sport = :80")
    assert not half_open, f"half-open requests: {half_open[:3]}"
    flood.stop()
    total = env.json("stats")["total"]
    assert total["kernel_cookie"] >= 20, f"clients without cookie: {total}"


@net_test
def test_switch_with_cookies_in_flight(env):
    """By reload, both ways: cookies already sent are honoured."""
    needs_own_cookies("there is nothing to switch to")
    with listen(env) as listener, Peer(env) as peer:
        kernels(env)
        for kind, other in (("kernel", "own"), ("own", "kernel")):
            flow = peer.flow()
            flow.syn(LINUX)
            env.configure(KERNEL.replace("kernel", other))
            env.synkeeper("reload")
            wait_cookies(env, other)
            flow.send("A")
            what = f"cookie: {kind}, now {other}"
            with accept(listener, what) as s:
                flow.say(b"there", what)
                assert receive(s, 5) == b"there", what


@net_test
def test_syncookies_is_put_back(env):
    """2 while a service needs it: not when it is off, nor after the end."""
    with listen(env) as listener:
        Server(listener)
        for before in (1, 0):
            is_put_back(env, before)


def is_put_back(env, before):
    env.server.sysctl(KEY, before)
    daemon = kernels(env)
    assert syncookies(env) == 2, f"armed: {KEY} = {syncookies(env)}"
    if before:  # at once; a 0 would cut the cookies in flight
        env.synkeeper("service", "policy", "*:80", "off")
        wait_for(lambda: syncookies(env) == 1, 2, f"{KEY} = 1, policy off")
        env.synkeeper("service", "policy", "*:80", "on")
        wait_for(lambda: syncookies(env) == 2, 2, f"{KEY} = 2, policy on")
    text = env.synkeeper("down").stdout
    daemon.wait()
    assert syncookies(env) == before, \
        f"down: expected {KEY} = {before}, got {syncookies(env)}"
    assert f"restored {KEY} = {before}" in text, f"down said {text}"


@net_test
def test_syncookies_is_put_back_after_a_crash(env):
    with listen(env) as listener:
        Server(listener)
        daemon = kernels(env)
        daemon.kill()
        assert syncookies(env) == 2, "killed: the data path needs it"
        with connect(env) as c:
            ask(c)
        kernels(env)  # the successor knows what was before
        with connect(env) as c:
            ask(c)
        env.synkeeper("down")
        wait_for(lambda: syncookies(env) == 1, 3, f"{KEY} = 1 after down")
        daemon = kernels(env)
        daemon.kill()
        text = env.synkeeper("down").stdout
        assert syncookies(env) == 1 and f"restored {KEY} = 1" in text, \
            f"down without a daemon: {KEY} = {syncookies(env)}: {text}"


@net_test
def test_syncookies_of_the_operator_stays(env):
    """It was 2 before, so it is left alone."""
    env.server.sysctl(KEY, 2)
    with listen(env):
        daemon = kernels(env)
        env.synkeeper("down")
        daemon.wait()
    assert syncookies(env) == 2, f"expected 2 as before, got {syncookies(env)}"


@net_test
def test_own_cookies_raise_it_from_0(env):
    """With 0 the kernel accepts no ACK with a cookie, whosever it is."""
    needs_own_cookies("kernel cookies need 2")
    env.server.sysctl(KEY, 0)
    with listen(env) as listener:
        Server(listener)
        daemon = protect(env)
        assert syncookies(env) == 1, f"expected 1, got {syncookies(env)}"
        with counted(env, "own cookies", answered=1, admitted=1):
            with connect(env) as c:
                ask(c)
        env.synkeeper("down")
        daemon.wait()
    assert syncookies(env) == 0, f"expected 0 again, got {syncookies(env)}"


@net_test
def test_syncookies_cannot_be_set(env):
    """A container's /proc/sys is read-only: it says so, and SYNs pass."""
    with listen(env) as listener:
        Server(listener)
        conf = env.configure(KERNEL)
        env.synkeeperd("-c", conf, services=(), wrap=[
            "unshare", "-m", "sh", "-c",
            "mount --bind /proc/sys /proc/sys && "
            "mount -o remount,ro,bind /proc/sys && exec \"$@\"", "sh"])
        row = service(env, "*:80")
        assert not row["armed"] and KEY in row["why"], \
            f"expected not armed and why, got {row}"
        with counted(env, "not armed", answered=0):
            with connect(env) as c:
                ask(c)
        env.server.sysctl(KEY, 2)  # by hand, as it requested
        wait_for(lambda: service(env, "*:80")["armed"], 3, "*:80 to be armed")
