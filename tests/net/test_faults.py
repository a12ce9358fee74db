# SPDX-License-Identifier: GPL-2.0-only
"""What can happen to a daemon: it is stopped, runs out of memory, its file
system is unmounted, its clock differs, a rival starts at the same moment.

Theory of operation: each fault affects only this test's daemon (a signal, a
memory cgroup, a mount or time namespace of its own). docs/THREATMODEL.md (When
the machine fails) says what must hold: good traffic continues, the data path
protects with what it has, and the fault is reported. Other faults are tested
elsewhere: a stalled ring buffer and watchers in test_watch_lost.py, a flooded
control socket in test_control.py, a full disk in test_capture.py.
"""
import contextlib
import os
import re
import signal
import time

import attached
from goodclients import GoodClients, Held, get_until
from namespace import Process, run, wait_for
from netenv import OUTPUT
from nettest import net_test, skip
from scapytools import LINUX, Peer
from session_stats import protect, wait_armed

MEMORY = "/sys/fs/cgroup/memory"  # version 1
UNIFIED = "/sys/fs/cgroup"
LIMIT = 96 << 20


def total(env, reason):
    return env.json("status")["total"].get(reason, 0)


@net_test
def test_stopped_over_rotations(env):
    """For more than two lifetimes of a key: it protects with the last one; then
    the key is rotated, and earlier cookies are still valid."""
    env.nginx()
    daemon = protect(env, config="[keys]\nlifetime = 5s\n")
    held = Held(env)
    with GoodClients(env) as good:
        good.wait_more(5, "before it is stopped")
        with daemon.stopped():
            epoch = attached.map_value(env, "settings", 0)["epoch"]
            time.sleep(11)  # the time itself is under test
            got = attached.map_value(env, "settings", 0)["epoch"]
            assert got == epoch, f"epoch {epoch} became {got} by itself"
            good.wait_more(20, "while it is stopped")
            held.ask("while it is stopped")
            peer = Peer(env)
            flow = peer.flow()
            flow.syn(LINUX, what="a SYN while the daemon is stopped")
        wait_for(lambda: env.json("status")["key"]["epoch"] > epoch, 5,
                 "the overdue key to be replaced")
        flow.send("A")
        flow.say(b"GET /1k HTTP/1.0\r\n\r\n", "data behind a cookie of the "
                 "time without a daemon")
        peer.sock.close()
        good.wait_more(5, "after it continued")
        held.ask("after it continued")
    status = env.json("status")
    assert not status["health"], f"health: {status['health']}"
    dropped = {r: total(env, r) for r in ("bad_cookie", "expired_cookie")}
    assert not any(dropped.values()), \
        f"ACKs of good clients were dropped: {dropped}"


@net_test
def test_listener_comes_while_stopped(env):
    """What the daemon has not seen yet passes, and is protected later."""
    env.nginx()
    daemon = protect(env)
    env.synkeeper("service", "add", "*:81")
    with daemon.stopped():
        env.nginx(81)
        with GoodClients(env, port=81) as good:
            good.wait_more(5, "on a listener that nobody has noticed")
    wait_armed(env, "*:81")
    get_until(env, lambda: total(env, "admitted"), "was admitted", port=81)


@contextlib.contextmanager
def memory_limit(env):
    """A function that starts a command in a cgroup with little memory."""
    version1 = os.path.exists(f"{MEMORY}/memory.limit_in_bytes")
    if not version1 and not os.path.exists(f"{UNIFIED}/cgroup.controllers"):
        skip("no memory cgroups here")
    place = f"{MEMORY if version1 else UNIFIED}/{env.name}"
    try:
        os.mkdir(place)
        limit = "limit_in_bytes" if version1 else "max"
        with open(f"{place}/memory.{limit}", "w", encoding="ascii") as f:
            f.write(str(LIMIT))
    except OSError as e:
        with contextlib.suppress(OSError):
            os.rmdir(place)
        skip(f"cannot create a memory cgroup here: {e}")
    try:
        yield lambda cmd: ["sh", "-c",
                           f"echo $$ >{place}/cgroup.procs && exec \"$@\"",
                           "sh", *cmd]
    finally:
        wait_for(lambda: not open(f"{place}/cgroup.procs",
                                  encoding="ascii").read(), 10,
                 "the cgroup to be empty")
        os.rmdir(place)


def daemon_command(env, *args):
    return [f"{OUTPUT}/synkeeperd", "-i", env.server.iface, "-s", "*:80",
            "--pin-dir", env.pin_dir, "--control", env.control, *args]


def config(env, text):
    path = f"{env.dir}/faults.conf"
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


@net_test
def test_out_of_memory_at_start(env):
    """A table too large: one line that names what to lower; nothing is left."""
    env.nginx()
    path = config(env, "[sessions]\nmax = 4M\n")
    with memory_limit(env) as limited:
        p = env.server.run(limited(daemon_command(env, "-c", path)),
                           check=False)
    lines = p.stderr.splitlines()
    assert p.returncode == 1 and len(lines) == 1, \
        f"expected exit code 1 and a line, got {p.returncode}: {p.stderr}"
    for word in ("memory", "[sessions] max", "4000000", "MB"):
        assert word in lines[0], f"expected {word!r} in {lines[0]}"
    attached.nothing_left(env, "out of memory")
    protect(env)
    env.fetch()


