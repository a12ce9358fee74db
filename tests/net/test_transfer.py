# SPDX-License-Identifier: GPL-2.0-only
"""Megabytes through connections opened by cookies, with each byte compared.

Theory of operation: real servers where that matters (nginx, sshd, a mail
server's banner), else both ends are in this process. 100 MB go each way over
both families; a handshake that got windows or MSS wrong stalls or breaks there,
not at connect().
"""
import os
import shutil

from namespace import wait_for
from nettest import net_test, skip
from session_stats import counted, protect, sessions
from sockets import (Pattern, Server, Task, ask, banner, connect, echo, listen,
                     move, pair, receive, start_move)

HUNDRED = 100 << 20


def both_families():
    for v6 in (False, True):
        yield v6, f"IPv{6 if v6 else 4}"


def upload(env, listener, v6, size):
    c, s = pair(env, listener, v6=v6)
    with c, s:
        pattern = Pattern(size, "upload")
        check = Task(pattern.check, s)
        pattern.send(c)
        check.done()


@net_test
def test_download_ipv4(env):
    env.nginx()
    protect(env)
    with counted(env, "curl of 100 MB, IPv4", answered=1, admitted=1):
        env.fetch("100m")


@net_test
def test_download_ipv6(env):
    env.nginx()
    protect(env)
    with counted(env, "curl of 100 MB, IPv6", answered=1, admitted=1):
        env.fetch("100m", v6=True)


@net_test
def test_upload_ipv4(env):
    with listen(env) as listener:
        protect(env)
        with counted(env, "upload of 100 MB, IPv4", answered=1, admitted=1):
            upload(env, listener, False, HUNDRED)


@net_test
def test_upload_ipv6(env):
    with listen(env) as listener:
        protect(env)
        with counted(env, "upload of 100 MB, IPv6", answered=1, admitted=1):
            upload(env, listener, True, HUNDRED)


@net_test
def test_both_ways_without_timestamps(env):
    """What Windows sends: the options are in the 32 bits of the ISN."""
    env.client.sysctl("net.ipv4.tcp_timestamps", 0)
    with listen(env) as listener:
        protect(env)
        for v6, name in both_families():
            with counted(env, name, answered=1, admitted=1):
                c, s = pair(env, listener, v6=v6)
                with c, s:
                    move(c, s, 20 << 20)


@net_test
def test_many_at_once(env):
    """100 connections move 1 MB each way, all at the same time."""
    with listen(env, backlog=256) as listener:
        protect(env)
        with counted(env, "100 connections", answered=100, admitted=100):
            pairs = [pair(env, listener, v6=i % 2 == 1) for i in range(100)]
            tasks = [t for c, s in pairs for t in start_move(c, s, 1 << 20)]
            for task in tasks:
                task.done()
            for c, s in pairs:
                c.close()
                s.close()


@net_test
def test_idle_before_the_first_byte(env):
    """The session is pending until a packet finds the socket. With a client
    that is silent for longer, the reaper finds it instead."""
    with listen(env) as listener:
        protect(env, config="[sessions]\npending-timeout = 1s\n")
        pairs = [pair(env, listener, v6=v6) for v6, _ in both_families()]
        wait_for(lambda: [r["state"] for r in sessions(env)]
                 == ["established"] * 2, 10,
                 "the reaper to find two silent sessions' sockets")
        with counted(env, "data after silence", bad_cookie=0, data_before_socket=0,
                     admitted=0):
            for c, s in pairs:
                with c, s:
                    move(c, s)


@net_test
def test_client_and_server_speak_first_at_once(env):
    """HTTP on one port, a banner on another, clients of both mixed."""
    text = b"220 mail.example.com ESMTP\r\n"
    with listen(env, port=80) as web, listen(env, port=25) as mail:
        Server(web, echo)
        Server(mail, banner(text))
        protect(env, "*:80", "*:25")
        with counted(env, "20 + 20 clients", answered=40, admitted=40):
            for i in range(20):
                with connect(env, 25, v6=i % 2 == 1) as m, \
                        connect(env, 80, v6=i % 2 == 1) as w:
                    got = receive(m, len(text))
                    assert got == text, \
                        f"mail client: expected the banner, got {got!r}"
                    ask(w)
                    ask(m, b"EHLO client.example.com\r\n")


@net_test
def test_ssh_banner(env):
    """A real sshd sends its version first, and so does the client at once."""
    if not shutil.which("/usr/sbin/sshd"):
        skip("no /usr/sbin/sshd")
    key = f"{env.dir}/host_key"
    env.server.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
    os.makedirs("/run/sshd", exist_ok=True)  # sshd requires it
    sshd = env.server.start(
        ["/usr/sbin/sshd", "-D", "-e", "-p", 22, "-h", key, "-f", "/dev/null",
         "-o", "PidFile=none"], name="sshd")
    env.server.wait_listening(22, sshd)
    protect(env, "*:22")
    for v6, name in both_families():
        address = env.server.ip6 if v6 else env.server.ip4
        with counted(env, f"ssh-keyscan over {name}", answered=1, admitted=1):
            out = env.client.run(["ssh-keyscan", "-4" if not v6 else "-6",
                                  "-T", "5", "-t", "ed25519", address]).stdout
        with open(f"{key}.pub", encoding="utf-8") as f:
            want = f.read().split()[1]
        assert want in out, \
            f"ssh-keyscan over {name}: expected the host key, got {out!r}"


@net_test
def test_keepalive_connection_reused(env):
    """One connection, many nginx requests, with the reaper at work."""
    env.nginx()
    protect(env)
    url = f"http://{env.server.ip4}/1k"
    with counted(env, "curl, 50 requests on a connection", answered=1,
                 admitted=1):
        out = env.client.run(["curl", "-sS", "-w", "%{num_connects}\n", "-o",
                              "/dev/null", *([url, "-o", "/dev/null"] * 49),
                              url]).stdout.split()
    assert out.count("1") == 1 and out.count("0") == 49, \
        f"curl: expected 50 requests on one connection, got {out}"
    totals = {}

    def closed():
        totals.update(env.json("session", "totals")["total"])
        return totals["ended"]["closed"] == 1

    wait_for(closed, 5, "one closed session")
    assert totals["opened"] == 1, f"curl: expected one session, got {totals}"
