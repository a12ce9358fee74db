# SPDX-License-Identifier: GPL-2.0-only
"""The control socket with good and bad clients.

Theory of operation: the test sends lines that `synkeeper` never would. Each
gets an error reply (ok, error, hint) or its connection is closed; the daemon
keeps running, changes nothing, and answers the next.
"""
import contextlib
import json
import os
import random
import shutil
import socket
import stat

from controlclient import dial
from goodclients import get_once
from namespace import run, wait_for
from netenv import OUTPUT
from nettest import net_test

LINE_MAX = 65536  # CONTROL_LINE_MAX


def read_line(s):
    """One reply, or None if the daemon closed the connection."""
    got = b""
    while not got.endswith(b"\n"):
        try:
            more = s.recv(1)  # and not a byte of the next reply
        except ConnectionResetError:
            return None
        if not more:
            assert not got, f"half a reply: {got!r}"
            return None
        got += more
    return json.loads(got)


def ask(env, line):
    with contextlib.closing(dial(env)) as s:
        s.sendall(line + b"\n")
        return read_line(s)


def refused(env, line, *words):
    reply = ask(env, line)
    told = line[:60]
    assert reply and reply.get("ok") is False, f"{told!r}: replied {reply}"
    assert reply["error"] and "hint" in reply, f"{told!r}: replied {reply}"
    for word in words:
        assert word in reply["error"] + reply["hint"], \
            f"{told!r}: expected {word!r} in {reply}"


def still_well(env, daemon, when):
    daemon.check_alive()
    reply = ask(env, b'{"cmd": "status"}')
    assert reply and reply["ok"] and reply["result"]["pid"] == daemon.pid, \
        f"{when}: status replied {reply}"


@net_test
def test_no_request(env):
    """Not JSON, not an object, not a command."""
    daemon = env.synkeeperd()
    for line in (b"", b"status", b"{", b'{"cmd": "status"', b"[]", b'"status"',
                 b"42", b"null", b'{"cmd": "status"} x', b"\xff\xfe\x00\x01",
                 b'{"cmd": "status", "cmd": "down"}', b"[" * 10000,
                 b'{"cmd": "sta\x00tus"}', b'{"cmd": "\xc3\x28"}'):
        refused(env, line, "JSON object")
    for line in (b"{}", b'{"cmd": 1}', b'{"cmd": null}', b'{"cmd": ["down"]}'):
        refused(env, line, "no cmd")
    for line in (b'{"cmd": ""}', b'{"cmd": "stat"}', b'{"cmd": "STATUS"}',
                 b'{"cmd": "%n%s%n"}', b'{"cmd": "' + b"x" * 60000 + b'"}'):
        refused(env, line, "unknown request")
    still_well(env, daemon, "after invalid requests")


@net_test
def test_members(env):
    """Missing or of the wrong type: nothing is changed."""
    daemon = env.synkeeperd()
    before = env.json("service", "list")
    for cmd in ("service.add", "service.del", "service.policy"):
        for listen in (b"", b', "listen": 80', b', "listen": null',
                       b', "listen": {"port": 80}'):
            refused(env, b'{"cmd": "%s"%s}' % (cmd.encode(), listen),
                    "no listen")
        for listen in ("", "80", "*:0", "*:70000", "x" * 100, "*:80 "):
            refused(env, json.dumps({"cmd": cmd, "listen": listen}).encode(),
                    "is not an address:port")
    refused(env, b'{"cmd": "stats", "listen": 80}', "no listen")
    refused(env, b'{"cmd": "stats", "listen": "*:81"}', "is not a service")
    refused(env, b'{"cmd": "service.del", "listen": "*:81"}', "is not a service")
    refused(env, b'{"cmd": "service.add", "listen": "*:80"}', "already")
    for policy in ('"on and off"', '""', "1", "null", "true", "[]"):
        for cmd in ("service.policy", "service.add"):
            line = f'{{"cmd": "{cmd}", "listen": "*:81", "policy": {policy}}}'
            refused(env, line.encode(), "policy")
    refused(env, b'{"cmd": "service.policy", "listen": "*:80"}', "policy")
    for name in (json.dumps("x" * 32), '"a b"', '"a\\nb"', "7", "{}"):
        line = f'{{"cmd": "service.add", "listen": "*:81", "name": {name}}}'
        refused(env, line.encode(), "name")
    assert env.json("service", "list") == before, "a wrong request did something"
    still_well(env, daemon, "after wrong members")