@contextlib.contextmanager
def private_bpffs(env):
    """(mount point, function that runs a command where it is visible)"""
    place = f"{env.dir}/bpf"
    os.mkdir(place)
    holder = Process("mounts", ["unshare", "-m", "--propagation", "private",
                                "sh", "-c", f"mount -t bpf bpf {place} && "
                                "echo ready && exec sleep 600"],
                     f"{env.dir}/mounts.log")
    try:
        wait_for(lambda: "ready" in holder.output() or not holder.alive(), 5,
                 "a private bpffs")
        holder.check_alive()
        # chroot, too: a mount namespace alone leads to its own root
        proc = f"/proc/{holder.pid}"
        yield place, lambda cmd: ["nsenter", f"--mount={proc}/ns/mnt",
                                  f"--root={proc}/root", *cmd]
    finally:
        holder.stop()


@net_test
def test_bpffs_unmounted(env):
    """The data path continues; it is reported; no connection is cut at the
    end."""
    env.nginx()
    with private_bpffs(env) as (place, inside):
        env.pin_dir = f"{place}/pins"
        daemon = env.server.start(inside(daemon_command(env)),
                                  name="synkeeperd")
        wait_for(lambda: env.synkeeper("status", check=False).stdout
                 or daemon.check_alive(), 10, "synkeeperd to answer")
        wait_armed(env)
        held = Held(env)
        with GoodClients(env) as good:
            good.wait_more(5, "before")
            run(inside(["umount", "-l", place]))
            wait_for(lambda: env.json("status")["health"], 5,
                     "status to say that something is wrong")
            health = env.json("status")["health"]
            assert len(health) == 1 and env.pin_dir in health[0], \
                f"health: {health}"
            said = re.findall(f"{re.escape(env.pin_dir)}.*is gone",
                              daemon.output())
            assert len(said) == 1, \
                f"expected one line on it in the log: {daemon.output()}"
            get_until(env, lambda: total(env, "admitted"), "was admitted")
            good.wait_more(10, "without the bpf file system")
            daemon.signal(signal.SIGTERM)
            assert daemon.wait(10) == 0, daemon.output()
            good.wait_more(5, "after the end")
            held.ask("after the end")
        wait_for(lambda: not attached.xdp(env.server) and
                 not attached.tcx(env.server), 5,
                 "the programs, which have no pins left, to be detached")


@net_test
def test_mtu_changes(env):
    """Under load: the MSS offered follows, and transfers continue."""
    env.nginx()
    protect(env)
    with GoodClients(env) as good:
        for mtu in (1400, 1280, 1500):
            for ns in (env.client, env.server):
                ns.ip("link", "set", ns.iface, "mtu", str(mtu))

            def offered():
                with Peer(env) as peer:
                    synack = peer.flow().syn(LINUX)
                return dict(synack["TCP"].options)["MSS"]

            wait_for(lambda m=mtu: offered() == m - 40, 3,
                     f"a SYN-ACK that offers MSS {mtu - 40}")
            good.wait_more(3, f"with an MTU of {mtu}")
            env.fetch("10m")
            env.fetch("10m", v6=True)


@net_test
def test_other_clock(env):
    """In a time namespace, like a migrated container: sessions do not time out,
    keys rotate on time, ages and times are right."""
    if not os.path.exists("/proc/self/ns/time"):
        skip("this kernel has no time namespaces")
    env.nginx()
    path = config(env, "[keys]\nlifetime = 5s\n")
    for offset in (1000000, -int(time.monotonic() / 2)):
        how = f"with a clock off by {offset} s"
        daemon = env.server.start(
            ["unshare", "--time", "--monotonic", str(offset), "--fork",
             "--kill-child", *daemon_command(env, "-c", path)],
            name="synkeeperd")
        wait_for(lambda d=daemon: d.check_alive() or env.synkeeper(
            "status", check=False).stdout, 10, "synkeeperd to answer")
        wait_armed(env)
        held = Held(env)
        with GoodClients(env) as good:
            wait_for(lambda: env.json("status")["key"]["epoch"] >= 2, 20,
                     f"a second rotation {how}")
            good.wait_more(5, how)
        held.ask(how)
        status = env.json("status")
        ended = env.json("session", "totals")["total"]["ended"]
        assert not ended["timeout"] and \
            status["sessions"]["established"] >= 1, \
            f"{how}: sessions timed out: {ended}, {status['sessions']}"
        assert status["key"]["age_s"] < 6 and status["uptime_s"] < 60, \
            f"{how}: status says {status['key']}, up {status['uptime_s']}"
        dropped = {r: total(env, r) for r in ("bad_cookie", "expired_cookie")}
        assert not any(dropped.values()), f"{how}: dropped {dropped}"
        del held
        env.synkeeper("down")
        daemon.wait(10)


@net_test
def test_race_for_a_pin_directory(env):
    """Two starts at the same moment: one wins, the other names it."""
    env.nginx()
    for turn in range(8):
        both = [env.server.start(
            [*daemon_command(env)[:-1], f"{env.control}{i}"],
            name=f"rival{i}") for i in range(2)]
        wait_for(lambda b=both: not all(p.alive() for p in b), 15,
                 f"one of two daemons to give up, turn {turn}")
        losers = [p for p in both if not p.alive()]
        assert len(losers) == 1, f"turn {turn}: both gave up: " + \
            "".join(p.output() for p in both)
        loser = losers[0]
        winner = both[1 - both.index(loser)]
        said = loser.output()
        assert loser.wait() == 1 and env.pin_dir in said and \
            f"pid {winner.pid}" in said, \
            f"turn {turn}: the winner is {winner.pid}, the other says: {said}"
        wait_for(lambda w=winner: "ready" in w.output() or not w.alive(), 10,
                 "the winner to be ready")
        winner.check_alive()
        env.fetch()
        assert winner.stop() == 0, winner.output()
        if turn % 2:  # every other time with a new directory
            env.synkeeper("down")
