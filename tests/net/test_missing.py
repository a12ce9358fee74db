# SPDX-License-Identifier: GPL-2.0-only
"""Interfaces that do not exist when the daemon starts.

Theory of operation: like one that disappears while it runs (test_interfaces.py)
such an interface is waited for: the daemon is ready, reports what is missing,
and protects it when it appears, however it gets its name.
"""
import os
import re
import socket

import attached
from goodclients import get_until
from namespace import run, wait_for
from netenv import OUTPUT, ROOT
from nettest import mode, net_test

SOON = 3
OURS = ("synkeeper_xdp", mode())


def admitted(env):
    return env.json("status")["total"].get("admitted", 0)


def row(env, name):
    status = env.json("status")
    return next(i for i in status["interfaces"] if i["name"] == name), \
        [line for line in status["health"] if name in line]


def missing(env, name="server1"):
    iface, health = row(env, name)
    assert iface["mode"] == "missing" and not iface["protected"] and \
        "missing: waiting for it" in iface["why"] and len(health) == 1 and \
        "missing: waiting for it" in health[0], f"{iface}, {health}"
    p = env.synkeeper("status", check=False)
    assert p.returncode == 1 and name in p.stdout, \
        f"expected exit code 1, got {p.returncode}: {p.stdout}"


def comes(env, address, name="server1"):
    wait_for(lambda: attached.xdp(env.server, name) == OURS, SOON,
             f"XDP on {name}")
    get_until(env, lambda: admitted(env), f"was admitted on {name}",
              address=address)
    iface, health = row(env, name)
    assert iface["mode"] == mode() and iface["protected"] and not health, \
        f"{name} came: status shows {iface} and health {health}"
    assert env.synkeeper("status").returncode == 0


@net_test
def test_missing_at_start_ended_the_daemon(env):
    """One of two: the other is protected, and this one when it appears."""
    env.nginx()
    daemon = env.synkeeperd("-i", "server1")
    missing(env)
    assert "server1: missing: waiting for it" in daemon.output(), daemon.output()
    get_until(env, lambda: admitted(env), "was admitted on server0")
    comes(env, attached.add_pair(env))
    env.server.ip("link", "del", "server1")
    wait_for(lambda: row(env, "server1")[0]["mode"] == "missing", SOON,
             "status to show it as missing again")
    comes(env, attached.add_pair(env))


@net_test
def test_only_interface_missing_at_start(env):
    """READY is sent nevertheless, for systemd."""
    env.nginx()
    path = f"{env.dir}/notify"
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(path)
    s.settimeout(20)
    daemon = env.server.start(
        ["env", f"NOTIFY_SOCKET={path}", f"{OUTPUT}/synkeeperd", "-i",
         "server1", "-s", "*:80", "-m", mode(), "--pin-dir", env.pin_dir,
         "--control", env.control],
        name="synkeeperd")
    got = s.recv(1000)
    assert b"READY=1" in got, got
    missing(env)
    comes(env, attached.add_pair(env))
    env.synkeeper("down")
    assert daemon.wait(10) == 0, daemon.output()
    attached.nothing_left(env, "down", ("server1",))


@net_test
def test_missing_at_start_comes_by_another_name(env):
    """Renamed to the configured one, as udev does."""
    env.nginx()
    env.synkeeperd("-i", "wan1")
    missing(env, "wan1")
    address = attached.add_pair(env)
    env.server.ip("link", "set", "server1", "down")
    env.server.ip("link", "set", "server1", "name", "wan1")
    env.server.ip("link", "set", "wan1", "up")
    comes(env, address, "wan1")


@net_test
def test_missing_added_by_reload(env):
    """As at the start: the file may be ahead of the NIC."""
    env.nginx()
    conf = f"{env.dir}/missing.conf"
    for text in ("[keys]\nlifetime = 60s\n",
                 "[keys]\nlifetime = 60s\n[daemon]\ninterface = server1\n"):
        with open(conf, "w", encoding="utf-8") as f:
            f.write(text)
        if "server1" not in text:
            env.synkeeperd("-c", conf)
    env.synkeeper("reload")
    missing(env)
    comes(env, attached.add_pair(env))


@net_test
def test_removed_by_reload_and_taken_back_stayed_removed(env):
    """The interface's row said "removed: cookies in flight" for ever."""
    env.nginx()
    address = attached.add_pair(env)
    conf = f"{env.dir}/back.conf"

    def reload(names):
        with open(conf, "w", encoding="utf-8") as f:
            f.write("[keys]\nlifetime = 60s\n" + names)
    both = "[daemon]\ninterface = server1\n"
    reload(both)
    env.synkeeperd("-c", conf)
    why = row(env, "server1")[0]["why"]
    reload("")
    env.synkeeper("reload")
    assert "removed" in row(env, "server1")[0]["why"]
    reload(both)
    env.synkeeper("reload")
    got = row(env, "server1")[0]["why"]
    assert got == why, f"expected {why!r}, got {got!r}"
    comes(env, address)


@net_test
def test_names_that_can_never_come(env):
    """An error with exit code 2; --check reports one that may appear."""
    for name in ("a-name-that-is-too-long", "a/b", "a b", ".", "a:b"):
        p = run([f"{OUTPUT}/synkeeperd", "-i", name, "-s", "*:80"],
                check=False)
        assert p.returncode == 2 and name in p.stderr, \
            f"{name!r}: exit code {p.returncode}: {p.stderr}"
    p = env.server.run([f"{OUTPUT}/synkeeperd", "-i", "nic9", "-s", "*:80",
                        "--check"], check=False)
    assert p.returncode == 0 and "nic9: no such interface yet" in p.stderr, \
        f"--check: {p.returncode}: {p.stderr}"


@net_test
def test_unit_gave_up_after_five_starts(_env):
    """systemd's start limit would leave the host unprotected for ever."""
    with open(os.path.join(ROOT, "dist/synkeeperd.service"),
              encoding="utf-8") as f:
        unit = f.read()
    head = unit.split("[Service]")[0]
    assert re.search(r"^StartLimitIntervalSec=0$", head, re.M), head
    assert re.search(r"^Restart=on-failure$", unit, re.M)
