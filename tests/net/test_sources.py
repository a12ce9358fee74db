# SPDX-License-Identifier: GPL-2.0-only
"""Lists of sources, and the cap on SYN-ACKs to a source's prefix.

Theory of operation: the client has several addresses; files name some of them.
Connections are made from each, before and after the files change.
"""
import os
import signal
import socket
import time

from namespace import wait_for
from nettest import net_test

GOOD, BAD, FRIEND = "192.0.2.1", "192.0.2.50", "192.0.2.51"


def write(env, name, text):
    path = f"{env.dir}/{name}"
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def protect(env, deny, allow="", more=""):
    for address in (BAD, FRIEND):
        env.client.ip("addr", "add", f"{address}/24", "dev", env.client.iface)
    conf = write(env, "synkeeper.conf",
                 "[service web]\nlisten = *:80\n[sources]\n"
                 f"deny = {write(env, 'deny', deny)}\n"
                 f"allow = {write(env, 'allow', allow)}\n{more}")
    return env.synkeeperd("-c", conf, services=())


def connect(env, source, timeout=20):
    with env.client.inside():
        s = socket.socket()
        s.bind((source, 0))
        s.settimeout(timeout)
        try:
            s.connect((env.server.ip4, 80))
        except OSError:
            s.close()
            raise
        return s


def gets_in(env, source):
    with connect(env, source) as s:
        s.sendall(b"GET /1k HTTP/1.0\r\n\r\n")
        got = s.recv(100)
        assert got.startswith(b"HTTP/1.1 200"), f"{source} got {got!r}"


def stays_out(env, source):
    before = denied(env)
    try:
        connect(env, source, 1).close()
    except TimeoutError:
        pass
    else:
        raise AssertionError(f"{source} is denied, and connected")
    assert denied(env) > before, f"no SYN of {source} was counted as denied"


def denied(env):
    return env.json("stats")["total"].get("denied", 0)


@net_test
def test_denied_and_allowed(env):
    """A net is denied, a host in it allowed; comments, blanks are skipped."""
    env.nginx()
    protect(env, "# bad ones\n\n 192.0.2.48/30 # their net\n2001:db8:bad::/48",
            f"{FRIEND}\n")
    gets_in(env, GOOD)
    stays_out(env, BAD)
    gets_in(env, FRIEND)


@net_test
def test_all_of_ipv6_is_not_ipv4(env):
    """::/0 in a list means IPv6, though IPv4 is stored within it."""
    env.nginx()
    protect(env, "::/0\n")
    gets_in(env, GOOD)
    with env.client.inside():
        s = socket.socket(socket.AF_INET6)
    s.settimeout(1)
    try:
        s.connect((env.server.ip6, 80))
        raise AssertionError("an IPv6 client connected, though ::/0 is denied")
    except TimeoutError:
        pass
    s.close()


@net_test
def test_reload_changes_lists_and_ends_no_connection(env):
    """A source that is denied now keeps its connection and gets no other."""
    env.nginx()
    daemon = protect(env, "203.0.113.0/24\n")
    held = connect(env, BAD)
    write(env, "deny", f"203.0.113.0/24\n{BAD}\n")
    out = env.synkeeper("reload").stdout
    assert "[sources] prefixes: 1 denied, 0 allowed -> 2 denied, 0 allowed" \
        in out, f"reload said {out!r}"
    stays_out(env, BAD)
    held.sendall(b"GET /1k HTTP/1.0\r\n\r\n")
    got = held.recv(100)
    assert got.startswith(b"HTTP/1.1 200"), f"the old connection got {got!r}"
    held.close()
    write(env, "deny", "")
    os.kill(daemon.pid, signal.SIGHUP)
    wait_for(lambda: "2 denied, 0 allowed -> 0 denied" in daemon.output(), 5,
             "the lists to be read again")
    gets_in(env, BAD)


@net_test
def test_a_bad_line_keeps_the_old_list(env):
    """file:line, and nothing changed."""
    env.nginx()
    protect(env, f"{BAD}\n")
    for text, error in (
            ("192.0.2.1/33\n", "deny:1: '192.0.2.1/33' is not a prefix"),
            ("\n# x\nall\n", "deny:3: 'all' is not a prefix: write "
                             "192.0.2.0/24 or 2001:db8::/32"),
            ("192.0.2.9/24\n", "deny:1: '192.0.2.9/24' is not a prefix: host "
                               "bits are set: write 192.0.2.0/24"),
            ("192.0.2.1\x1b[2J\n", "deny:1: byte 0x1b is not text: remove it"),
            ("1" * 300 + "\n", "deny:1: the line is too long")):
        write(env, "deny", text)
        r = env.synkeeper("reload", check=False)
        assert r.returncode == 1 and error in r.stderr, \
            f"expected {error!r}, got {r.returncode}: {r.stderr}"
        stays_out(env, BAD)
        gets_in(env, GOOD)
    os.unlink(f"{env.dir}/deny")
    r = env.synkeeper("reload", check=False)
    assert r.returncode == 1 and "deny: cannot read it: No such file" in \
        r.stderr, f"{r.returncode}: {r.stderr}"


@net_test
def test_a_million_prefixes(env):
    """They are loaded while clients connect; one more is refused."""
    env.nginx()
    protect(env, f"{BAD}\n")
    lines = [f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n"
             for i in range(1 << 20)]
    lines[0] = f"{BAD}\n"
    write(env, "deny", "".join(lines))
    start = time.monotonic()
    env.synkeeper("reload", timeout=60)
    print(f"1,048,576 prefixes in {time.monotonic() - start:.1f} s")
    stays_out(env, BAD)
    gets_in(env, GOOD)
    write(env, "deny", "".join(lines) + "192.0.2.99\n")
    r = env.synkeeper("reload", check=False, timeout=60)
    assert r.returncode == 1 and \
        "deny:1048577: more than 1048576 prefixes" in r.stderr, r.stderr
    stays_out(env, BAD)


@net_test
def test_cap_on_synacks(env):
    """The victim of a reflection gets at most that many SYN-ACKs a second, its
    neighbours and allowed sources get all of theirs."""
    env.nginx()
    protect(env, "", f"{GOOD}\n", "synacks-per-second = 100\n")
    flood = env.flood("syn", 3, rate=20000, src="198.51.100.7")
    wait_for(lambda: env.json("stats")["total"].get("over_cap", 0) > 1000, 5,
             "SYNs over the cap")
    gets_in(env, GOOD)
    flood.wait(10)
    total = env.json("stats")["total"]
    assert total["answered"] <= 100 * 6, \
        f"more SYN-ACKs than 100 a second in 3 s: {total}"