@net_test
def test_framing(env):
    """Several requests in one write, one request in many, and CR LF."""
    env.synkeeperd()
    with contextlib.closing(dial(env)) as s:
        s.sendall(b'{"cmd": "key.list"}\n{"cmd": "service.list"}\nx\n')
        got = [read_line(s) for _ in range(3)]
        assert [r and r["ok"] for r in got] == [True, True, False], \
            f"three requests in one write: {got}"
        for byte in b'{"cmd": "status"}\n':
            s.sendall(bytes([byte]))
        assert read_line(s)["ok"], "a request byte by byte was refused"
        s.sendall(b'{"cmd": "status"}\r\n')
        assert read_line(s)["ok"], "a request that ends with CR LF was refused"


@net_test
def test_cut_character_got_no_reply(env):
    """An error quotes what was sent, truncated in the middle of a character;
    every length must work."""
    daemon = env.synkeeperd()
    for length in range(980, 1030):
        for char in ("\u00e9", "\u20ac", "\U0001f600"):
            name = "x" * (length % 4) + char * (length // len(char.encode()))
            refused(env, json.dumps({"cmd": name},
                                    ensure_ascii=False).encode())
    still_well(env, daemon, "after quoted characters")


@net_test
def test_request_that_is_not_whole(env):
    """The stream ends in the middle of a request, or of a character: nothing is
    done, and an error says so."""
    daemon = env.synkeeperd()
    for piece in (b'{"cmd": "down"}', b"{", b'{"cmd": "\xe2\x82', b"\0"):
        with contextlib.closing(dial(env)) as s:
            s.sendall(b'{"cmd": "key.list"}\n' + piece)
            s.shutdown(socket.SHUT_WR)
            assert read_line(s)["ok"], f"the request before {piece!r}"
            reply = read_line(s)
            assert reply and not reply["ok"] and "incomplete" in reply["error"], \
                f"{piece!r} and the end: replied {reply}"
            assert read_line(s) is None, f"{piece!r}: still connected"
    for line in (b'{"cmd": "status"}\0', b'{"cmd": "key.rotate"}\0x', b"\0"):
        refused(env, line, "JSON object")
    still_well(env, daemon, "after incomplete requests")


@net_test
def test_too_long(env):
    """100 kB without an end of line; and the longest line that is allowed."""
    daemon = env.synkeeperd()
    with contextlib.closing(dial(env)) as s:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            s.sendall(b"x" * 100000)
        reply = read_line(s)
        assert reply and reply["ok"] is False and \
            "too long" in reply["error"], f"100 kB: replied {reply}"
        assert read_line(s) is None, "100 kB: the connection stays open"
    still_well(env, daemon, "after 100 kB")
    line = b'{"cmd": "status"}'
    reply = ask(env, line + b" " * (LINE_MAX - 1 - len(line)))
    assert reply and reply["ok"], f"a line of {LINE_MAX - 1} bytes: {reply}"


@net_test
def test_garbage(env):
    """Random bytes and randomly damaged requests; the seed is fixed."""
    daemon = env.synkeeperd()
    before = env.json("service", "list")
    dice = random.Random(1)
    good = b'{"cmd": "service.policy", "listen": "*:80", "policy": "on"}'
    for _ in range(300):
        if dice.random() < 0.5:
            line = dice.randbytes(dice.randrange(200))
        else:
            line = bytearray(good)
            for _ in range(dice.randrange(1, 6)):
                line[dice.randrange(len(line))] = dice.randrange(256)
            if b"off" in line:
                continue
        with contextlib.closing(dial(env)) as s:
            s.sendall(bytes(line).replace(b"\n", b" ") + b"\n")
            reply = read_line(s)
            assert reply and "ok" in reply, f"{line!r}: {reply}"
    assert env.json("service", "list") == before, "garbage changed a service"
    still_well(env, daemon, "after garbage")


@net_test
def test_many_clients(env):
    """Silent ones take all places; those who leave make room."""
    daemon = env.synkeeperd()
    silent = [dial(env) for _ in range(100)]
    daemon.check_alive()
    for s in silent:
        s.close()
    wait_for(lambda: env.synkeeper("status", check=False).stdout, 5,
             "an answer after 100 silent clients left")
    still_well(env, daemon, "after 100 silent clients")


@net_test
def test_crowd_in_turn(env):
    """Fewer than there are places, all at once, each with a request."""
    daemon = env.synkeeperd()
    crowd = [dial(env) for _ in range(30)]
    for s in crowd:
        s.sendall(b'{"cmd": "key.list"}\n')
    for i, s in enumerate(crowd):
        reply = read_line(s)
        assert reply and reply["ok"], f"client {i} of 30: {reply}"
        s.close()
    still_well(env, daemon, "after 30 clients at once")


@net_test
def test_never_reads(env):
    """It keeps sending and never reads a reply: the others are answered."""
    daemon = env.synkeeperd()
    with contextlib.closing(dial(env)) as deaf:
        deaf.setblocking(False)
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while sent < 64 << 20:
                sent += deaf.send(b'{"cmd": "status"}\n' * 1000)
        assert sent < 64 << 20, "64 MB of requests were taken unread"
        for _ in range(5):
            still_well(env, daemon, "beside a client that never reads")
    still_well(env, daemon, "after a client that never reads")


@net_test
def test_half_a_line(env):
    daemon = env.synkeeperd()
    for piece in (b"", b"{", b'{"cmd": "down"}'):
        s = dial(env)
        s.sendall(piece)
        s.close()
        still_well(env, daemon, f"after {piece!r} and close")
    s = dial(env)
    s.sendall(b'{"cmd": "status"}\n')
    s.close()  # before the reply
    still_well(env, daemon, "after a client that did not wait")
    with contextlib.closing(dial(env)) as s:
        s.sendall(b'{"cmd": "status"}\n')
        s.shutdown(socket.SHUT_WR)
        reply = read_line(s)
        assert reply and reply["ok"], \
            f"a client that shut down its side after asking got {reply}"


@net_test
def test_permissions(env):
    """Mode 0660, and another uid is refused, even if it may connect."""
    daemon = env.synkeeperd()
    mode = stat.S_IMODE(os.stat(env.control).st_mode)
    assert mode == 0o660, f"the socket has mode {mode:o}"
    os.chmod(env.dir, 0o755)
    command = shutil.copy(f"{OUTPUT}/synkeeper", env.dir)
    as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534",
                 "--clear-groups", command, "--control", env.control]
    p = run([*as_nobody, "status"], check=False)
    assert p.returncode == 1 and "no permission" in p.stderr and \
        "root" in p.stderr, f"uid 65534: {p.returncode}: {p.stderr}"
    os.chmod(env.control, 0o666)
    p = run([*as_nobody, "status"], check=False)
    assert p.returncode == 1 and not p.stdout, \
        f"uid 65534 on a socket of mode 666: {p.returncode}: {p.stdout}"
    still_well(env, daemon, "after uid 65534")


@net_test
def test_stale_socket(env):
    """A crashed daemon's socket is replaced, not mistaken for a live one."""
    env.nginx()
    env.synkeeperd().kill()
    assert os.path.exists(env.control), "SIGKILL removed the socket?"
    p = env.synkeeper("status", check=False)
    assert p.returncode == 1 and "no daemon is listening" in p.stderr, \
        f"{p.returncode}: {p.stderr}"
    still_well(env, env.synkeeperd(), "after a crash")
    get_once(env)


@net_test
def test_path_is_a_file(env):
    """What is not a socket is not removed."""
    with open(env.control, "w", encoding="utf-8") as f:
        f.write("precious\n")
    daemon = env.synkeeperd(wait=False)
    wait_for(lambda: not daemon.alive() or env.synkeeper(
        "status", check=False).returncode == 0, 10, "synkeeperd up or ended")
    assert os.path.isfile(env.control), \
        "the daemon replaced a plain file at the control socket's path"
    assert not daemon.alive() and env.control in daemon.output(), \
        f"the daemon did not name {env.control}: {daemon.output()}"
